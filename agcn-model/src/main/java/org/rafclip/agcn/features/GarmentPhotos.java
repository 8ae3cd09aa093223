package org.rafclip.agcn.features;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.data.DataException;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.data.region.FashionRecordReader;
import org.rafclip.data.region.RegionBatch;
import org.rafclip.data.region.RegionLoader;
import org.rafclip.eval.PhotoEvaluation.Images;
import org.rafclip.io.Sha256;
import org.rafclip.photos.PhotoConfig;
import org.rafclip.photos.PhotoData;
import org.rafclip.photos.PhotoSplit;

/** Photos of DeepFashion with their boxes, prepared as a RaF-CLIP run prepares them for its evaluation. */
public final class GarmentPhotos implements PhotoSource {

    private final FashionSplit annotations;
    private final PhotoConfig settings;
    private final Images image;
    private final int threads;
    private final RegionLoader loader;
    private final Map<String, FashionItem> items = new HashMap<>();
    private final Map<String, PhotoSplit> splits = new HashMap<>();

    /**
     * @param parts the photos, of one split or of two in one folder
     * @param image which of a garment's two images
     * @throws DataException if one id has two boxes, or the preparation draws random numbers
     */
    public GarmentPhotos(PhotoData.Parts parts, PhotoConfig settings, Images image, int threads) {
        this.annotations = parts.split().annotations();
        this.settings = settings;
        this.image = image;
        this.threads = threads;
        this.loader = PhotoData.loader(annotations, settings, settings.evaluation());
        if (loader.settings().crop().random() || loader.settings().region().random()) {
            throw new DataException("the encoder's data.evaluation draws random numbers; its features cannot be kept");
        }
        parts.train().forEach(item -> add(parts.split(), item));
        parts.validation().forEach(item -> add(parts.validationSplit(), item));
    }

    private void add(PhotoSplit split, FashionItem item) {
        FashionItem known = items.putIfAbsent(item.id(), item);
        splits.putIfAbsent(item.id(), split);
        if (known != null && !known.box().equals(item.box())) {
            throw new DataException(annotations.file() + " and the validation split have the photo '" + item.id()
                    + "' with different boxes; give it one box, or take it out of one of them");
        }
    }

    @Override
    public String fingerprint(List<String> ids) {
        StringBuilder text = new StringBuilder();
        for (String id : ids) {
            FashionItem item = item(id);
            text.append(id).append(' ').append(splits.get(id).hash(item)).append(' ');
            text.append(item.box()).append('\n');
        }
        return Sha256.of(text.toString());
    }

    @Override
    public String preparation() {
        return image == Images.CROPS
                ? loader.settings().crop().fingerprint()
                : loader.settings().region().fingerprint() + ", masks by " + loader.segmenterId();
    }

    @Override
    public INDArray load(List<String> ids) {
        List<FashionItem> wanted = ids.stream().map(this::item).toList();
        FashionRecordReader.Options options = new FashionRecordReader.Options(false, 0, threads);
        try (FashionRecordReader reader = new FashionRecordReader(loader, wanted, options)) {
            return RegionBatch.of(reader.next(wanted.size()), image.column()).images();
        }
    }

    private FashionItem item(String id) {
        FashionItem item = items.get(id);
        if (item == null) {
            throw new DataException(annotations.file() + ": has no photo '" + id + "'; give the split that it is in");
        }
        return item;
    }
}
