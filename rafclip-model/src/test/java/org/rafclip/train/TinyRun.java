package org.rafclip.train;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.clip.ClipModel;
import org.rafclip.data.DrawnPhotos;
import org.rafclip.data.Progress;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.io.Safetensors;
import org.rafclip.photos.PhotoData;
import org.rafclip.photos.PhotoSplits;
import org.rafclip.run.Configs;
import org.rafclip.run.Provenance;

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

    /** An item with captions in the place of its own. */
    static FashionItem withCaptions(FashionItem item, List<String> captions) {
        return new FashionItem(
                item.id(),
                item.image(),
                item.box(),
                item.category(),
                item.attributes(),
                item.landmarks(),
                item.line(),
                captions,
                item.further());
    }

    static TrainingLoop.Outcome train(RafClipConfig config, boolean resume, Listener listener)
            throws IOException, InterruptedException {
        return train(config, FashionSplit::read, resume, listener);
    }

    /** @param read what is in the data folder's split */
    static TrainingLoop.Outcome train(
            RafClipConfig config, BiFunction<Path, String, FashionSplit> read, boolean resume, Listener listener)
            throws IOException, InterruptedException {
        FashionSplit split = read.apply(config.data().dir(), config.data().split());
        Provenance provenance = Provenance.capture(
                config, config.seed(), PhotoData.fingerprint(split.items()), Map.of(), 2, List.of(), Clock.systemUTC());
        return new RafClipTrainer(config, new PhotoSplits(read), listener).train(resume, provenance);
    }

    /** The weights and moments of a run's last checkpoint. */
    static Map<String, INDArray> lastTensors(RafClipConfig config) throws IOException {
        Path last = new RunFolder(config.output().dir())
                .checkpoints()
                .find(Checkpoints.Which.LAST)
                .orElseThrow();
        Map<String, INDArray> tensors = Safetensors.readAll(last.resolve(ClipModel.WEIGHTS_FILE));
        tensors.putAll(Safetensors.readAll(last.resolve("optimizer.safetensors")));
        return tensors;
    }

    /** Keeps what it is told. */
    static class Listener implements TrainingListener {
        final List<Step> steps = new ArrayList<>();
        final List<Double> scores = new ArrayList<>();

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
