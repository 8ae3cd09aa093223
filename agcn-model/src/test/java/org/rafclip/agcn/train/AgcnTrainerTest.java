package org.rafclip.agcn.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.agcn.compose.ComposerModel;
import org.rafclip.agcn.eval.ComposedResult;
import org.rafclip.data.DataException;
import org.rafclip.data.DrawnPhotos;
import org.rafclip.data.Progress;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.io.Safetensors;
import org.rafclip.open.OpenedEncoder;
import org.rafclip.ops.JavaOps;
import org.rafclip.photos.PhotoData;
import org.rafclip.photos.PhotoSplit;
import org.rafclip.photos.PhotoSplits;
import org.rafclip.run.Configs;
import org.rafclip.run.Provenance;
import org.rafclip.train.Checkpoints;
import org.rafclip.train.RafClipConfig;
import org.rafclip.train.RafClipTrainer;
import org.rafclip.train.RunFolder;
import org.rafclip.train.TrainingListener;
import org.rafclip.train.TrainingLoop;

class AgcnTrainerTest {

    private static final int PHOTOS = 45;
    private static final int HELD_OUT = 18;

    private static final String RAFCLIP = """
            seed: 3
            data:
              dir: %1$s/data
              cache: %1$s/masks
              segmenter: box
              held-out: 0.4
              train: {crop: crop | squash(32) | normalize(clip), region: crop | squash(32) | normalize(clip)}
              evaluation: {crop: crop | squash(32) | normalize(clip), region: crop | squash(32) | normalize(clip)}
            model:
              clip:
                embed-width: 16
                vision: {image-size: 32, patch-size: 16, width: 16, layers: 1, heads: 2}
                text: {context-length: 24, vocabulary-size: 560, width: 16, layers: 1, heads: 2}
            loss: {}
            train: {batch-size: 8, epochs: %2$d, lr: 2e-3, validate-every: 50}
            output: {dir: %3$s}
            """;

    private static final String AGCN = """
            seed: 5
            rafclip: {run: %1$s/raf}
            data: {dir: %1$s/data, features: %1$s/features, triplets: {per-reference: 3}}
            composer:
              branches: {blocks: 1, heads: 2, mlp-ratio: 2, dropout: 0.1}
              gates: {projection: 8, hidden: 8, dropout: 0.1}
            loss: {temperature: 10, learnable: true, duplicates: once}
            train: {batch-size: 16, micro-batch: 16, epochs: 4, lr: 3e-3, validate-every: 2, checkpoint-every: 3}
            output: {dir: %2$s}
            """;

    @TempDir
    static Path dir;

    @BeforeAll
    static void trainTheEncoder() throws Exception {
        JavaOps.install();
        DrawnPhotos.twoGroups(dir.resolve("data"), "train", 0, PHOTOS);
        trainEncoder("raf", 2);
    }

    private static void trainEncoder(String name, int epochs, String... overrides) throws Exception {
        RafClipConfig config = Configs.parse(
                RAFCLIP.formatted(dir, epochs, dir.resolve(name)),
                "raf.yaml",
                Arrays.asList(overrides),
                RafClipConfig.class);
        String data = PhotoData.fingerprint(
                FashionSplit.read(dir.resolve("data"), "train").items());
        new RafClipTrainer(config, new PhotoSplits(), new Told(0)).train(false, provenance(config, data));
    }

    private static Provenance provenance(Record config, String data) {
        return Provenance.capture(config, 1, data, Map.of(), 2, List.of(), Clock.systemUTC());
    }

    private static AgcnConfig config(String name, String... overrides) {
        return Configs.parse(
                AGCN.formatted(dir, dir.resolve(name)), "agcn.yaml", Arrays.asList(overrides), AgcnConfig.class);
    }

    private static TrainingLoop.Outcome train(AgcnConfig config, boolean resume, TrainingListener listener)
            throws Exception {
        PhotoSplits photos = new PhotoSplits();
        return new AgcnTrainer(config, photos, listener)
                .train(resume, provenance(config, AgcnTrainer.dataFingerprint(config, photos)));
    }

