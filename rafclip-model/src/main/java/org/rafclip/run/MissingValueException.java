package org.rafclip.run;

/** A record's refusal for want of a value that only its user has: what is missing is missing on the command line too. */
public final class MissingValueException extends IllegalArgumentException {

    private static final long serialVersionUID = 1;

    /** @param message what to give, and how */
    public MissingValueException(String message) {
        super(message);
    }
}
