package org.rafclip.agcn.search;

import java.util.List;
import java.util.Optional;

/**
 * A query of a dialog and its answer.
 *
 * @param reference the image that was refined, empty where text alone was asked
 * @param text what was said
 * @param hits best first
 * @param chosen the hit that became the next reference, empty as long as none has
 */
public record Turn(Optional<String> reference, String text, List<Hit> hits, Optional<Hit> chosen) {

    public Turn {
        hits = List.copyOf(hits);
    }
}