    private static Map<String, byte[]> lastTensors(AgcnConfig config) throws IOException {
        Path last = new RunFolder(config.output().dir())
                .checkpoints()
                .find(Checkpoints.Which.LAST)
                .orElseThrow();
        Map<String, byte[]> tensors = new TreeMap<>();
        for (String name : List.of(ComposerModel.WEIGHTS_FILE, "loss.safetensors", "optimizer.safetensors")) {
            Safetensors.readAll(last.resolve(name))
                    .forEach((tensor, value) ->
                            tensors.put(name + " " + tensor, value.data().asBytes()));
        }
        return tensors;
    }

    /** Keeps what it is told, and can fail as a kill would. */
    private static final class Told implements TrainingListener {
        private final long failAt;
        private final List<Double> losses = new ArrayList<>();
        private final List<ComposedResult> results = new ArrayList<>();
        private final List<String> stages = new ArrayList<>();
        private final List<String> messages = new ArrayList<>();

        Told(long failAt) {
            this.failAt = failAt;
        }

        @Override
        public Progress stage(String name, int total) {
            stages.add(name + " " + total);
            return Progress.NONE;
        }

        @Override
        public void message(String line) {
            messages.add(line);
        }

        @Override
        public void step(Step step) {
            losses.add(step.loss());
            if (step.number() == failAt) {
                throw new IllegalStateException("stopped");
            }
        }

        @Override
        public void validated(Validated validated) {
            if (validated.validation().result() instanceof ComposedResult result) {
                results.add(result);
            }
        }
    }

    @Test
    void stoppedAndResumedTrainingEndsWithTheBitsOfAnUninterruptedOne() throws Exception {
        AgcnConfig whole = config("whole");
        Told told = new Told(0);
        TrainingLoop.Outcome outcome = train(whole, false, told);
        AgcnConfig stopped = config("stopped");
        assertThatThrownBy(() -> train(stopped, false, new Told(8))).hasMessage("stopped");
        Told rest = new Told(0);
        train(stopped, true, rest);

        assertThat(outcome.steps()).isEqualTo(told.losses.size()).isGreaterThan(12);
        assertThat(rest.losses).isEqualTo(told.losses.subList(6, told.losses.size()));
        Map<String, byte[]> expected = lastTensors(whole);
        Map<String, byte[]> actual = lastTensors(stopped);
        assertThat(actual).containsOnlyKeys(expected.keySet());
        expected.forEach((name, bytes) -> assertThat(actual.get(name)).as(name).isEqualTo(bytes));
        assertThat(told.results).isEqualTo(rest.results).hasSize(2);
        assertThat(outcome.bestScore()).isPresent();
    }

    @Test
    void photosThatTheEncoderHeldOutAreTheOnesValidatedOn() throws Exception {
        AgcnConfig config = config("held-out", "train.epochs=1", "train.validate-every=1");
        Told told = new Told(0);
        train(config, false, told);

        ComposedResult.Category photos = told.results.get(0).categories().get(0);
        RunFolder encoder = new RunFolder(dir.resolve("raf"));
        RunFolder run = new RunFolder(config.output().dir());
        assertThat(photos.gallery())
                .isEqualTo(HELD_OUT)
                .isEqualTo(encoder.heldOut().size());
        assertThat(run.heldOut()).isEqualTo(encoder.heldOut());
        assertThat(run.trainedOn()).isEqualTo(encoder.trainedOn());
        assertThat(told.stages).contains("encoding photos " + PHOTOS);
    }

    @Test
    void aFinishedRunGoesOnWithMoreEpochsAsIfItHadBeenPlannedSo() throws Exception {
        train(config("continued", "train.epochs=2", "train.schedule=cosine"), false, new Told(0));
        AgcnConfig continued = config("continued", "train.epochs=4", "train.schedule=cosine");
        train(continued, true, new Told(0));
        AgcnConfig planned = config("planned", "train.epochs=4", "train.schedule=cosine", "train.continued=[2]");
        train(planned, false, new Told(0));

        Map<String, byte[]> expected = lastTensors(planned);
        assertThat(lastTensors(continued))
                .hasSameSizeAs(expected)
                .allSatisfy((name, bytes) -> assertThat(bytes).as(name).isEqualTo(expected.get(name)));
    }

