package org.rafclip.search.query;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.rafclip.search.Composed;

/**
 * @param hits best first, from the question's offset on
 * @param total entries that may be hits: those that the filter keeps, less those that the question is without
 * @param how the query's vector came about, for people
 * @param gates of the composer, empty without one
 */
public record Answer(List<Hit> hits, int total, String how, Optional<Composed.Gates> gates) {

    /**
     * @param score cosine of query and entry
     * @param labels of the entry, by facet
     * @param why labels that the question's words name
     */
    public record Hit(String id, double score, Map<String, List<String>> labels, List<String> why) {}
}
