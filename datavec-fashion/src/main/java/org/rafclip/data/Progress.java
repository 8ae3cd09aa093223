package org.rafclip.data;

/** Told how far a long job is; called from one thread at a time, with {@code done} never falling. */
@FunctionalInterface
public interface Progress {

    /** Shows nothing. */
    Progress NONE = (done, total) -> {};

    /**
     * @param done items finished, failed ones included
     * @param total items of the whole job
     */
    void update(int done, int total);
}
