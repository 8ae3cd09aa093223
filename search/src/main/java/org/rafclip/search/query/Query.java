package org.rafclip.search.query;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import lombok.With;
import org.rafclip.search.index.Filter;

/**
 * A question.
 *
 * @param parts one or more; their vectors are added by weight and brought to length 1
 * @param change what is to be different from the only part, which is then a photo: a composer makes the query
 * @param without ids that may not be answers
 * @param offset hits of the ranking that are skipped
 * @param limit hits at most, at least 1
 */
@With
public record Query(
        List<Part> parts, Optional<String> change, Filter filter, Set<String> without, int offset, int limit) {

    private static final int HITS = 10;

    public Query {
        parts = List.copyOf(parts);
        without = Set.copyOf(without);
        if (offset < 0 || limit < 1) {
            throw new IllegalArgumentException("hits from " + offset + " on, " + limit + " at most");
        }
    }

    /** Asks for the ten best of the whole index. */
    public static Query of(Part... parts) {
        return new Query(List.of(parts), Optional.empty(), Filter.ALL, Set.of(), 0, HITS);
    }

    /** The same, but. */
    public Query but(String change) {
        return withChange(Optional.of(change));
    }
}
