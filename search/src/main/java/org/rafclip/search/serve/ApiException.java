package org.rafclip.search.serve;

/** A request that is refused, with the reason that its sender is told. */
final class ApiException extends RuntimeException {

    static final int BAD_REQUEST = 400;
    static final int NOT_FOUND = 404;
    static final int TOO_LARGE = 413;
    static final int WRONG_TYPE = 415;
    static final int CANNOT_BE_ANSWERED = 422;
    static final int BUSY = 503;

    private static final long serialVersionUID = 1;

    private final int status;
    private final String field;

    /** @param field of the request that is at fault, null where it is none in particular */
    ApiException(int status, String field, String reason) {
        super(reason, null, false, false);
        this.status = status;
        this.field = field;
    }

    static ApiException busy(String reason) {
        return new ApiException(BUSY, null, reason);
    }

    int status() {
        return status;
    }

    String field() {
        return field;
    }
}
