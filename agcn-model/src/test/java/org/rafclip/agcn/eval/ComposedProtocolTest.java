package org.rafclip.agcn.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.data.fashioniq.CaptionForm;
import org.rafclip.data.fashioniq.FashionIq;
import org.rafclip.data.fashioniq.GalleryKind;
import org.rafclip.data.fashioniq.QuerySet;
import org.rafclip.ops.JavaOps;

/**
 * From a folder in FashionIQ's layout to figures, under every protocol, beside a reference that knows the folder only as
 * it was drawn here and sorts whole galleries.
 */
class ComposedProtocolTest {

    static {
        JavaOps.install();
    }

    private static final Offset<Double> EXACT = within(1e-9);
    private static final int WIDTH = 16;

    @TempDir
    private Path dir;

    /** One category as drawn: image i is named by its number, and an image's label is its number modulo labels. */
    private record Drawn(String category, int images, int labels, List<int[]> pairs) {

        String id(int image) {
            return category.charAt(0) + "%03d".formatted(image);
        }

        List<Integer> gallery(GalleryKind kind) {
            Set<Integer> used = new HashSet<>();
            pairs.forEach(pair -> used.addAll(List.of(pair[0], pair[1])));
            return IntStream.range(0, images)
                    .filter(image -> kind == GalleryKind.ORIGINAL || used.contains(image))
                    .boxed()
                    .toList();
        }

        boolean right(int[] pair, int image) {
            return labels == 0 ? image == pair[1] : image != pair[0] && image % labels == pair[1] % labels;
        }
    }

    private Drawn draw(String category, int images, int labels, long seed) throws IOException {
        Random random = new Random(seed);
        List<int[]> pairs = new ArrayList<>();
        while (pairs.size() < 40) {
            int reference = random.nextInt(images / 2);
            int target = random.nextInt(images / 2);
            if (reference != target && (labels == 0 || reference % labels != target % labels)) {
                pairs.add(new int[] {reference, target});
            }
        }
        Drawn drawn = new Drawn(category, images, labels, pairs);
        for (String folder : List.of("captions", "image_splits", "labels")) {
            Files.createDirectories(dir.resolve(folder));
        }
        Files.writeString(
                dir.resolve("image_splits/split." + category + ".val.json"),
                IntStream.range(0, images)
                        .mapToObj(i -> '"' + drawn.id(i) + '"')
                        .toList()
                        .toString());
        List<String> entries = new ArrayList<>();
        for (int i = 0; i < pairs.size(); i++) {
            entries.add("{\"candidate\": \"%s\", \"target\": \"%s\", \"captions\": [\"is %d\", \"has %d\"]}"
                    .formatted(drawn.id(pairs.get(i)[0]), drawn.id(pairs.get(i)[1]), i, i));
        }
        Files.writeString(dir.resolve("captions/cap." + category + ".val.json"), entries.toString());
        if (labels > 0) {
            String names = String.join(
                    ", ",
                    IntStream.range(0, labels).mapToObj(i -> "\"l" + i + "\"").toList());
            String of = String.join(
                    ", ",
                    IntStream.range(0, images)
                            .mapToObj(i -> "\"%s\": [%d]".formatted(drawn.id(i), i % labels))
                            .toList());
            Files.writeString(
                    dir.resolve("labels/labels." + category + ".val.json"),
                    "{\"groups\": [{\"name\": \"g\", \"attributes\": [" + names + "]}], \"labels\": {" + of + "}}");
        }
        return drawn;
    }

    /** A unit vector that a name stands for, of ±1/4: cosines are exact in float, with ties in plenty. */
    private static double[] vector(String name) {
        Random random = new Random(name.hashCode());
        return IntStream.range(0, WIDTH)
                .mapToDouble(i -> random.nextBoolean() ? 0.25 : -0.25)
                .toArray();
    }

    private static INDArray rows(List<String> names) {
        return Nd4j.create(names.stream().map(ComposedProtocolTest::vector).toArray(double[][]::new))
                .castTo(DataType.FLOAT);
    }

    private record Expected(double[] recall, double[] precision, double[] chance) {}

