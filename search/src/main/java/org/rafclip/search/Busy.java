package org.rafclip.search;

/** More is asked of a model than it can take; asked again after a while, it answers. */
public final class Busy extends RuntimeException {

    private static final long serialVersionUID = 1;

    Busy(int waiting) {
        super(waiting + " photos and texts wait to be encoded, more cannot; ask again in a moment");
    }
}
