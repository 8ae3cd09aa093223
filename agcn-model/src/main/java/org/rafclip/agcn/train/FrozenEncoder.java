package org.rafclip.agcn.train;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.rafclip.agcn.features.FeatureKey;
import org.rafclip.agcn.features.GarmentPhotos;
import org.rafclip.agcn.features.WholePhotos;
import org.rafclip.clip.ClipModel;
import org.rafclip.data.DataException;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.data.fashioniq.ImagesById;
import org.rafclip.data.prepare.Preparation;
import org.rafclip.train.Checkpoints;
import org.rafclip.train.PhotoData;
import org.rafclip.train.RunConfig;
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
        Path source, ClipModel model, String hash, RunConfig.Data data, Set<String> trainedOn, Set<String> heldOut)
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
        if (Files.isRegularFile(runOrModel.resolve(ClipModel.CONFIG_FILE))) {
            ClipModel model = ClipModel.load(runOrModel);
            RunConfig.Data data = RunConfig.Data.forModel(
                    Path.of("."), "train", model.config().vision().imageSize());
            return new FrozenEncoder(runOrModel, model, FeatureKey.modelHash(runOrModel), data, Set.of(), null);
        }
        RunFolder folder = RunFolder.open(runOrModel);
        RunConfig config = folder.config();
        Path checkpoint = folder.checkpoint(which);
        String hash = FeatureKey.modelHash(checkpoint);
        Set<String> trainedOn = new HashSet<>(folder.trainedOn().values());
        Set<String> heldOut = new HashSet<>(folder.heldOut().values());
        return new FrozenEncoder(runOrModel, ClipModel.load(checkpoint), hash, config.data(), trainedOn, heldOut);
    }

    /** The photos of a split in the run's preparation. */
    public GarmentPhotos photos(FashionSplit split, AgcnConfig.Data data) {
        return new GarmentPhotos(split, this.data.at(data.dir(), split.name()), data.image(), data.threads());
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
     * A split cut in two: photos that the run held out, known by their content, and the others. For a model folder a share
     * is drawn by the photos' content, always the same.
     *
     * @throws DataException if the run held out photos of which none is in the split
     */
    public PhotoData.Parts parts(FashionSplit split) {
        if (heldOut != null && heldOut.isEmpty()) {
            return new PhotoData.Parts(split.items(), List.of(), split);
        }
        List<FashionItem> kept = heldOut(split);
        Set<String> ids = kept.stream().map(FashionItem::id).collect(Collectors.toSet());
        List<FashionItem> others =
                split.items().stream().filter(item -> !ids.contains(item.id())).toList();
        return new PhotoData.Parts(others, kept, split);
    }

    @Override
    public void close() {
        model.close();
    }
}