    @Test
    void featuresAreEncodedOnceForAllComposersOfAnEncoder() throws Exception {
        train(config("first", "train.epochs=1"), false, new Told(0));
        Map<Path, Object> before = cache();
        train(
                config(
                        "second",
                        "train.epochs=1",
                        "seed=6",
                        "composer.kind=clip4cir",
                        "composer.combiner.width-factor=0.01"),
                false,
                new Told(0));

        assertThat(cache()).isEqualTo(before).isNotEmpty();
    }

    private static Map<Path, Object> cache() throws IOException {
        Map<Path, Object> times = new TreeMap<>();
        try (Stream<Path> files = Files.walk(dir.resolve("features"))) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                times.put(file, Files.getLastModifiedTime(file));
            }
        }
        return times;
    }

    @Test
    void trainingLearnsToFindTargets() throws Exception {
        Told told = new Told(0);
        train(config("learns", "train.epochs=40", "train.validate-every=10", "train.patience=0"), false, told);

        double first =
                told.losses.subList(0, 5).stream().mapToDouble(x -> x).average().orElseThrow();
        int n = told.losses.size();
        double last = told.losses.subList(n - 5, n).stream()
                .mapToDouble(x -> x)
                .average()
                .orElseThrow();
        assertThat(last).isLessThan(first - 0.2);
        ComposedResult result = told.results.get(told.results.size() - 1);
        assertThat(result.meanRecall(1)).isGreaterThan(result.meanChance(1));
    }

    @Test
    void anotherEncoderUnderTheSameNameIsRefused() throws Exception {
        trainEncoder("other", 1);
        AgcnConfig config = config("changed", "rafclip.run=" + dir.resolve("other"), "train.epochs=2");
        assertThatThrownBy(() -> train(config, false, new Told(5))).hasMessage("stopped");
        try (Stream<Path> files = Files.walk(dir.resolve("other"))) {
            for (Path file : files.sorted((a, b) -> b.compareTo(a)).toList()) {
                Files.delete(file);
            }
        }
        trainEncoder("other", 3);

        assertThatThrownBy(() -> train(config, true, new Told(0)))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("another encoder")
                .hasMessageContaining("start the run anew");
    }

    @Test
    void anEncodersValidationSplitIsTheOneValidatedOn() throws Exception {
        DrawnPhotos.twoGroups(dir.resolve("data"), "val", PHOTOS, 12);
        trainEncoder("with-split", 1, "data.validation-split=val");
        RunFolder encoder = new RunFolder(dir.resolve("with-split"));
        AgcnConfig config =
                config("of-split", "rafclip.run=" + encoder.dir(), "train.epochs=1", "train.validate-every=1");
        Told told = new Told(0);
        train(config, false, told);

        RunFolder run = new RunFolder(config.output().dir());
        assertThat(told.results.get(0).categories().get(0).gallery()).isEqualTo(12);
        assertThat(run.heldOut().keySet()).hasSize(12).allMatch(id -> id.startsWith("img/val-"));
        assertThat(run.heldOut()).isEqualTo(encoder.heldOut());
        assertThat(run.trainedOn()).isEqualTo(encoder.trainedOn()).hasSize(PHOTOS);
        assertThat(told.stages).contains("encoding photos " + (PHOTOS + 12));

        PhotoSplits splits = new PhotoSplits();
        try (OpenedEncoder opened = OpenedEncoder.open(encoder.dir(), Checkpoints.Which.LAST)) {
            assertThat(opened.heldOut(splits, splits.split(dir.resolve("data"), "val")))
                    .hasSize(12);
            PhotoSplit trained = splits.split(dir.resolve("data"), "train");
            assertThatThrownBy(() -> opened.heldOut(splits, trained))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("they are of its split val");
        }
        assertThatThrownBy(() ->
                        train(config("on-val", "rafclip.run=" + encoder.dir(), "data.split=val"), false, new Told(0)))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("held all photos of")
                .hasMessageContaining("give the split that it trained on, train");
    }

    /** FashionIQ's layout: image B(i+1) is B(i) changed, of the drawn photos; validation has six of its own. */
    private static Path fashionIq(String name) throws IOException {
        Path folder = dir.resolve(name);
        for (String part : List.of("captions", "image_splits", "images")) {
            Files.createDirectories(folder.resolve(part));
        }
        for (String split : List.of("train", "val")) {
            int first = split.equals("train") ? 0 : 20;
            int count = split.equals("train") ? 20 : 6;
            List<String> ids = new ArrayList<>();
            List<String> entries = new ArrayList<>();
            for (int i = first; i < first + count; i++) {
                ids.add("\"B" + i + "\"");
                Files.copy(dir.resolve("data/img/train-" + i + ".png"), folder.resolve("images/B" + i + ".png"));
                if (i > first) {
                    entries.add("{\"target\": \"B%d\", \"candidate\": \"B%d\", \"captions\": [\"is %d\", \"more\"]}"
                            .formatted(i, i - 1, i));
                }
            }
            Files.writeString(folder.resolve("image_splits/split.dress." + split + ".json"), ids.toString());
            Files.writeString(folder.resolve("captions/cap.dress." + split + ".json"), entries.toString());
        }
        return folder;
    }

    private static AgcnConfig ofFashionIq(String name, Path data, String... overrides) {
        List<String> all = new ArrayList<>(List.of(
                "data.dir=null",
                "data.fashioniq=" + data,
                "train.batch-size=4",
                "train.epochs=2",
                "train.validate-every=1"));
        all.addAll(List.of(overrides));
        return config(name, all.toArray(String[]::new));
    }

    @Test
    void aPartialFashionIqIsTrainedOnOnlyWhereItIsAllowed() throws Exception {
        Path data = fashionIq("iq");
        Told whole = new Told(0);
        TrainingLoop.Outcome outcome = train(ofFashionIq("iq-whole", data), false, whole);
        assertThat(outcome.steps()).isEqualTo(2 * (19 / 4));
        assertThat(whole.messages).isEmpty();
        assertThat(whole.results.get(0).categories().get(0).queries()).isEqualTo(5);

        Path missing = Files.move(data.resolve("images/B7.png"), dir.resolve("B7.png"));
        assertThatThrownBy(() -> train(ofFashionIq("iq-refused", data), false, new Told(0)))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("19 of 20 images are there, missing B7")
                .hasMessageContaining("data.allow-partial=true");
        Files.delete(data.resolve("images/B25.png"));
        AgcnConfig partial = ofFashionIq("iq-partial", data, "data.allow-partial=true");
        Told told = new Told(5);
        assertThatThrownBy(() -> train(partial, false, told)).hasMessage("stopped");
        assertThat(told.messages)
                .containsExactly(
                        "dress train: 2 of 19 triplets left out; images missing: 1",
                        "dress val: 1 of 5 triplets left out; images missing: 1");
        assertThat(LeftOut.of(partial.data()))
                .containsExactly(
                        new LeftOut("dress", "train", 19, 2, List.of("B7")),
                        new LeftOut("dress", "val", 5, 1, List.of("B25")));
        assertThat(told.results.get(0).protocol().missing()).isEqualTo(1);
        RunFolder run = new RunFolder(partial.output().dir());
        assertThat(Files.readString(run.provenanceFile())).contains("\"leftOut\" : 2", "\"missing\" : [ \"B7\" ]");

        Files.move(missing, data.resolve("images/B7.png"));
        assertThatThrownBy(() -> train(partial, true, new Told(0)))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("was trained on other photos");
    }

    @Test
    void weightsThatGrowBeyondAllNumbersEndTheTraining() {
        assertThatThrownBy(() -> train(config("diverges", "train.lr=1e30"), false, new Told(0)))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("training diverged at step 2")
                .hasMessageContaining("lower train.lr");
    }

    @Test
    void wrongSettingsAreRefusedBeforeAnythingIsEncoded() {
        assertThatThrownBy(() -> config("x", "composer.kind=sum")).hasMessageContaining("nothing to train");
        assertThatThrownBy(() -> config("x", "data.fashioniq=there")).hasMessageContaining("exactly one of dir");
        assertThatThrownBy(() -> train(config("big", "train.batch-size=5000"), false, new Told(0)))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("make no batch of 5000")
                .hasMessageContaining("rows of data.triplets-table");
        assertThatThrownBy(() -> train(config("raf"), false, new Told(0)))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("already holds a run of another kind");
    }
}
