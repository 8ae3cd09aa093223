package org.rafclip.train;

import java.nio.file.Path;
import java.util.List;
import org.rafclip.clip.ClipConfig;
import org.rafclip.data.segment.SamSegmenter;
import org.rafclip.data.text.DominantColor;
import org.rafclip.loss.RafLossConfig;
import org.rafclip.run.Configs;
import org.rafclip.run.Default;

/**
 * Everything that a training run depends on: one YAML file.
 *
 * @param seed of weights, order, augmentation and dropout
 */
public record RunConfig(
        @Default("1") long seed, Data data, Model model, RafLossConfig loss, Train train, Output output) {

    /**
     * The photos and how they are prepared.
     *
     * @param dir a DeepFashion Category-and-Attribute folder with {@code Anno_fine}
     * @param split the list to train on, {@code train} for {@code train.txt}
     * @param validationSplit the list to validate on, or null to hold out a part of {@code split}
     * @param heldOut the share of {@code split} that is held out where there is no validation split; a pure function of
     *     the seed
     * @param segmenter what finds the garment in its box
     * @param cache where masks are kept between runs
     * @param train how each branch's image is prepared in training: pipelines of named steps
     * @param evaluation the same for validation and tests
     * @param mirror whether validation and tests take the mean direction of an image's embedding and its mirror image's
     * @param threads that prepare images side by side
     * @param memoryMb prepared images kept in memory at most; beyond it they are prepared anew each epoch
     * @param unseen attributes whose labels training and validation do not see, as the data set spells them: what a model
     *     knows of them afterwards it knows from their names
     * @param sam the networks of {@code segmenter: sam}, null without it
     */
    public record Data(
            Path dir,
            @Default("train") String split,
            @Default("null") String validationSplit,
            @Default("0.1") double heldOut,
            @Default("grabcut") SegmenterChoice segmenter,
            @Default("runs/cache/masks") Path cache,
            Branches train,
            Branches evaluation,
            @Default("false") boolean mirror,
            @Default("nine") DominantColor.Palette palette,
            @Default("clothing") String categoryWord,
            @Default("2") int threads,
            @Default("4") int prefetch,
            @Default("2048") long memoryMb,
            @Default("[]") List<String> unseen,
            @Default("null") Sam sam) {

        public Data {
            unseen = List.copyOf(unseen);
            if (heldOut < 0 || heldOut > 0.9) {
                throw new IllegalArgumentException("held-out lies in [0, 0.9]: " + heldOut);
            }
            if (segmenter == SegmenterChoice.SAM && sam == null) {
                throw new IllegalArgumentException("segmenter sam needs sam.encoder and sam.decoder, its ONNX files");
            }
        }

        /**
         * What a model that no run of ours trained is measured with: CLIP's own preparation of the garment's box (resize
         * to the short side, cut the middle out, CLIP's normalisation), everything outside the mask in CLIP's mean color
         * for the attribute branch, and the defaults of all other keys.
         *
         * @param imageSize the model's, in pixels a side
         */
        public static Data forModel(Path dir, String split, int imageSize) {
            String steps = "crop | resize(%1$d) | center-crop(%1$d) | normalize(clip)".formatted(imageSize);
            String branches = "{crop: '%1$s', region: 'mask(mean) | %1$s'}".formatted(steps);
            String yaml = "dir: .\ntrain: " + branches + "\nevaluation: " + branches + "\n";
            return Configs.parse(yaml, "the preparation for a model", List.of(), Data.class)
                    .at(dir, split);
        }

        /** The same settings for another folder or split. */
        public Data at(Path otherDir, String otherSplit) {
            return new Data(
                    otherDir,
                    otherSplit,
                    validationSplit,
                    heldOut,
                    segmenter,
                    cache,
                    train,
                    evaluation,
                    mirror,
                    palette,
                    categoryWord,
                    threads,
                    prefetch,
                    memoryMb,
                    unseen,
                    sam);
        }
    }

    /**
     * The preparation of each branch's image, as pipelines of named steps. The paper's branches see the box's crop and the
     * masked region; pipelines without {@code crop} and {@code mask} show whole photos (Table 4's row Complete).
     *
     * @param crop of the category branch
     * @param region of the attribute branch
     */
    public record Branches(String crop, String region) {}

    /** What finds the garment in its box; all but SAM need no weights. */
    public enum SegmenterChoice {
        GRABCUT,
        /** No segmentation: everything in the box counts as garment. */
        BOX,
        /** The ellipse inscribed in the box. */
        ELLIPSE,
        /** The masks that came with a generated data set. */
        EXACT,
        /** Segment Anything, whose networks {@link Sam} names. */
        SAM
    }

    /**
     * Segment Anything.
     *
     * @param encoder the image encoder's ONNX file
     * @param decoder the mask decoder's
     * @param mask which of the decoder's masks is the garment's
     * @param engine what runs the networks
     */
    public record Sam(
            Path encoder,
            Path decoder,
            @Default("single") SamSegmenter.Choice mask,
            @Default("samediff") Engine engine) {

        /** What can run SAM's networks; masks are the same but for pixels whose logit is next to nothing. */
        public enum Engine {
            /** Imported into SameDiff. */
            SAMEDIFF,
            ONNXRUNTIME
        }
    }

    /**
     * The model to start from: exactly one of the three.
     *
     * @param weights a model folder, to fine-tune
     * @param preset a built-in architecture with random weights
     * @param clip an architecture written out, with random weights
     * @param tokenizer a folder with a tokenizer for random weights; null trains a small vocabulary on the run's texts
     */
    public record Model(
            @Default("null") Path weights,
            @Default("null") String preset,
            @Default("null") ClipConfig clip,
            @Default("null") Path tokenizer) {

        public Model {
            int given = (weights == null ? 0 : 1) + (preset == null ? 0 : 1) + (clip == null ? 0 : 1);
            if (given != 1) {
                throw new IllegalArgumentException("give exactly one of weights (a model folder), preset ("
                        + String.join(", ", ClipConfig.NAMES) + ") and clip (an architecture), not " + given);
            }
        }
    }

    /**
     * The optimisation.
     *
     * @param batchSize garments a step; each gives a crop and a region
     * @param microBatch images at most that are in memory with their activations at a time; the gradient is that of the
     *     whole batch
     * @param schedule of the learning rate after warm-up
     * @param warmup the share of all steps in which the rate grows from 0
     * @param clipNorm the gradient's norm is scaled down to it; 0 leaves gradients alone
     * @param freeze patterns of parameter names that stay as they are; {@code *} stands for anything
     * @param validateEvery epochs between validations
     * @param checkpointEvery steps between checkpoints; every validation makes one too
     * @param patience validations without improvement before training stops; 0 never stops early
     */
    public record Train(
            @Default("256") int batchSize,
            @Default("256") int microBatch,
            @Default("150") int epochs,
            @Default("5e-7") double lr,
            @Default("0.9") double beta1,
            @Default("0.98") double beta2,
            @Default("1e-6") double eps,
            @Default("0.2") double weightDecay,
            @Default("cosine") Schedule schedule,
            @Default("0.05") double warmup,
            @Default("1") double clipNorm,
            @Default("[]") List<String> freeze,
            @Default("1") int validateEvery,
            @Default("500") int checkpointEvery,
            @Default("mean") Metric metric,
            @Default("0") int patience)
            implements TrainingLoop.Settings {

        public Train {
            TrainingLoop.Settings.check(
                    batchSize,
                    microBatch,
                    epochs,
                    lr,
                    weightDecay,
                    warmup,
                    clipNorm,
                    validateEvery,
                    checkpointEvery,
                    patience);
            freeze = List.copyOf(freeze);
        }
    }

    /** How the learning rate goes on after warm-up. */
    public enum Schedule {
        CONSTANT,
        /** Half a cosine down to 0 at the last step. */
        COSINE
    }

    /** What decides which checkpoint is best. */
    public enum Metric {
        ACCURACY,
        BALANCED_ACCURACY,
        /** The mean of both. */
        MEAN
    }

    /** Where results go. */
    public record Output(Path dir) {}
}
