package org.rafclip.ops;

/** ND4J computes elsewhere than our operations do; the message says what to change. */
public final class UnsupportedBackendException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    UnsupportedBackendException(String message, Throwable cause) {
        super(message, cause);
    }
}
