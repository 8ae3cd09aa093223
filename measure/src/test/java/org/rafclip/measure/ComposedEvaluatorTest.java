package org.rafclip.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rafclip.agcn.compose.ComposerConfig;
import org.rafclip.agcn.eval.ComposedResult;
import org.rafclip.agcn.train.AgcnConfig;
import org.rafclip.agcn.train.AgcnTrainer;
import org.rafclip.data.DrawnPhotos;
import org.rafclip.data.Progress;
import org.rafclip.data.Stages;
import org.rafclip.data.fashioniq.CaptionForm;
import org.rafclip.data.fashioniq.GalleryKind;
import org.rafclip.ops.JavaOps;
import org.rafclip.ops.Precision;
import org.rafclip.photos.PhotoSplits;
import org.rafclip.run.Configs;
import org.rafclip.run.Provenance;
import org.rafclip.train.Checkpoints;
import org.rafclip.train.RafClipConfig;
import org.rafclip.train.RafClipTrainer;
import org.rafclip.train.TrainingListener;

/** Two seeds of AGCN and the sum, on labels and on two categories of FashionIQ: recalls are counted again from answers. */
class ComposedEvaluatorTest {

    private static final int PHOTOS = 120;
    private static final int HELD_OUT = 30;
    private static final List<Integer> KS = List.of(1, 5, 10, 50);

    private static final String RAFCLIP = """
            seed: 3
            data:
              dir: %1$s/data
              cache: %1$s/masks
              segmenter: box
              held-out: 0.25
              train: {crop: crop | squash(32) | normalize(clip), region: crop | squash(32) | normalize(clip)}
              evaluation: {crop: crop | squash(32) | normalize(clip), region: crop | squash(32) | normalize(clip)}
            model:
              clip:
                embed-width: 16
                vision: {image-size: 32, patch-size: 16, width: 16, layers: 1, heads: 2}
                text: {context-length: 24, vocabulary-size: 560, width: 16, layers: 1, heads: 2}
            loss: {}
            train: {batch-size: 30, epochs: 1, lr: 2e-3}
            output: {dir: %1$s/raf}
            """;

    private static final String AGCN = """
            rafclip: {run: %1$s/raf}
            data: {dir: %1$s/data, features: %1$s/features, triplets: {per-reference: 2}}
            composer:
              branches: {blocks: 1, heads: 2, mlp-ratio: 1}
              gates: {projection: 8, hidden: 8}
            loss: {temperature: 10}
            train: {batch-size: 32, epochs: 1, lr: 1e-3}
            output: {dir: %1$s/agcn-1}
            """;

    @TempDir
    static Path dir;

    private static ComposedEvaluator free;
    private static ComposedEvaluator masked;

    @BeforeAll
    static void train() throws Exception {
        JavaOps.install();
        DrawnPhotos.twoGroups(dir.resolve("data"), "train", 0, PHOTOS);
        PhotoSplits photos = new PhotoSplits();
        RafClipConfig encoder = Configs.parse(RAFCLIP.formatted(dir), "raf.yaml", List.of(), RafClipConfig.class);
        new RafClipTrainer(encoder, photos, new Silent()).train(false, provenance(encoder));
        for (int seed = 1; seed <= 2; seed++) {
            AgcnConfig composer = Configs.parse(
                    AGCN.formatted(dir),
                    "agcn.yaml",
                    List.of("seed=" + seed, "output.dir=" + dir.resolve("agcn-" + seed)),
                    AgcnConfig.class);
            new AgcnTrainer(composer, photos, new Silent()).train(false, provenance(composer));
        }
        fashionIq();
        free = open(ofFashionIq(), false);
        masked = open(ofFashionIq(), true);
    }

    @AfterAll
    static void close() {
        free.close();
        masked.close();
    }

    private static final class Silent implements TrainingListener {

        @Override
        public Progress stage(String name, int total) {
            return Progress.NONE;
        }
    }

    private static Provenance provenance(Record config) {
        return Provenance.capture(config, 1, "data", Map.of(), 2, List.of(), Clock.systemUTC());
    }

    /** Dresses with 60 photos and 19 queries, shirts with 55 and 7: the mean over categories is not that over queries. */
    private static void fashionIq() throws IOException {
        Path folder = dir.resolve("iq");
        for (String part : List.of("captions", "image_splits", "images")) {
            Files.createDirectories(folder.resolve(part));
        }
        category(folder, "dress", 0, 60, 19);
        category(folder, "shirt", 60, 55, 7);
    }

