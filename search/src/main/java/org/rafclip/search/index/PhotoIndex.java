package org.rafclip.search.index;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A gallery of garments that is searched by vectors. Safe for many threads. Each answer is of one commit; of an index that
 * {@linkplain FollowedIndex is followed} the next answer may be of a later one. Every implementation gives the same answers;
 * {@link #nearest} of an exact one is ordered by cosine, of equally near entries the one with the lower id first.
 */
public interface PhotoIndex extends AutoCloseable {

    IndexInfo info();

    /** The entry of an id, its vector and thumbnail included. */
    Optional<Entry> get(String id);

    /**
     * The entries nearest to a query.
     *
     * @param query of length 1, {@code [d]}
     * @param filter what may be an answer
     * @param without ids that may not be an answer
     * @param k how many at most, at least 1
     * @throws org.rafclip.data.DataException if a facet of the filter is not in the index
     */
    List<Match> nearest(float[] query, Filter filter, Set<String> without, int k);

    /**
     * How many entries have each word of each facet, the most frequent first, among those that a filter keeps. A facet that
     * the filter names is counted as if it did not, so that its other words can be chosen too.
     */
    Map<String, Map<String, Integer>> facets(Filter filter);

    /**
     * How many entries {@link #nearest} can answer with.
     *
     * @param without ids that may not be an answer, in the index or not
     */
    int count(Filter filter, Set<String> without);

    @Override
    void close();

    /**
     * An entry near to a query.
     *
     * @param cosine of the two vectors
     */
    record Match(String id, double cosine) {}
}
