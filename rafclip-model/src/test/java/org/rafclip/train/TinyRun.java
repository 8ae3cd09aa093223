package org.rafclip.train;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.clip.Adapters;
import org.rafclip.clip.ClipModel;
import org.rafclip.data.DrawnPhotos;
import org.rafclip.data.Progress;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.data.image.Box;
import org.rafclip.io.Safetensors;
import org.rafclip.photos.PhotoData;
import org.rafclip.photos.PhotoSplit;
import org.rafclip.photos.PhotoSplits;
import org.rafclip.run.Configs;
import org.rafclip.run.Provenance;
import org.rafclip.weights.PretrainedClip;

/** Training runs on drawn photos that take seconds, with everything random switched on. */
final class TinyRun {

    private static final String YAML = """
            seed: 3
            data:
              dir: %1$s/data
              cache: %1$s/masks
              segmenter: ellipse
              held-out: 0.2
              train:
                crop: crop | squash(40) | random-resized-crop(32, 0.5..0.9, 0.8..1.2) | flip(0.5) | normalize(clip)
                region: mask(mean) | crop | squash(40) | random-resized-crop(32, 0.5..0.9, 0.8..1.2) | flip(0.5) | normalize(clip)
              evaluation:
                crop: crop | squash(32) | normalize(clip)
                region: mask(mean) | crop | squash(32) | normalize(clip)
            model:
              clip:
                embed-width: 16
                vision: {image-size: 32, patch-size: 16, width: 16, layers: 2, heads: 2, dropout: 0.1, drop-path: 0.1}
                text: {context-length: 16, vocabulary-size: 560, width: 16, layers: 1, heads: 2, dropout: 0.1}
            loss: {}
            train: {batch-size: 8, micro-batch: 6, epochs: 4, lr: 2e-3, weight-decay: 0.1, validate-every: 2, checkpoint-every: 3}
            output: {dir: %2$s}
            """;

    private TinyRun() {}

    /** Draws 40 training photos below {@code dir}: 32 are trained on, 4 steps an epoch. */
    static void drawPhotos(Path dir) throws IOException {
        DrawnPhotos.everyGroup(dir.resolve("data"), "train", 40, 5);
    }

    /** @param dir where {@link #drawPhotos} drew */
    static RafClipConfig config(Path dir, Path run, String... overrides) {
        return Configs.parse(YAML.formatted(dir, run), "tiny.yaml", Arrays.asList(overrides), RafClipConfig.class);
    }

    /**
     * A training that goes on from a published model.
     *
     * @param dir where {@link #drawPhotos} drew
     * @param name of a folder among the resources of {@link PretrainedClip}
     * @param words of the one that has its tokenizer
     */
    static RafClipConfig imported(Path dir, Path run, String name, String words, String... overrides)
            throws IOException, URISyntaxException {
        Path model = run.resolveSibling(run.getFileName() + "-model");
        int size;
        try (ClipModel read = PretrainedClip.load(
                        new PretrainedClip.Origin(published(name), null, published(words), null, null), Progress.NONE)
                .model()) {
            Files.createDirectories(model);
            read.save(model, Map.of());
            size = read.config().vision().imageSize();
        }
        String crop = "crop | squash(" + size + ") | normalize(clip)";
        List<String> all = new ArrayList<>(List.of("model.clip=null", "model.weights=" + model));
        for (String photos : List.of("data.train.", "data.evaluation.")) {
            all.add(photos + "crop=" + crop);
            all.add(photos + "region=mask(mean) | " + crop);
        }
        all.addAll(Arrays.asList(overrides));
        return config(dir, run, all.toArray(String[]::new));
    }

    private static Path published(String name) throws URISyntaxException {
        return Path.of(PretrainedClip.class.getResource(name).toURI());
    }

