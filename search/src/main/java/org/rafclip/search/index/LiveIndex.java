package org.rafclip.search.index;

/** An index that others may be changing: {@link #follow} goes on to what they have done. */
public interface LiveIndex extends PhotoIndex {

    /**
     * Goes on to the last commit. Questions that are being answered are answered from the one before.
     *
     * @return whether there was a later one
     * @throws org.rafclip.data.DataException if it cannot be opened, or holds vectors of another model; the one before stays
     *     then
     */
    boolean follow();
}
