package org.rafclip.run;

/** A configuration that cannot be used for what the command line says of it, or does not say: its file may be right. */
public final class OverrideException extends ConfigException {

    private static final long serialVersionUID = 1;

    public OverrideException(String message, Throwable cause) {
        super(message, cause);
    }
}
