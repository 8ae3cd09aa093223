package org.rafclip.search.query;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.rafclip.search.index.Filter;

/**
 * A question.
 *
 * @param parts one or more; their vectors are added by weight and brought to length 1
 * @param change what is to be different from the only part, which is then a photo: a composer makes the query
 * @param without ids that may not be answers
 * @param offset hits of the ranking that are skipped
 * @param limit hits at most
 */
public record Query(
        List<Part> parts, Optional<String> change, Filter filter, Set<String> without, int offset, int limit) {}
