package org.rafclip.search.query;

import org.rafclip.data.DataException;

/** A question that has no answer, and why. The message names no file. */
public final class QueryException extends DataException {

    private static final long serialVersionUID = 1;

    private final String field;

    /** @param field of the question, such as {@code parts[1].weight} */
    public QueryException(String field, String message) {
        super(message);
        this.field = field;
    }

    /** The part of the question that is at fault. */
    public String field() {
        return field;
    }
}
