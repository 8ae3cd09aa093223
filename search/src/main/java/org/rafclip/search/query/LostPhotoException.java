package org.rafclip.search.query;

import org.rafclip.data.DataException;

/** The photo of an entry is no longer what, or where, it was when it was indexed. The message names its file. */
public final class LostPhotoException extends DataException {

    private static final long serialVersionUID = 1;

    LostPhotoException(String id, DataException cause) {
        super("the photo of '" + id + "' cannot be read again: " + cause.getMessage(), cause);
    }
}
