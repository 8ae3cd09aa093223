package org.rafclip.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rafclip.agcn.compose.ComposerConfig;
import org.rafclip.agcn.compose.ComposerModel;
import org.rafclip.agcn.compose.Explanation;
import org.rafclip.agcn.train.AgcnConfig;
import org.rafclip.agcn.train.CompositionData;
import org.rafclip.clip.ClipConfig;
import org.rafclip.data.DrawnPhotos;
import org.rafclip.data.Stages;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.fashioniq.CaptionForm;
import org.rafclip.data.fashioniq.Coverage;
import org.rafclip.data.fashioniq.GalleryKind;
import org.rafclip.data.fashioniq.QuerySet;
import org.rafclip.open.OpenedEncoder;
import org.rafclip.photos.PhotoData;
import org.rafclip.photos.PhotoSplit;
import org.rafclip.photos.PhotoSplits;
import org.rafclip.run.Configs;

/**
 * Nine photos, each of its own texture and sleeve length, three of both; every photo asks for every other. So 18 queries
 * change the texture alone, 18 the sleeves alone, and 36 both.
 */
class GateSummaryTest {

    private static final int PHOTOS = 9;

    @TempDir
    static Path dir;

    private static OpenedEncoder encoder;
    private static ComposedQueries queries;

    @BeforeAll
    static void encode() throws Exception {
        Path data = dir.resolve("data");
        DrawnPhotos.twoGroups(data, "train", 0, PHOTOS);
        encoder = RandomEncoder.in(dir, data);
        PhotoSplit split = new PhotoSplits().split(data, "train");
        List<String> gallery = split.items().stream().map(FashionItem::id).toList();
        List<QuerySet.Query> all = new ArrayList<>();
        for (int from = 0; from < PHOTOS; from++) {
            for (int to = 0; to < PHOTOS; to++) {
                if (from != to) {
                    all.add(new QuerySet.Query(
                            all.size(),
                            gallery.get(from),
                            OptionalInt.of(from),
                            "is " + (from < to ? "red" : "blue"),
                            List.of(to)));
                }
            }
        }
        QuerySet set = new QuerySet(
                CaptionForm.JOINED,
                gallery,
                all,
                new Coverage("photo", "val", GalleryKind.ORIGINAL, PHOTOS, List.of(), List.of()),
                0);
        AgcnConfig.Data settings = Configs.parse(
                "dir: '%s'\nfeatures: '%s'\n".formatted(data, dir.resolve("features")),
                "the data",
                List.of(),
                AgcnConfig.Data.class);
        CompositionData photos = new CompositionData(
                CompositionData.garmentPhotos(
                        encoder, new PhotoData.Parts(split, split.items(), split, List.of()), settings),
                List.of(),
                List.of(set));
        queries = new ComposedQueries(photos.queries(), photos.encode(encoder, settings, Stages.NONE), split, null);
    }

    @AfterAll
    static void close() {
        encoder.close();
    }

    private static ComposerModel composer(String kind, String gates) {
        String yaml = "{kind: " + kind + ", branches: {blocks: 1, heads: 2, mlp-ratio: 1}, gates: {shape: " + gates
                + ", projection: 8, hidden: 8}}";
        ClipConfig clip = encoder.model().config();
        return new ComposerModel(
                new ComposerModel.Description(
                        Configs.parse(yaml, "the composer", List.of(), ComposerConfig.class),
                        clip.embedWidth(),
                        clip.vision().pool(),
                        encoder.hash()),
                11);
    }

    /** A query with its gates, which were asked for alone. */
    private record Weighed(int from, int to, double image, double text) {

        boolean texture() {
            return from % 3 != to % 3;
        }

        boolean sleeves() {
            return from / 3 != to / 3;
        }
    }

    private static List<Weighed> oneByOne(ComposerModel model) {
        List<Weighed> weighed = new ArrayList<>();
        for (QuerySet.Query query : queries.sets().get(0).queries()) {
            Explanation explanation = model.explain(
                            queries.features().images(List.of(query.reference())),
                            queries.features().texts(List.of(query.text())))
                    .explanations()
                    .get(0);
            weighed.add(new Weighed(
                    query.referenceIndex().orElseThrow(),
                    query.right().get(0),
                    mean(explanation.imageGate()),
                    mean(explanation.textGate())));
        }
        return weighed;
    }