    private static Expected reference(
            Drawn drawn, GalleryKind kind, CaptionForm form, boolean masked, List<Integer> ks) {
        List<Integer> gallery = drawn.gallery(kind);
        double[] recall = new double[ks.size()];
        double[] precision = new double[ks.size()];
        double[] chance = new double[ks.size()];
        int queries = 0;
        for (int t = 0; t < drawn.pairs().size(); t++) {
            int[] pair = drawn.pairs().get(t);
            List<String> texts =
                    form == CaptionForm.JOINED ? List.of("Is " + t + " and has " + t) : List.of("Is " + t, "Has " + t);
            for (String text : texts) {
                queries++;
                double[] query = vector(drawn.id(pair[0]) + text);
                List<Integer> ranking = gallery.stream()
                        .filter(image -> !(masked && image == pair[0]))
                        .sorted(Comparator.<Integer>comparingDouble(image -> -dot(query, vector(drawn.id(image))))
                                .thenComparing(image -> image))
                        .toList();
                int right = (int) ranking.stream()
                        .filter(image -> drawn.right(pair, image))
                        .count();
                for (int j = 0; j < ks.size(); j++) {
                    int k = Math.min(ks.get(j), ranking.size());
                    int hits = 0;
                    double sum = 0;
                    for (int rank = 1; rank <= k; rank++) {
                        if (drawn.right(pair, ranking.get(rank - 1))) {
                            hits++;
                            sum += (double) hits / rank;
                        }
                    }
                    recall[j] += hits > 0 ? 1 : 0;
                    precision[j] += sum / Math.min(ks.get(j), right);
                    chance[j] += 1 - noneRight(ranking.size(), right, k);
                }
            }
        }
        for (int j = 0; j < ks.size(); j++) {
            recall[j] /= queries;
            precision[j] /= queries;
            chance[j] /= queries;
        }
        return new Expected(recall, precision, chance);
    }

    private static double dot(double[] a, double[] b) {
        return IntStream.range(0, WIDTH).mapToDouble(i -> a[i] * b[i]).sum();
    }

    /** Draws of k among m that miss all r right ones, by counting. */
    private static double noneRight(int m, int r, int k) {
        return new BigDecimal(choose(m - r, k))
                .divide(new BigDecimal(choose(m, k)), MathContext.DECIMAL64)
                .doubleValue();
    }

    private static BigInteger choose(int n, int k) {
        BigInteger ways = BigInteger.ONE;
        for (int i = 0; i < k; i++) {
            ways = ways.multiply(BigInteger.valueOf(n - i)).divide(BigInteger.valueOf(i + 1L));
        }
        return ways;
    }

    @Test
    void everyProtocolGivesTheFiguresOfSortingWholeGalleries() throws IOException {
        List<Drawn> drawn = List.of(draw("dress", 90, 0, 1), draw("shirt", 120, 7, 2));
        FashionIq data = FashionIq.open(dir);
        List<Integer> ks = ComposedRetrieval.KS;
        assertThat(ks).containsExactly(1, 5, 10, 50);
        for (GalleryKind kind : GalleryKind.values()) {
            for (CaptionForm form : CaptionForm.values()) {
                for (boolean masked : new boolean[] {false, true}) {
                    String protocol = kind + " " + form + " masked " + masked;
                    List<QuerySet> sets = drawn.stream()
                            .map(one -> data.queries(one.category(), "val", kind, form, id -> true, false))
                            .toList();
                    List<ComposedResult.Category> categories = sets.stream()
                            .map(set -> ComposedRetrieval.evaluate(
                                    set,
                                    rows(set.queries().stream()
                                            .map(query -> query.reference() + query.text())
                                            .toList()),
                                    rows(set.gallery()),
                                    masked,
                                    ks))
                            .toList();
                    ComposedResult result = new ComposedResult(Protocol.of(sets, masked, false), categories);
                    List<Expected> expected = drawn.stream()
                            .map(one -> reference(one, kind, form, masked, ks))
                            .toList();
                    for (int j = 0; j < ks.size(); j++) {
                        int at = j;
                        for (int c = 0; c < 2; c++) {
                            ComposedResult.At figures = categories.get(c).at(ks.get(j));
                            String place = protocol + ", " + drawn.get(c).category() + ", k = " + ks.get(j);
                            assertThat(figures.recall())
                                    .as(place)
                                    .isEqualTo(expected.get(c).recall()[j], EXACT);
                            assertThat(figures.meanAveragePrecision())
                                    .as(place)
                                    .isEqualTo(expected.get(c).precision()[j], EXACT);
                            assertThat(figures.chance())
                                    .as(place)
                                    .isEqualTo(expected.get(c).chance()[j], EXACT);
                        }
                        assertThat(result.meanRecall(ks.get(j)))
                                .isEqualTo(mean(expected.stream().map(one -> one.recall()[at])), EXACT);
                        assertThat(result.meanAveragePrecision(ks.get(j)))
                                .isEqualTo(mean(expected.stream().map(one -> one.precision()[at])), EXACT);
                    }
                }
            }
        }
    }

    private static double mean(Stream<Double> values) {
        return values.mapToDouble(Double::doubleValue).average().orElseThrow();
    }
}
