package org.rafclip.agcn.train;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.rafclip.agcn.features.FeatureKey;
import org.rafclip.agcn.features.GarmentPhotos;
import org.rafclip.agcn.features.WholePhotos;
import org.rafclip.clip.ClipModel;
import org.rafclip.data.DataException;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.data.fashioniq.ImagesById;
import org.rafclip.data.prepare.Preparation;
import org.rafclip.photos.PhotoConfig;
import org.rafclip.photos.PhotoData;
import org.rafclip.train.Checkpoints;
import org.rafclip.train.RafClipConfig;
import org.rafclip.train.RunFolder;

/**
 * The encoder of a RaF-CLIP run or of a model folder, with what is known of its photos.
 *
 * @param source the run's folder, or the model's
 * @param model closed with this
 * @param hash {@link FeatureKey#modelHash} of the weights
 * @param data how the run prepares photos; for a model folder, CLIP's own preparation
 * @param trainedOn SHA-256 of the photos that the run trained on; none for a model folder, which does not say
 * @param heldOut SHA-256 of the photos that the run kept out of its training; null for a model folder
 */
public record FrozenEncoder(
        Path source, ClipModel model, String hash, PhotoConfig data, Set<String> trainedOn, Set<String> heldOut)
        implements AutoCloseable {

    /** Draws what is held out of a composer's training where the encoder has held out nothing. */
    private static final long SPLIT_SEED = 1;

    /**
     * Opens a run's checkpoint, or a model folder.
     *
     * @param runOrModel the {@code output.dir} of a run, or a folder with {@value ClipModel#CONFIG_FILE}
     * @param which checkpoint of a run
     */
    public static FrozenEncoder open(Path runOrModel, Checkpoints.Which which) throws IOException {
        if (isModel(runOrModel)) {
            ClipModel model = ClipModel.load(runOrModel);
            PhotoConfig data = PhotoConfig.forModel(
                    Path.of("."), "train", model.config().vision().imageSize());
            return new FrozenEncoder(runOrModel, model, FeatureKey.modelHash(runOrModel), data, Set.of(), null);
        }
        RunFolder folder = RunFolder.open(runOrModel);
        RafClipConfig config = folder.config();
        Path checkpoint = folder.checkpoint(which);
        String hash = FeatureKey.modelHash(checkpoint);
        Set<String> trainedOn = new HashSet<>(folder.trainedOn().values());
        Set<String> heldOut = new HashSet<>(folder.heldOut().values());
        return new FrozenEncoder(runOrModel, ClipModel.load(checkpoint), hash, config.data(), trainedOn, heldOut);
    }

    /** Whether a folder is a model's rather than a run's. */
    public static boolean isModel(Path runOrModel) {
        return Files.isRegularFile(runOrModel.resolve(ClipModel.CONFIG_FILE));
    }

    /** The {@link #hash} that {@link #open} would find, without loading anything. */
    public static String hash(Path runOrModel, Checkpoints.Which which) throws IOException {
        return FeatureKey.modelHash(
                isModel(runOrModel) ? runOrModel : RunFolder.open(runOrModel).checkpoint(which));
    }

    /** The photos of a split in the run's preparation. */
    public GarmentPhotos photos(FashionSplit split, AgcnConfig.Data data) {
        return photos(split, split.items(), data);
    }

    /** Photos of a split and of others in the same folder, in the run's preparation. */
    GarmentPhotos photos(FashionSplit split, List<FashionItem> items, AgcnConfig.Data data) {
        return new GarmentPhotos(split, items, this.data.at(data.dir(), split.name()), data.image(), data.threads());
    }

    /** Photos without boxes, in the preparation of the data settings. */
    public WholePhotos photos(ImagesById images, AgcnConfig.Data data) {
        String preparation = data.preparation() != null
                ? data.preparation()
                : WholePhotos.targetPad(model.config().vision().imageSize());
        return new WholePhotos(images, Preparation.parse(preparation));
    }

    /**
     * The photos of a split that the run held out, known by their content; for a model folder a share drawn by it.
     *
     * @throws DataException if there are none
     */
    public List<FashionItem> heldOut(FashionSplit split) {
        if (heldOut == null) {
            return PhotoData.parts(split, data, SPLIT_SEED).validation();
        }
        if (heldOut.isEmpty()) {
            throw new DataException(
                    source + " held no photos out of its training; leave --held-out away, or train it with"
                            + " data.held-out above 0");
        }
        Map<String, String> hashes = PhotoData.hashes(split, split.items());
        List<FashionItem> kept = split.items().stream()
                .filter(item -> heldOut.contains(hashes.get(item.id())))
                .toList();
        if (kept.isEmpty()) {
            String from = data.validationSplit() != null ? data.validationSplit() : data.split();
            throw new DataException("none of the " + heldOut.size() + " photos that " + source
                    + " held out is in " + split.file() + "; they are of its split " + from
                    + ", so take that split of the folder that it trained on");
        }
        return kept;
    }

    /**
     * What composers of this encoder are trained and validated on: the photos that the run held out, of the split or of
     * the run's validation split, known by their content, and the split's others. For a model folder a share of the split
     * is held out, drawn by the photos' content, always the same.
     *
     * @param dir the data folder that the split is in
     * @throws DataException if the run held out photos of which none is there, or all of the split's
     */
    public PhotoData.Parts parts(FashionSplit split, Path dir) {
        if (heldOut != null && heldOut.isEmpty()) {
            return new PhotoData.Parts(split.items(), List.of(), split);
        }
        String other = data.validationSplit();
        FashionSplit from = other == null || other.equals(split.name()) ? split : FashionSplit.read(dir, other);
        List<FashionItem> validation = heldOut(from);
        Set<String> kept = heldOut != null
                ? heldOut
                : new HashSet<>(PhotoData.hashes(from, validation).values());
        Map<String, String> hashes = PhotoData.hashes(split, split.items());
        List<FashionItem> train = split.items().stream()
                .filter(item -> !kept.contains(hashes.get(item.id())))
                .toList();
        if (train.isEmpty()) {
            throw new DataException(source + " held all photos of " + split.file()
                    + " out of its training, so composers are not trained on them either; give the split that it"
                    + " trained on, " + data.split());
        }
        return new PhotoData.Parts(train, validation, from);
    }

    @Override
    public void close() {
        model.close();
    }
}
