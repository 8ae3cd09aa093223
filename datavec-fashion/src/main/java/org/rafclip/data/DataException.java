package org.rafclip.data;

/** Bad input data: the message names the file (and line or key), what is wrong, and the remedy. */
public class DataException extends RuntimeException {

    public DataException(String message) {
        super(message);
    }

    public DataException(String message, Throwable cause) {
        super(message, cause);
    }
}