    private static double mean(List<Double> values) {
        double sum = 0;
        for (double value : values) {
            sum += value;
        }
        return sum / values.size();
    }

    /** The square root of the mean of squares less the square of the mean. */
    private static double deviation(List<Double> values) {
        List<Double> squares = values.stream().map(value -> value * value).toList();
        return Math.sqrt(Math.max(0, mean(squares) - mean(values) * mean(values)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"scalar", "vector"})
    void meansAndDeviationsByWhatChanges(String gates) {
        try (ComposerModel model = composer("agcn", gates)) {
            GateSummary summary = GateSummary.of(model, queries, Stages.NONE).orElseThrow();
            List<Weighed> weighed = oneByOne(model);

            assertThat(summary.queries()).isEqualTo(72);
            assertBins(summary, weighed);
            assertKind(summary, "All queries", 72, weighed, any -> true);
            assertKind(summary, "One attribute changes", 36, weighed, query -> query.texture() != query.sleeves());
            assertKind(summary, "Several attributes change", 36, weighed, q -> q.texture() && q.sleeves());
            assertKind(summary, "Changes the " + group(0), 54, weighed, Weighed::texture);
            assertKind(summary, "Changes the " + group(1), 54, weighed, Weighed::sleeves);
            assertThat(summary.kinds()).hasSize(3 + 6);
            assertThat(summary.kinds().subList(5, 9)).allSatisfy(kind -> {
                assertThat(kind.queries()).isZero();
                assertThat(kind.imageMean()).isZero();
                assertThat(kind.textDeviation()).isZero();
            });
        }
    }

    private static String group(int index) {
        return queries.photos().taxonomy().group(index).name();
    }

    private static void assertKind(
            GateSummary summary, String name, int count, List<Weighed> weighed, Predicate<Weighed> of) {
        GateSummary.Kind kind = summary.kinds().stream()
                .filter(any -> any.name().equals(name))
                .findFirst()
                .orElseThrow();
        List<Weighed> some = weighed.stream().filter(of).toList();
        List<Double> image = some.stream().map(Weighed::image).toList();
        List<Double> text = some.stream().map(Weighed::text).toList();
        assertThat(some).hasSize(count);
        assertThat(kind.queries()).isEqualTo(count);
        assertThat(kind.imageMean()).isCloseTo(mean(image), within(1e-6));
        assertThat(kind.textMean()).isCloseTo(mean(text), within(1e-6));
        assertThat(kind.imageDeviation()).isCloseTo(deviation(image), within(1e-5));
        assertThat(kind.textDeviation()).isCloseTo(deviation(text), within(1e-5));
    }

    private static void assertBins(GateSummary summary, List<Weighed> weighed) {
        List<Double> image = weighed.stream().map(Weighed::image).toList();
        assertThat(summary.image().mean()).isCloseTo(mean(image), within(1e-6));
        assertThat(summary.image().counts()).hasSize(20);
        for (int bin = 0; bin < 20; bin++) {
            double from = bin / 20.0;
            assertThat(summary.image().counts().get(bin))
                    .as("weights from " + from)
                    .isEqualTo((int) image.stream()
                            .filter(weight -> weight >= from && weight < from + 0.05)
                            .count());
        }
        assertThat(summary.text().counts().stream().mapToInt(Integer::intValue).sum())
                .isEqualTo(weighed.size());
    }

    @ParameterizedTest
    @ValueSource(strings = {"add", "only-text", "only-image", "sum"})
    void composersWithoutGatesHaveNoSummary(String kind) {
        try (ComposerModel model = composer(kind, "scalar")) {
            assertThat(GateSummary.of(model, queries, Stages.NONE)).isEmpty();
        }
    }

    @Test
    void queriesOfPhotosWithoutLabelsAreOfOneKind() {
        ComposedQueries unlabelled = new ComposedQueries(queries.sets(), queries.features(), null, null);
        try (ComposerModel model = composer("agcn", "scalar")) {
            assertThat(GateSummary.of(model, unlabelled, Stages.NONE)
                            .orElseThrow()
                            .kinds())
                    .extracting(GateSummary.Kind::name)
                    .containsExactly("All queries");
        }
    }
}
