package org.rafclip.data;

/** Makes the progress of stages that take time, one after the other. */
@FunctionalInterface
public interface Stages {

    /** Shows nothing. */
    Stages NONE = (name, total) -> Progress.NONE;

    /**
     * A stage begins, and whatever stage was before it has ended.
     *
     * @param name what is done
     * @param total how many items there are
     */
    Progress stage(String name, int total);
}