    private static void category(Path folder, String name, int first, int photos, int queries) throws IOException {
        List<String> ids = new ArrayList<>();
        List<String> triplets = new ArrayList<>();
        for (int i = 0; i < photos; i++) {
            ids.add("\"B" + (first + i) + "\"");
            Files.copy(
                    dir.resolve("data/img/train-" + (first + i) + ".png"),
                    folder.resolve("images/B" + (first + i) + ".png"));
        }
        for (int i = 0; i < queries; i++) {
            triplets.add("{\"target\": \"B%d\", \"candidate\": \"B%d\", \"captions\": [\"is %d\", \"is longer\"]}"
                    .formatted(first + 2 * i + 1, first + i, i));
        }
        Files.writeString(folder.resolve("image_splits/split." + name + ".val.json"), ids.toString());
        Files.writeString(folder.resolve("captions/cap." + name + ".val.json"), triplets.toString());
    }

    private static ComposedEvaluator open(ComposedEvaluator.Queries queries, boolean maskReference) throws IOException {
        return ComposedEvaluator.open(
                new ComposedEvaluator.Request(
                        List.of(dir.resolve("agcn-2"), dir.resolve("agcn-1")),
                        Checkpoints.Which.LAST,
                        null,
                        queries,
                        List.of(),
                        CaptionForm.JOINED,
                        maskReference,
                        Precision.FP32),
                new PhotoSplits(),
                Stages.NONE);
    }

    private static ComposedEvaluator.Queries ofFashionIq() {
        return new ComposedEvaluator.OfFashionIq(dir.resolve("iq"), GalleryKind.VAL_SPLIT, false);
    }

    private static List<JsonNode> predictions(ComposedEvaluator evaluator, int k) throws IOException {
        Path file = Files.createTempFile(dir, "answers", ".jsonl");
        Predictions.write(file, out -> evaluator.predict(out, k));
        List<JsonNode> lines = new ArrayList<>();
        for (String line : Files.readAllLines(file)) {
            lines.add(new ObjectMapper().readTree(line));
        }
        return lines;
    }

    private static List<String> texts(JsonNode array) {
        List<String> texts = new ArrayList<>();
        array.forEach(entry -> texts.add(entry.asText()));
        return texts;
    }

    /** For a run and a category the share of queries with a right answer among the first k. */
    private static double recall(List<JsonNode> lines, String run, String category, int k) {
        int queries = 0;
        int found = 0;
        for (JsonNode line : lines) {
            if (line.path("run").asText().equals(run)
                    && line.path("category").asText().equals(category)) {
                List<String> right = texts(line.path("right"));
                queries++;
                found += texts(line.path("ranked")).stream().limit(k).anyMatch(right::contains) ? 1 : 0;
            }
        }
        return (double) found / queries;
    }

