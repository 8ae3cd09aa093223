package org.rafclip.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.rafclip.clip.ClipModel;
import org.rafclip.data.DataException;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.eval.PhotoEvaluation;
import org.rafclip.eval.Setting;
import org.rafclip.ops.JavaOps;
import org.rafclip.photos.PhotoConfig;
import org.rafclip.photos.PhotoData;
import org.rafclip.run.Configs;
import org.rafclip.train.Checkpoints;
import org.rafclip.train.RafClipConfig;
import org.rafclip.train.RunFolder;

/**
 * A model that is measured, with the photos and what is known of its training.
 *
 * @param name of its run or model folder
 * @param checkpoint the checkpoint's name, null for a model without a run
 * @param model closed with this
 * @param settings how photos are prepared
 * @param seed of the run, 0 without one
 * @param weights what the training started from, in words
 * @param trainedOn SHA-256 of the photos trained on, null where nobody knows
 * @param split the photos' split
 * @param items the photos
 * @param hashes SHA-256 of each photo by the garment's id
 */
record PhotoSubject(
        Path name,
        String checkpoint,
        ClipModel model,
        Settings settings,
        long seed,
        String weights,
        Set<String> trainedOn,
        FashionSplit split,
        List<FashionItem> items,
        Map<String, String> hashes)
        implements AutoCloseable {

    /** What its row is called: RaF-CLIP for a run; a folder of weights may hold any CLIP. */
    String method() {
        return checkpoint != null
                ? "RaF-CLIP"
                : "CLIP, " + name.toAbsolutePath().getFileName();
    }

    /** What overrides of a run's or model's settings can name: the data section. */
    record Settings(PhotoConfig data) {

        Settings with(Path dir, String split, List<String> overrides) {
            Settings changed = Configs.parse(Configs.toYaml(this), "the settings", overrides, Settings.class);
            return new Settings(changed.data()
                    .at(
                            dir == null ? changed.data().dir() : dir,
                            split == null ? changed.data().split() : split));
        }
    }

    /**
     * A run's checkpoint.
     *
     * @param dir a data folder, or null for the one that the run trained on
     * @param split a split, or null for the one that the run trained on
     * @param heldOut whether to take only photos that the run held out
     */
    static PhotoSubject ofRun(
            Path folder, Checkpoints.Which which, Path dir, String split, boolean heldOut, List<String> overrides)
            throws IOException {
        JavaOps.install();
        RunFolder run = RunFolder.open(folder);
        RafClipConfig config = run.config();
        Settings settings = new Settings(config.data()).with(dir, split, overrides);
        if (!Files.isDirectory(settings.data().dir())) {
            throw new DataException(settings.data().dir() + ": there is no such data folder"
                    + (dir == null ? " here; the run was started elsewhere, so name its data by --data" : ""));
        }
        Path checkpoint = run.checkpoint(which);
        FashionSplit photos =
                FashionSplit.read(settings.data().dir(), settings.data().split());
        List<FashionItem> items = photos.items();
        Map<String, String> hashes = PhotoData.hashes(photos, items);
        if (heldOut) {
            items = heldOut(run, photos, hashes);
        }
        String weights = config.model().weights() != null
                ? "fine-tuned from " + config.model().weights()
                : "trained from random weights";
        Set<String> trainedOn = new HashSet<>(run.trainedOn().values());
        return new PhotoSubject(
                folder,
                checkpoint.getFileName().toString(),
                ClipModel.load(checkpoint),
                settings,
                config.seed(),
                weights,
                trainedOn,
                photos,
                items,
                hashes);
    }

    private static List<FashionItem> heldOut(RunFolder run, FashionSplit photos, Map<String, String> hashes)
            throws IOException {
        Map<String, String> wanted = run.heldOut();
        if (wanted.isEmpty()) {
            throw new DataException(run.dir() + " held no photos out of its training; leave --held-out away");
        }
        List<FashionItem> found = photos.items().stream()
                .filter(item -> hashes.get(item.id()).equals(wanted.get(item.id())))
                .toList();
        if (found.size() < wanted.size()) {
            throw new DataException("only " + found.size() + " of the " + wanted.size() + " photos that " + run.dir()
                    + " held out are in " + photos.file()
                    + " as they were; give the data folder and the split that the run trained on, or leave --held-out"
                    + " away");
        }
        return found;
    }

    /** A model folder that no run is known of. */
    static PhotoSubject ofModel(Path folder, Path dir, String split, List<String> overrides) throws IOException {
        JavaOps.install();
        ClipModel model = ClipModel.load(folder);
        try {
            Settings settings = new Settings(PhotoConfig.forModel(
                            dir, split, model.config().vision().imageSize()))
                    .with(dir, split, overrides);
            FashionSplit photos = FashionSplit.read(dir, split);
            return new PhotoSubject(
                    folder,
                    null,
                    model,
                    settings,
                    0,
                    "as in " + folder,
                    null,
                    photos,
                    photos.items(),
                    PhotoData.hashes(photos, photos.items()));
        } catch (RuntimeException e) {
            model.close();
            throw e;
        }
    }

    /** The same model on the photos of another subject. */
    PhotoSubject on(PhotoSubject other) {
        return new PhotoSubject(
                name, checkpoint, model, settings, seed, weights, trainedOn, other.split, other.items, other.hashes);
    }

    /** Prepares the photos, with progress. */
    PhotoEvaluation prepare() throws InterruptedException {
        PhotoConfig data = settings.data();
        try (JobProgress progress = new JobProgress("preparing", "photos")) {
            return PhotoEvaluation.prepare(
                    PhotoData.loader(split, data, data.evaluation()), items, data.threads(), data.prefetch(), progress);
        }
    }

    /** How many of the photos the model was trained on; null where nobody knows. */
    Integer photosTrainedOn() {
        return trainedOn == null
                ? null
                : (int) items.stream()
                        .filter(item -> trainedOn.contains(hashes.get(item.id())))
                        .count();
    }

    /** One line on what the figures can say about new photos. */
    String novelty(boolean heldOut) {
        Integer seen = photosTrainedOn();
        if (seen == null) {
            return name + ": whether it was trained on any of these " + items.size() + " photos is not known.";
        }
        if (seen == 0) {
            return String.format(Locale.ROOT, "%s was trained on none of these %,d photos.", name, items.size());
        }
        return String.format(
                Locale.ROOT,
                heldOut
                        ? "ATTENTION: %s was trained on copies of %,d of these %,d held-out photos."
                        : "ATTENTION: %s was trained on %,d of these %,d photos, which flatters its figures; --held-out"
                                + " measures on those it kept out.",
                name,
                seen,
                items.size());
    }

    /** What tells this row from others. */
    Setting setting(String protocol, boolean heldOut) {
        PhotoConfig data = settings.data();
        return new Setting(
                weights + (checkpoint == null ? "" : " (" + name + ", " + checkpoint + ")"),
                String.format(
                        Locale.ROOT,
                        "measured on %,d photos of split %s in %s%s",
                        items.size(),
                        split.name(),
                        data.dir(),
                        heldOut ? ", held out of the training" : ""),
                protocol,
                trainedOn == null ? 0 : trainedOn.size());
    }

    @Override
    public void close() {
        model.close();
    }
}
