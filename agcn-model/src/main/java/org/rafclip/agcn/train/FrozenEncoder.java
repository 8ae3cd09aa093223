package org.rafclip.agcn.train;

import java.io.IOException;
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
 * The encoder of a RaF-CLIP run, with what its run says of photos.
 *
 * @param folder of the run
 * @param model closed with this
 * @param hash {@link FeatureKey#modelHash} of the checkpoint
 * @param heldOut SHA-256 of the photos that the run kept out of its training
 */
public record FrozenEncoder(RunFolder folder, ClipModel model, String hash, RunConfig config, Set<String> heldOut)
        implements AutoCloseable {

    public static FrozenEncoder open(Path run, Checkpoints.Which which) throws IOException {
        RunFolder folder = RunFolder.open(run);
        RunConfig config = folder.config();
        Path checkpoint = folder.checkpoint(which);
        String hash = FeatureKey.modelHash(checkpoint);
        Set<String> heldOut = new HashSet<>(folder.heldOut().values());
        return new FrozenEncoder(folder, ClipModel.load(checkpoint), hash, config, heldOut);
    }

    /** The photos of a split in the run's preparation. */
    public GarmentPhotos photos(FashionSplit split, AgcnConfig.Data data) {
        return new GarmentPhotos(split, config.data().at(data.dir(), split.name()), data.image(), data.threads());
    }

    /** Photos without boxes, in the preparation of the data settings. */
    public WholePhotos photos(ImagesById images, AgcnConfig.Data data) {
        String preparation = data.preparation() != null
                ? data.preparation()
                : WholePhotos.targetPad(model.config().vision().imageSize());
        return new WholePhotos(images, Preparation.parse(preparation));
    }

    /**
     * The photos of a split that the run held out, known by their content.
     *
     * @throws DataException if there are none
     */
    public List<FashionItem> heldOut(FashionSplit split) {
        if (heldOut.isEmpty()) {
            throw new DataException(
                    folder.dir() + " held no photos out of its training; leave --held-out away, or train it with"
                            + " data.held-out above 0");
        }
        Map<String, String> hashes = PhotoData.hashes(split, split.items());
        List<FashionItem> kept = split.items().stream()
                .filter(item -> heldOut.contains(hashes.get(item.id())))
                .toList();
        if (kept.isEmpty()) {
            String from = config.data().validationSplit() != null
                    ? config.data().validationSplit()
                    : config.data().split();
            throw new DataException("none of the " + heldOut.size() + " photos that " + folder.dir()
                    + " held out is in " + split.file() + "; they are of its split " + from
                    + ", so take that split of the folder that it trained on");
        }
        return kept;
    }

    /**
     * A split cut in two: photos that the run held out, known by their content, and the others.
     *
     * @throws DataException if the run held out photos of which none is in the split
     */
    public PhotoData.Parts parts(FashionSplit split) {
        if (heldOut.isEmpty()) {
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
