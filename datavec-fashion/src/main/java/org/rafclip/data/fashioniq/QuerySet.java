package org.rafclip.data.fashioniq;

import java.util.List;
import java.util.OptionalInt;

/**
 * What one category's split is measured with.
 *
 * @param form of the texts
 * @param gallery ids of the images asked for, those that are there, in the order of the {@code image_splits} file
 * @param queries in the order of the captions file
 * @param coverage of the gallery; its images that are missing are not in {@code gallery}
 * @param dropped triplets left out as their reference or target is missing
 */
public record QuerySet(CaptionForm form, List<String> gallery, List<Query> queries, Coverage coverage, int dropped) {

    /**
     * One query.
     *
     * @param triplet the triplet's index in its file
     * @param reference id of the reference image
     * @param referenceIndex where the reference stands in the gallery
     * @param text what the target has different
     * @param right where the right answers stand in the gallery, ascending: the target, and where the data have labels
     *     every other image with its labels
     */
    public record Query(int triplet, String reference, OptionalInt referenceIndex, String text, List<Integer> right) {}

    public QuerySet {
        gallery = List.copyOf(gallery);
        queries = List.copyOf(queries);
    }

    public String category() {
        return coverage.category();
    }

    /** The indices of a query's right answers, for evaluators. */
    public int[] right(int query) {
        return queries.get(query).right().stream().mapToInt(Integer::intValue).toArray();
    }

    /** Where a query's reference stands in the gallery, -1 where it does not. */
    public int referenceIndex(int query) {
        return queries.get(query).referenceIndex().orElse(-1);
    }
}
