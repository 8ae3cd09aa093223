package org.rafclip.measure;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.rafclip.agcn.compose.ComposerModel;
import org.rafclip.agcn.compose.Explanation;
import org.rafclip.data.Progress;
import org.rafclip.data.Stages;
import org.rafclip.data.fashioniq.QuerySet;
import org.rafclip.photos.PhotoSplit;

/**
 * How a composer's gates (Wang and Zhao 2024, Eq. 12) weigh its branches over queries; of vector gates the mean over their
 * elements.
 *
 * @param queries how many
 * @param image how the weights a of the image branch spread
 * @param text how the weights b of the text branch spread
 * @param kinds the same by what the text changes, all queries first
 */
public record GateSummary(int queries, Histogram image, Histogram text, List<Kind> kinds) {

    private static final int BATCH = 64;
    private static final int BINS = 20;

    /**
     * Weights between 0 and 1.
     *
     * @param mean of all
     * @param counts in bins of equal width from 0 to 1
     */
    public record Histogram(double mean, List<Integer> counts) {

        public Histogram {
            counts = List.copyOf(counts);
        }

        private static Histogram of(List<Double> weights) {
            Integer[] counts = new Integer[BINS];
            Arrays.fill(counts, 0);
            for (double weight : weights) {
                counts[(int) Math.max(0, Math.min(BINS - 1, Math.floor(weight * BINS)))]++;
            }
            return new Histogram(
                    weights.stream().mapToDouble(Double::doubleValue).average().orElse(0), List.of(counts));
        }
    }

    /**
     * The queries of one kind.
     *
     * @param name such as {@code Changes the fabric}
     * @param queries how many; 0 leaves the others 0
     * @param imageMean of a
     * @param imageDeviation standard deviation of a over the queries
     * @param textMean of b
     * @param textDeviation standard deviation of b over the queries
     */
    public record Kind(
            String name, int queries, double imageMean, double imageDeviation, double textMean, double textDeviation) {}

    public GateSummary {
        kinds = List.copyOf(kinds);
    }

    /**
     * Composes all queries and looks at the gates.
     *
     * @return empty for a composer without gates
     */
    public static Optional<GateSummary> of(ComposerModel composer, ComposedQueries queries, Stages stages) {
        int all = queries.count();
        BiFunction<QuerySet, QuerySet.Query, List<Integer>> changes = queries.changes();
        Progress progress = stages.stage("weights of the branches", all);
        List<Double> image = new ArrayList<>();
        List<Double> text = new ArrayList<>();
        List<List<Integer>> changed = new ArrayList<>();
        for (QuerySet set : queries.sets()) {
            for (int from = 0; from < set.queries().size(); from += BATCH) {
                List<QuerySet.Query> some =
                        set.queries().subList(from, Math.min(set.queries().size(), from + BATCH));
                ComposerModel.Explained explained = composer.explain(
                        queries.features()
                                .images(some.stream()
                                        .map(QuerySet.Query::reference)
                                        .toList()),
                        queries.features()
                                .texts(some.stream().map(QuerySet.Query::text).toList()));
                explained.queries().close();
                for (int i = 0; i < some.size(); i++) {
                    Explanation explanation = explained.explanations().get(i);
                    if (explanation.imageGate().isEmpty()
                            || explanation.textGate().isEmpty()) {
                        return Optional.empty();
                    }
                    image.add(mean(explanation.imageGate()));
                    text.add(mean(explanation.textGate()));
                    changed.add(changes.apply(set, some.get(i)));
                }
                progress.update(image.size(), all);
            }
        }
        return Optional.of(new GateSummary(
                all, Histogram.of(image), Histogram.of(text), kinds(image, text, changed, queries.photos())));
    }

    static double mean(List<Double> values) {
        return values.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
    }

    private static List<Kind> kinds(
            List<Double> image, List<Double> text, List<List<Integer>> changed, PhotoSplit photos) {
        Map<String, Predicate<List<Integer>>> kinds = new LinkedHashMap<>();
        kinds.put("All queries", any -> true);
        if (photos != null) {
            kinds.put("One attribute changes", groups -> groups.size() == 1);
            kinds.put("Several attributes change", groups -> groups.size() > 1);
            for (int g = 0; g < photos.taxonomy().groups().size(); g++) {
                int group = g;
                kinds.put("Changes the " + photos.taxonomy().group(g).name(), groups -> groups.contains(group));
            }
        }
        List<Kind> found = new ArrayList<>();
        kinds.forEach((name, holds) -> {
            int[] of = IntStream.range(0, image.size())
                    .filter(i -> holds.test(changed.get(i)))
                    .toArray();
            double[] a = Arrays.stream(of).mapToDouble(image::get).toArray();
            double[] b = Arrays.stream(of).mapToDouble(text::get).toArray();
            found.add(new Kind(name, of.length, mean(a), deviation(a), mean(b), deviation(b)));
        });
        return found;
    }

    private static double mean(double[] values) {
        return Arrays.stream(values).average().orElse(0);
    }

    private static double deviation(double[] values) {
        double mean = mean(values);
        return Math.sqrt(Arrays.stream(values)
                .map(value -> (value - mean) * (value - mean))
                .average()
                .orElse(0));
    }
}
