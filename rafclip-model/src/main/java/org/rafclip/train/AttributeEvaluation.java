package org.rafclip.train;

import java.util.ArrayList;
import java.util.List;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.clip.ClipModel;
import org.rafclip.data.Progress;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.data.region.RegionBatch;
import org.rafclip.data.region.RegionBatches;
import org.rafclip.data.region.RegionLoader;
import org.rafclip.data.text.Prompts;
import org.rafclip.eval.AttributeRecognition;
import org.rafclip.eval.AttributeResult;

/**
 * Attribute recognition on a fixed list of photos (Tables 1 and 4): the region image against
 * {@code a photo of {attribute} {category}} for each of a group's attributes.
 */
public final class AttributeEvaluation {

    private static final int BATCH = 64;

    private final AttributeTaxonomy taxonomy;
    private final RegionBatches batches;
    private final List<String> categories;
    private final int[] categoryOf;
    private final int[][] labels;

    private AttributeEvaluation(
            AttributeTaxonomy taxonomy,
            RegionBatches batches,
            List<String> categories,
            int[] categoryOf,
            int[][] labels) {
        this.taxonomy = taxonomy;
        this.batches = batches;
        this.categories = categories;
        this.categoryOf = categoryOf;
        this.labels = labels;
    }

    /** Prepares photos as the run's evaluation settings say. */
    public static AttributeEvaluation prepare(
            FashionSplit split, List<FashionItem> items, RunConfig.Data data, Progress progress)
            throws InterruptedException {
        RegionLoader loader = PhotoData.loader(split, data, data.evaluation());
        loader.loadAll(items, data.threads(), progress);
        List<String> categories = new ArrayList<>();
        int[] categoryOf = new int[items.size()];
        int[][] labels = new int[split.taxonomy().groups().size()][items.size()];
        for (int i = 0; i < items.size(); i++) {
            String category = loader.load(items.get(i)).category();
            if (!categories.contains(category)) {
                categories.add(category);
            }
            categoryOf[i] = categories.indexOf(category);
            int[] attributes = items.get(i).attributeArray();
            for (int g = 0; g < labels.length; g++) {
                labels[g][i] = attributes[g];
            }
        }
        RegionBatches batches = new RegionBatches(
                loader, items, new RegionBatches.Options(BATCH, false, false, 0, data.threads(), data.prefetch()));
        return new AttributeEvaluation(split.taxonomy(), batches, categories, categoryOf, labels);
    }

    /** @param mirror whether each photo's embedding is the mean of its own and its mirror image's */
    public AttributeResult evaluate(ClipModel model, boolean mirror) {
        INDArray images = regions(model, mirror);
        List<AttributeRecognition.Group> groups = new ArrayList<>();
        for (int g = 0; g < labels.length; g++) {
            AttributeTaxonomy.Group group = taxonomy.group(g);
            List<String> texts = new ArrayList<>();
            for (String category : categories) {
                group.words().forEach(words -> texts.add(Prompts.attribute(words, category)));
            }
            INDArray embeddings = model.encodeTexts(texts)
                    .reshape(categories.size(), group.size(), model.config().embedWidth());
            groups.add(new AttributeRecognition.Group(group.name(), group.words(), embeddings, labels[g]));
        }
        return AttributeRecognition.evaluate(images, categoryOf, groups);
    }

    private INDArray regions(ClipModel model, boolean mirror) {
        List<INDArray> parts = new ArrayList<>();
        try (RegionBatches.Epoch epoch = batches.epoch(0)) {
            while (epoch.hasNext()) {
                RegionBatch batch = epoch.next();
                INDArray pixels = Nd4j.create(batch.regions(), batch.shape(), 'c');
                parts.add(mirror ? model.encodeImagesWithMirror(pixels) : model.encodeImages(pixels));
            }
        }
        return Nd4j.concat(0, parts.toArray(INDArray[]::new));
    }
}
