package org.rafclip.agcn.features;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.data.DataException;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.data.region.RegionBatch;
import org.rafclip.data.region.RegionBatches;
import org.rafclip.data.region.RegionLoader;
import org.rafclip.eval.PhotoEvaluation.Images;
import org.rafclip.io.Sha256;
import org.rafclip.train.PhotoData;
import org.rafclip.train.RunConfig;

/** Photos of DeepFashion with their boxes, prepared as a RaF-CLIP run prepares them for its evaluation. */
public final class GarmentPhotos implements PhotoSource {

    private final FashionSplit split;
    private final RunConfig.Data settings;
    private final Images image;
    private final int threads;
    private final RegionLoader loader;
    private final Map<String, FashionItem> items = new HashMap<>();

    /** @param image which of a garment's two images */
    public GarmentPhotos(FashionSplit split, RunConfig.Data settings, Images image, int threads) {
        this.split = split;
        this.settings = settings;
        this.image = image;
        this.threads = threads;
        this.loader = PhotoData.loader(split, settings, settings.evaluation());
        if (loader.settings().crop().random() || loader.settings().region().random()) {
            throw new DataException("the encoder's data.evaluation draws random numbers; its features cannot be kept");
        }
        split.items().forEach(item -> items.put(item.id(), item));
    }

    @Override
    public String fingerprint(List<String> ids) {
        List<FashionItem> wanted = ids.stream().map(this::item).toList();
        StringBuilder text = new StringBuilder();
        Map<String, String> hashes = PhotoData.hashes(split, wanted);
        for (FashionItem item : wanted) {
            text.append(item.id()).append(' ').append(hashes.get(item.id())).append(' ');
            text.append(item.box()).append('\n');
        }
        return Sha256.of(text.toString());
    }

    @Override
    public String preparation() {
        return image == Images.CROPS
                ? loader.settings().crop().fingerprint()
                : loader.settings().region().fingerprint() + ", masks by " + settings.segmenter();
    }

    @Override
    public INDArray load(List<String> ids) {
        List<FashionItem> wanted = ids.stream().map(this::item).toList();
        RegionBatches.Options options = new RegionBatches.Options(wanted.size(), false, false, 0, threads, 0);
        try (RegionBatches.Epoch epoch = new RegionBatches(loader, wanted, options).epoch(0)) {
            RegionBatch batch = epoch.next();
            return Nd4j.create(image == Images.CROPS ? batch.crops() : batch.regions(), batch.shape(), 'c');
        }
    }

    private FashionItem item(String id) {
        FashionItem item = items.get(id);
        if (item == null) {
            throw new DataException(split.file() + ": has no photo '" + id + "'; give the split that it is in");
        }
        return item;
    }
}
