package org.rafclip.search.index;

import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Which entries may be answers: those that have, in every facet named, one of its words.
 *
 * @param words by facet; a facet without words keeps nothing
 * @param boxed only entries with a box, or only those without; empty for both
 */
public record Filter(Map<String, Set<String>> words, Optional<Boolean> boxed) {

    /** Keeps everything. */
    public static final Filter ALL = new Filter(Map.of(), Optional.empty());

    public Filter {
        words = Map.copyOf(words);
    }
}
