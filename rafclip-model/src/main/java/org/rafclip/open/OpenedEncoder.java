package org.rafclip.open;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.rafclip.clip.ClipModel;
import org.rafclip.data.DataException;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.image.ImageReader;
import org.rafclip.data.text.Prompts;
import org.rafclip.io.Sha256;
import org.rafclip.loss.RafLossConfig;
import org.rafclip.photos.ModelPreparation;
import org.rafclip.photos.PhotoConfig;
import org.rafclip.photos.PhotoData;
import org.rafclip.photos.PhotoSplit;
import org.rafclip.photos.PhotoSplits;
import org.rafclip.photos.TypicalBox;
import org.rafclip.photos.Vocabulary;
import org.rafclip.train.Checkpoints;
import org.rafclip.train.RunFolder;

/**
 * The encoder of a RaF-CLIP run or of a model folder, with what is known of its training.
 *
 * @param source the run's folder, or the model's
 * @param checkpoint the checkpoint's name, null for a model folder
 * @param model closed with this
 * @param hash names configuration, weights and tokenizer by their content
 * @param data how the run prepares photos; for a model folder, as that says
 * @param prompts how its texts are worded: the run's, or the paper's
 * @param seed of the run, 0 for a model folder
 * @param weights what the training started from, in words
 * @param photos that the run trained on and held out, null for a model folder, which does not say
 */