    /**
     * Writes the drawn photos as a table, with captions and, where asked for, their labels.
     *
     * @param dir where {@link #drawPhotos} drew
     * @param captions of an item
     * @return the settings that read it in place of the folder
     */
    static List<String> table(Path dir, String name, boolean labelled, Function<FashionItem, List<String>> captions)
            throws IOException {
        FashionSplit split = FashionSplit.read(dir.resolve("data"), "train");
        List<AttributeTaxonomy.Group> groups = labelled ? split.taxonomy().groups() : List.of();
        List<String> columns = new ArrayList<>(List.of("image", "x", "y", "width", "height", "caption", "caption2"));
        groups.forEach(group -> columns.add(group.name()));
        List<List<String>> rows = new ArrayList<>(List.of(columns));
        for (FashionItem item : split.items()) {
            Box box = item.box();
            List<String> row = new ArrayList<>(List.of(item.image()));
            for (int number : new int[] {box.x1(), box.y1(), box.width(), box.height()}) {
                row.add(String.valueOf(number));
            }
            List<String> texts = captions.apply(item);
            for (int i = 0; i < 2; i++) {
                row.add(i < texts.size() ? texts.get(i) : "");
            }
            for (int g = 0; g < groups.size(); g++) {
                row.add(groups.get(g).attributes().get(item.attributes().get(g)));
            }
            rows.add(row);
        }
        Path table = Files.write(
                dir.resolve(name),
                rows.stream()
                        .map(row -> row.stream().map(cell -> '"' + cell + '"').collect(Collectors.joining(",")))
                        .toList());
        List<String> settings =
                new ArrayList<>(List.of("data.dir=null", "data.table=" + table, "data.images=" + split.imageRoot()));
        if (labelled) {
            settings.add("data.groups="
                    + groups.stream().map(AttributeTaxonomy.Group::name).toList());
        }
        return settings;
    }

    static TrainingLoop.Outcome train(RafClipConfig config, boolean resume, Listener listener)
            throws IOException, InterruptedException {
        PhotoSplits photos = new PhotoSplits();
        PhotoSplit split = photos.split(config.data(), config.data().split());
        Provenance provenance = Provenance.capture(
                config, config.seed(), PhotoData.fingerprint(split), Map.of(), 2, List.of(), Clock.systemUTC());
        return new RafClipTrainer(config, photos, listener).train(resume, provenance);
    }

    /** The folder of a run's last checkpoint. */
    static Path last(RafClipConfig config) {
        return new RunFolder(config.output().dir())
                .checkpoints()
                .find(Checkpoints.Which.LAST)
                .orElseThrow();
    }

    /** The weights of a run's last checkpoint. */
    static Map<String, INDArray> lastWeights(RafClipConfig config) throws IOException {
        return Safetensors.readAll(last(config).resolve(ClipModel.WEIGHTS_FILE));
    }

    /** The weights and moments of a run's last checkpoint. */
    static Map<String, INDArray> lastTensors(RafClipConfig config) throws IOException {
        Path last = last(config);
        Map<String, INDArray> tensors = Safetensors.readAll(last.resolve("optimizer.safetensors"));
        for (String file : config.train().lora() == null
                ? List.of(ClipModel.WEIGHTS_FILE)
                : List.of(ClipModel.BASE_FILE, Adapters.TENSORS_FILE)) {
            tensors.putAll(Safetensors.readAll(last.resolve(file)));
        }
        return tensors;
    }

    /** Keeps what it is told. */
    static class Listener implements TrainingListener {
        final List<Step> steps = new ArrayList<>();
        final List<Double> scores = new ArrayList<>();

        /** The mean loss of the first four steps, an epoch's. */
        double firstLoss() {
            return mean(steps.subList(0, 4));
        }

        /** The mean loss of the last four. */
        double lastLoss() {
            return mean(steps.subList(steps.size() - 4, steps.size()));
        }

        private static double mean(List<Step> steps) {
            return steps.stream().mapToDouble(Step::loss).average().orElseThrow();
        }

        @Override
        public Progress stage(String name, int total) {
            return Progress.NONE;
        }

        @Override
        public void step(Step step) {
            steps.add(step);
        }

        @Override
        public void validated(Validated validated) {
            scores.add(validated.validation().score());
        }
    }
}
