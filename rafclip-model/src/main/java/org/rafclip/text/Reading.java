package org.rafclip.text;

/** Where a model reads a text. */
public enum Reading {
    /** At its first end token. */
    END_TOKEN,
    /** At the last token of the context, up to which it is filled. */
    LAST_TOKEN,
    /** All of it, and nothing that fills it up. */
    WHOLE
}