public record OpenedEncoder(
        Path source,
        String checkpoint,
        ClipModel model,
        String hash,
        PhotoConfig data,
        Prompts prompts,
        long seed,
        String weights,
        TrainingPhotos photos)
        implements AutoCloseable {

    /** Draws what is held out of a composer's training where the encoder has held out nothing. */
    private static final long SPLIT_SEED = 1;

    public OpenedEncoder {
        model.freeze();
    }

    /** The same with weights of another origin, which have been written into its model. */
    public OpenedEncoder withWeights(String origin) {
        return new OpenedEncoder(source, checkpoint, model, hash, data, prompts, seed, origin, photos);
    }

    /**
     * Photos by the SHA-256 of their files.
     *
     * @param trainedOn by the run
     * @param heldOut for validation, and never trained on
     */
    public record TrainingPhotos(Set<String> trainedOn, Set<String> heldOut) {

        public TrainingPhotos {
            trainedOn = Set.copyOf(trainedOn);
            heldOut = Set.copyOf(heldOut);
        }
    }

    /**
     * Opens a run's checkpoint, or a model folder.
     *
     * @param runOrModel the {@code output.dir} of a run, or a folder with {@value ClipModel#CONFIG_FILE}
     * @param which checkpoint of a run
     * @throws DataException if it is neither, or damaged
     */
    public static OpenedEncoder open(Path runOrModel, Checkpoints.Which which) throws IOException {
        return isModel(runOrModel) ? ofModel(runOrModel) : ofRun(runOrModel, which);
    }

    /**
     * Opens a run's checkpoint.
     *
     * @throws DataException if it is none of RaF-CLIP, or damaged
     */
    public static OpenedEncoder ofRun(Path dir, Checkpoints.Which which) throws IOException {
        RafClipRun run = RafClipRun.open(dir, which);
        TrainingPhotos photos = new TrainingPhotos(
                new HashSet<>(run.folder().trainedOn().values()),
                new HashSet<>(run.folder().heldOut().values()));
        Path start = run.config().model().weights();
        return new OpenedEncoder(
                dir,
                run.checkpoint().name(),
                ClipModel.load(run.checkpoint().dir()),
                hash(run),
                run.config().data(),
                run.config().prompts(),
                run.config().seed(),
                (start != null ? "fine-tuned from " + start : "trained from random weights")
                        + (run.config().train().lora() == null
                                ? ""
                                : " by adapters of rank "
                                        + run.config().train().lora().rank())
                        + taught(run.config().loss()),
                photos);
    }

    private static String taught(RafLossConfig loss) {
        if (loss.captions() == 1) {
            return ", by captions alone as plain CLIP is" + (loss.sigmoid() ? ", by the sigmoid loss" : "");
        }
        String sentences = switch (loss.sentence().image()) {
            case CROP -> "crops";
            case REGION -> "regions";
            case BOTH -> "crops and regions";
        };
        return (loss.sigmoid() ? ", by the sigmoid loss" : "")
                + (loss.withSentences()
                        ? ", with sentences of " + sentences + " by weight "
                                + loss.sentence().weight()
                        : "")
                + (loss.withCaptions() ? ", captions being " + loss.captions() + " of the loss" : "");
    }

    /** Opens a model folder, of which no run is known. */
    public static OpenedEncoder ofModel(Path dir) throws IOException {
        ClipModel.describe(dir);
        String hash = hash(dir);
        ClipModel model = ClipModel.load(dir);
        int imageSize = model.config().vision().imageSize();
        PhotoConfig data = PhotoConfig.forModel(
                Path.of("."),
                "train",
                ModelPreparation.read(dir, imageSize).orElseGet(() -> ModelPreparation.ofClip(imageSize)));
        return new OpenedEncoder(dir, null, model, hash, data, Prompts.PAPER, 0, "as in " + dir, null);
    }

    /** Whether a folder is a model's rather than a run's. */
    public static boolean isModel(Path runOrModel) {
        return Files.isRegularFile(runOrModel.resolve(ClipModel.CONFIG_FILE));
    }

    /** The {@link #hash} that {@link #open} would find, without reading weights. */
    public static String hash(Path runOrModel, Checkpoints.Which which) throws IOException {
        return isModel(runOrModel) ? hash(runOrModel) : hash(RafClipRun.open(runOrModel, which));
    }

    private static String hash(RafClipRun run) {
        Map<String, String> files = run.checkpoint().stored().sha256();
        return Sha256.of(
                ClipModel.contents(files::containsKey).stream().map(files::get).collect(Collectors.joining()));
    }

    private static String hash(Path model) throws IOException {
        StringBuilder hashes = new StringBuilder();
        ClipModel.verify(model).values().forEach(hashes::append);
        if (Files.exists(model.resolve(ModelPreparation.FILE))) {
            hashes.append(Sha256.of(model.resolve(ModelPreparation.FILE)));
        }
        return Sha256.of(hashes.toString());
    }

    /**
     * The words that the model was trained with: those that its run kept; of a run of an earlier build those of its photos, if
     * they are still there, otherwise the paper's; of a model folder the paper's with DeepFashion's categories.
     *
     * @throws DataException if what the run kept is damaged
     */
    public Vocabulary vocabulary() {
        if (checkpoint == null) {
            return Vocabulary.DEEPFASHION;
        }
        return new RunFolder(source).vocabulary().orElseGet(() -> {
            if (!Files.exists(data.place())) {
                return Vocabulary.PAPER;
            }
            PhotoSplit split = new PhotoSplits().split(data, data.split());
            return Vocabulary.of(split.taxonomy(), split.items());
        });
    }

    /**
     * Where garments lie in the photos that the model was trained on: what its run kept; of a run of an earlier build what its
     * photos say that are still there; otherwise, and for a model folder, the whole photo.
     *
     * @throws DataException if what the run kept is damaged
     */
    public TypicalBox typicalBox() {
        if (checkpoint == null) {
            return TypicalBox.WHOLE;
        }
        return new RunFolder(source).typicalBox().orElseGet(() -> {
            if (!Files.exists(data.place())) {
                return TypicalBox.WHOLE;
            }
            PhotoSplit split = new PhotoSplits().split(data, data.split());
            List<FashionItem> there = split.items().stream()
                    .filter(item -> Files.isRegularFile(split.photo(item)))
                    .toList();
            ImageReader sizes = new ImageReader();
            return TypicalBox.of(there, item -> sizes.size(split.photo(item)));
        });
    }

    /**
     * The photos of a split that the run held out, known by their content; for a model folder a share drawn by it.
     *
     * @throws DataException if the run held out none, or one of them is not in the split as it was
     */
    public List<FashionItem> heldOut(PhotoSplits splits, PhotoSplit split) {
        if (photos == null) {
            return drawn(splits, split).validation();
        }
        Set<String> wanted = photos.heldOut();
        if (wanted.isEmpty()) {
            throw new DataException(
                    source + " held no photos out of its training; leave --held-out away, or train it with"
                            + " data.held-out above 0");
        }
        List<FashionItem> found = split.items().stream()
                .filter(item -> wanted.contains(split.hash(item)))
                .toList();
        long there = found.stream().map(split::hash).distinct().count();
        if (there < wanted.size()) {
            String from = data.validationSplit() != null ? data.validationSplit() : data.split();
            throw new DataException((there == 0 ? "none" : "only " + there) + " of the " + wanted.size()
                    + " photos that " + source + " held out "
                    + (there == 1 ? "is" : "are") + " in " + split.annotations().file()
                    + " as they were; they are of its split " + from
                    + ", so take that split of the folder that it trained on, or measure on all photos by --all");
        }
        return found;
    }

    private PhotoData.Parts drawn(PhotoSplits splits, PhotoSplit split) {
        return PhotoData.parts(splits, data.at(split.dir(), split.name()), SPLIT_SEED);
    }

    /**
     * What composers of this encoder are trained and validated on: the photos that the run held out, of the split or of
     * the run's validation split, known by their content, and the split's others. For a model folder a share of the split
     * is held out, drawn by the photos' content, always the same.
     *
     * @throws DataException if the run held out photos of which one is not there, or all of the split's
     */
    public PhotoData.Parts parts(PhotoSplits splits, PhotoSplit split) {
        if (photos == null) {
            return drawn(splits, split);
        }
        if (photos.heldOut().isEmpty()) {
            return new PhotoData.Parts(split, split.items(), split, List.of());
        }
        String other = data.validationSplit();
        PhotoSplit from = other == null || other.equals(split.name()) ? split : splits.split(split.dir(), other);
        List<FashionItem> validation = heldOut(splits, from);
        List<FashionItem> train = split.items().stream()
                .filter(item -> !photos.heldOut().contains(split.hash(item)))
                .toList();
        if (train.isEmpty()) {
            throw new DataException(source + " held all photos of "
                    + split.annotations().file()
                    + " out of its training, so composers are not trained on them either; give the split that it"
                    + " trained on, " + data.split());
        }
        return new PhotoData.Parts(split, train, from, validation);
    }

    @Override
    public void close() {
        model.close();
    }
}
