package org.rafclip.search.index;

import java.util.Optional;
import java.util.function.Consumer;

/** Garments with their vectors, which an index can be filled with. */
public interface Entries {

    /** What an index of them says of itself. */
    IndexInfo info();

    /** How it is searched where not exactly. */
    Optional<Graph> graph();

    /**
     * Hands out each entry once, always in the same order.
     *
     * @throws org.rafclip.data.DataException if one cannot be read
     */
    void forEach(Consumer<Entry> take);
}
