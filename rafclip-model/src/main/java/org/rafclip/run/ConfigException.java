package org.rafclip.run;

/** A configuration that cannot be used: the message names the file and line (or the override), the key and the remedy. */
public class ConfigException extends RuntimeException {

    public ConfigException(String message) {
        super(message);
    }

    public ConfigException(String message, Throwable cause) {
        super(message, cause);
    }
}
