package org.rafclip.run;

import java.io.IOException;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;
import org.rafclip.data.DataException;

/** Machines that do one piece of work together, each a share. What there is is found by {@link Machines#service}. */
public interface SharedCluster {

    /** What a member of the group is given, by name: its place among them, from 0. */
    String RANK = "rank";

    /** How many there are. */
    String SIZE = "size";

    /** How often the work was begun before, because a member was lost. */
    String ATTEMPT = "attempt";

    /** A {@code Function<String, String[]>}: takes a member's word, and returns those of all when all have said theirs. */
    String ALL_GATHER = "allGather";

    /**
     * Has a group of processes work together. Where one is lost, all begin again, as soon as there are enough of them.
     *
     * @param size of the group
     * @param member made once in each process, of a constructor that takes the settings; takes a map of the above
     * @param told takes a line for the reader
     * @throws DataException if the machines cannot be had, or a member failed
     */
    void run(
            Machines machines,
            int size,
            Class<? extends Function<Object, Object>> member,
            Map<String, String> settings,
            Consumer<String> told)
            throws IOException;
}