    /** The results by the name under which predictions have them. */
    private static Map<String, ComposedResult> results(ComposedMeasurement measured) {
        Map<String, ComposedResult> results = new LinkedHashMap<>();
        for (ComposedMeasurement.Method method : measured.methods()) {
            method.runs().forEach(run -> results.put(run.run() == null ? method.method() : run.run(), run.result()));
        }
        return results;
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void recallFollowsFromThePredictions(boolean maskReference) throws IOException {
        ComposedEvaluator evaluator = maskReference ? masked : free;
        Map<String, ComposedResult> results = results(evaluator.measure(null, null));
        List<JsonNode> lines = predictions(evaluator, 50);

        assertThat(lines).hasSize(3 * (19 + 7));
        assertThat(results)
                .containsOnlyKeys(
                        dir.resolve("agcn-1").toString(), dir.resolve("agcn-2").toString(), "Sum");
        results.forEach((run, result) -> {
            for (int k : KS) {
                double sum = 0;
                for (ComposedResult.Category category : result.categories()) {
                    double recall = recall(lines, run, category.name(), k);
                    assertThat(category.at(k).recall())
                            .as(run + ", " + category.name() + ", R@" + k)
                            .isCloseTo(recall, within(1e-12));
                    sum += recall;
                }
                assertThat(result.categories()).hasSize(2);
                assertThat(result.meanRecall(k)).isCloseTo(sum / 2, within(1e-12));
            }
        });
    }

    @Test
    void recallOnLabelsFollowsFromThePredictions() throws IOException {
        try (ComposedEvaluator evaluator =
                open(new ComposedEvaluator.OfPhotos(dir.resolve("data"), null, Selection.UNSEEN), false)) {
            ComposedMeasurement measured = evaluator.measure(null, null);
            List<JsonNode> lines = predictions(evaluator, 50);

            assertThat(measured.photos()).isEqualTo(HELD_OUT);
            assertThat(measured.trainedOn()).isZero();
            assertThat(measured.split()).isEqualTo("train");
            Map<String, Set<String>> labels = photosByLabels();
            for (JsonNode line : lines) {
                assertThat(texts(line.path("ranked")))
                        .as("all held-out photos are ranked")
                        .hasSize(HELD_OUT);
                assertThat(labels.values())
                        .as("right is every held-out photo with the target's labels")
                        .anyMatch(photos -> photos.containsAll(texts(line.path("right"))));
            }
            results(measured).forEach((run, result) -> {
                for (int k : KS) {
                    assertThat(result.meanRecall(k)).isCloseTo(recall(lines, run, "photo", k), within(1e-12));
                }
            });
        }
    }

    private static Map<String, Set<String>> photosByLabels() throws IOException {
        List<String> ids = Files.readAllLines(dir.resolve("data/Anno_fine/train.txt"));
        List<String> labels = Files.readAllLines(dir.resolve("data/Anno_fine/train_attr.txt"));
        Map<String, Set<String>> photos = new TreeMap<>();
        for (int i = 0; i < ids.size(); i++) {
            photos.computeIfAbsent(labels.get(i), fresh -> new TreeSet<>()).add(ids.get(i));
        }
        return photos;
    }

    @Test
    void answersAreRankedAndAMaskedReferenceIsNone() throws IOException {
        List<JsonNode> withReference = predictions(free, 60);
        List<JsonNode> without = predictions(masked, 60);
        for (int i = 0; i < withReference.size(); i++) {
            List<String> ranked = texts(withReference.get(i).path("ranked"));
            String reference = withReference.get(i).path("reference").asText();
            assertThat(ranked).contains(reference).doesNotHaveDuplicates();
            ranked.remove(reference);
            assertThat(texts(without.get(i).path("ranked"))).isEqualTo(ranked);
            double before = 1;
            for (JsonNode score : withReference.get(i).path("scores")) {
                assertThat(score.asDouble()).isBetween(-1.0 - 1e-6, before + 1e-6);
                before = score.asDouble();
            }
        }
        assertThat(predictions(free, 3)).allMatch(line -> line.path("ranked").size() == 3);
    }

    @Test
    void runsOfOneConfigurationAreAMethodAndMeansAreOverTheirSeeds() throws IOException {
        ComposedMeasurement measured = free.measure(null, null);

        assertThat(measured.methods())
                .extracting(ComposedMeasurement.Method::kind)
                .containsExactly(ComposerConfig.Kind.AGCN, ComposerConfig.Kind.SUM);
        ComposedMeasurement.Method agcn = measured.methods().get(0);
        assertThat(agcn.runs()).extracting(ComposedMeasurement.Run::seed).containsExactly(1L, 2L);
        for (ComposedMeasurement.Mean mean : agcn.means()) {
            double one = agcn.runs().get(0).result().meanRecall(mean.k());
            double two = agcn.runs().get(1).result().meanRecall(mean.k());
            assertThat(mean.recall().mean()).isCloseTo((one + two) / 2, within(1e-12));
        }
        assertThat(measured.examples()).isNull();
        assertThat(measured.photos()).isNull();
        assertThat(agcn.runs()).allMatch(run -> run.gates() == null);
    }

    @Test
    void figuresComeWithGatesOfEveryRunAndExamplesOfTheFirst() throws IOException {
        ComposedMeasurement measured = free.measure(
                new FigureConfig(4, 3, 1), photo -> photo.getFileName().toString());

        assertThat(measured.methods().get(0).runs())
                .allSatisfy(run -> assertThat(run.gates().queries()).isEqualTo(19 + 7));
        assertThat(measured.methods().get(1).runs().get(0).gates()).isNull();
        assertThat(measured.examples().queries())
                .as("of each category")
                .hasSize(2 * 4)
                .allSatisfy(query -> {
                    assertThat(query.method()).isEqualTo("AGCN");
                    assertThat(query.answers()).hasSize(3);
                    assertThat(query.picture().file()).matches("B\\d+\\.png");
                });
    }

    @Test
    void photosThatWereTrainedOnAreCounted() throws IOException {
        try (ComposedEvaluator evaluator =
                open(new ComposedEvaluator.OfPhotos(dir.resolve("data"), "train", Selection.ALL), false)) {
            ComposedMeasurement measured = evaluator.measure(null, null);

            assertThat(measured.photos()).isEqualTo(PHOTOS);
            assertThat(measured.trainedOn()).isEqualTo(PHOTOS - HELD_OUT);
            assertThat(evaluator.inputs().checkpoints()).hasSize(2);
            assertThat(evaluator.inputs().encoder()).isEqualTo(measured.encoderHash());
        }
    }
}
