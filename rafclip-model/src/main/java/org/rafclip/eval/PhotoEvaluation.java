package org.rafclip.eval;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.clip.ClipModel;
import org.rafclip.data.DataException;
import org.rafclip.data.Prefetch;
import org.rafclip.data.Progress;
import org.rafclip.data.Workers;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.image.Dimensions;
import org.rafclip.data.region.FashionRecordReader;
import org.rafclip.data.region.FashionRecordReader.Column;
import org.rafclip.data.region.RegionBatch;
import org.rafclip.data.region.RegionLoader;
import org.rafclip.data.region.RegionSample;
import org.rafclip.data.text.FashionColor;
import org.rafclip.data.text.Prompts;

/** A fixed list of prepared photos on which models are measured: Tables 1, 2 and 4. */
public final class PhotoEvaluation {

    private static final int BATCH = 64;

    private final RegionLoader loader;
    private final AttributeTaxonomy taxonomy;
    private final List<FashionItem> items;
    private final int threads;
    private final int prefetch;
    private final String[] categories;
    private final FashionColor[] colors;

    private PhotoEvaluation(
            RegionLoader loader,
            List<FashionItem> items,
            int threads,
            int prefetch,
            String[] categories,
            FashionColor[] colors) {
        this.loader = loader;
        this.taxonomy = loader.split().taxonomy();
        this.items = items;
        this.threads = threads;
        this.prefetch = prefetch;
        this.categories = categories;
        this.colors = colors;
    }

    /** Which image of a garment is encoded. */
    public enum Images {
        /** The category branch's: the box cut out. */
        CROPS(Column.CROP),
        /** The attribute branch's: the same without what is not the garment. */
        REGIONS(Column.REGION);

        private final Column column;

        Images(Column column) {
            this.column = column;
        }

        /** The column of a record that holds it. */
        public Column column() {
            return column;
        }
    }

    /**
     * Reads photos and brings them into the form in which they are measured.
     *
     * @param loader with preparations that draw no random numbers
     * @param items of the loader's split, at least one
     * @param threads that prepare photos side by side
     * @param prefetch batches prepared ahead of the encoder, at least 1
     * @param progress told of photos
     * @throws DataException where a photo cannot be prepared, or a preparation is random
     */
    public static PhotoEvaluation prepare(
            RegionLoader loader, List<FashionItem> items, int threads, int prefetch, Progress progress)
            throws InterruptedException {
        if (loader.settings().crop().random() || loader.settings().region().random()) {
            throw new DataException("the evaluation preparations '"
                    + loader.settings().crop() + "' and '" + loader.settings().region()
                    + "' draw random numbers; take the augmenting steps out, so that a figure can be had again");
        }
        String[] categories = new String[items.size()];
        FashionColor[] colors = new FashionColor[items.size()];
        Workers.forEach(
                "evaluation-photos",
                items.size(),
                threads,
                i -> {
                    RegionSample sample = loader.load(items.get(i));
                    categories[i] = sample.category();
                    colors[i] = sample.color();
                },
                progress);
        return new PhotoEvaluation(loader, List.copyOf(items), threads, prefetch, categories, colors);
    }

    /**
     * Attribute recognition (Tables 1 and 4): the region image against the text of each of a group's attributes.
     *
     * @param prompts how the model's texts are worded
     * @param mirror whether an image's embedding is the mean direction of its own and its mirror image's
     * @param progress told of photos encoded
     * @throws DataException if the photos are not prepared to the model's image size, or none has a label of some group
     */
    public AttributeResult attributes(ClipModel model, Prompts prompts, boolean mirror, Progress progress) {
        List<AttributeRecognition.Group> groups = attributeGroups(model, prompts);
        try (INDArray images = images(model, Images.REGIONS, mirror, progress)) {
            return AttributeRecognition.evaluate(images, categoryOf(), groups);
        }
    }

    /** For each photo the index of its category in {@link #categories()}. */
    public int[] categoryOf() {
        List<String> distinct = categories();
        return Arrays.stream(categories).mapToInt(distinct::indexOf).toArray();
    }

    /**
     * What is recognised: each group with its texts, one set a category, and the photos' labels, all of a photo's where it
     * has several in a group.
     *
     * @param prompts how the model's texts are worded
     * @throws DataException if none of the photos has a label of some group
     */
    public List<AttributeRecognition.Group> attributeGroups(ClipModel model, Prompts prompts) {
        requireLabels();
        List<String> distinct = categories();
        List<AttributeRecognition.Group> groups = new ArrayList<>();
        for (int g = 0; g < taxonomy.groups().size(); g++) {
            AttributeTaxonomy.Group group = taxonomy.group(g);
            List<List<String>> texts = new ArrayList<>();
            for (String category : distinct) {
                group.words().forEach(words -> texts.add(prompts.attribute(words, category)));
            }
            INDArray embeddings = model.encodeWordings(texts)
                    .reshape(distinct.size(), group.size(), model.config().embedWidth());
            int index = g;
            int[] labels = items.stream()
                    .mapToInt(item -> item.attributes().get(index))
                    .toArray();
            List<List<Integer>> further = items.stream()
                    .map(item -> item.further().getOrDefault(index, List.of()))
                    .toList();
            groups.add(new AttributeRecognition.Group(group.name(), group.words(), embeddings, labels, further));
        }
        return groups;
    }

    /**
     * Checks that attribute recognition can be measured.
     *
     * @throws DataException if none of the photos has a label of some group
     */
    public void requireLabels() {
        if (taxonomy.groups().isEmpty()) {
            throw new DataException(
                    "the photos have no attribute groups, so there is nothing to measure; give the table"
                            + " a column of attributes, or measure captions by eval retrieval --texts captions");
        }
        List<String> without = new ArrayList<>();
        for (int g = 0; g < taxonomy.groups().size(); g++) {
            int index = g;
            if (items.stream().allMatch(item -> item.attributes().get(index) == FashionItem.MISSING)) {
                without.add(taxonomy.group(g).name());
            }
        }
        if (!without.isEmpty()) {
            throw new DataException("none of the " + items.size() + " photos has a label of "
                    + String.join(", ", without)
                    + ": there is nothing to measure; take a split that has such labels (./rafclip data check counts"
                    + " them), or, of a table, name the other groups in data.groups");
        }
    }

    /**
     * A number for each photo, equal where color, category and every attribute agree: what counts as right at label level
     * in text ↔ image retrieval (Table 2).
     */
    public int[] labelClasses() {
        int[] category = categoryOf();
        int[][] labels = new int[items.size()][];
        for (int i = 0; i < labels.length; i++) {
            int[] attributes = items.get(i).attributeArray();
            labels[i] = Arrays.copyOf(attributes, attributes.length + 2);
            labels[i][attributes.length] = colors[i].ordinal();
            labels[i][attributes.length + 1] = category[i];
        }
        return Retrieval.labelClasses(labels);
    }

    /**
     * The retrieval text of every photo, in their order: one a template.
     *
     * @param prompts how the model's texts are worded
     */
    public List<List<String>> queries(Prompts prompts) {
        List<List<String>> queries = new ArrayList<>();
        for (int i = 0; i < items.size(); i++) {
            queries.add(prompts.retrieval(colors[i].word(), taxonomy.words(items.get(i)), categories[i]));
        }
        return queries;
    }

    /**
     * Caption retrieval on crops, which is what captions are trained with.
     *
     * @param mirror whether an image's embedding is the mean direction of its own and its mirror image's
     * @param ks answer lengths, each at least 1
     * @throws DataException if no photo has a caption, or they are not prepared to the model's image size
     */
    public RetrievalResult captionRetrieval(ClipModel model, boolean mirror, List<Integer> ks, Progress progress) {
        CaptionPairs pairs = captions();
        try (INDArray images = images(model, Images.CROPS, mirror, progress);
                INDArray texts = model.encodeTexts(pairs.texts())) {
            return pairs.evaluate(pairs.rowsOf(images), texts, ks);
        }
    }

    /**
     * The photos' captions as queries and gallery.
     *
     * @throws DataException if no photo has one
     */
    public CaptionPairs captions() {
        return new CaptionPairs(items);
    }

    /** Whether a photo has a label in any group. */
    public boolean labelled() {
        return items.stream()
                .anyMatch(item -> item.attributes().stream().anyMatch(label -> label != FashionItem.MISSING));
    }

    /** The attributes that photos are labelled with. */
    public AttributeTaxonomy taxonomy() {
        return taxonomy;
    }

    /** The photos, in order. */
    public List<FashionItem> items() {
        return items;
    }

    /** The categories that occur, each once, in the order in which they do. */
    public List<String> categories() {
        return Arrays.stream(categories).distinct().toList();
    }

    /** The category of a photo as its texts word it. */
    public String category(int photo) {
        return categories[photo];
    }

    /** The color of a photo's garment as its texts name it. */
    public FashionColor color(int photo) {
        return colors[photo];
    }

    /**
     * The photos' embeddings.
     *
     * @param mirror whether an image's embedding is the mean direction of its own and its mirror image's
     * @param progress told of photos encoded
     * @return of length 1, {@code [photos, d]}
     * @throws DataException if the photos are not prepared to the model's image size
     */
    public INDArray images(ClipModel model, Images which, boolean mirror, Progress progress) {
        int wanted = model.config().vision().imageSize();
        Dimensions size = loader.settings().size();
        if (size.width() != wanted || size.height() != wanted) {
            throw new DataException("the evaluation preparation gives images of " + size.width() + "x" + size.height()
                    + ", the model reads " + wanted + "x" + wanted + "; end the preparation with the model's size");
        }
        List<INDArray> parts = new ArrayList<>();
        int done = 0;
        try (FashionRecordReader reader =
                        new FashionRecordReader(loader, items, new FashionRecordReader.Options(false, 0, threads));
                Prefetch<RegionBatch> batches = new Prefetch<>(batches(reader, which), prefetch, RegionBatch::close)) {
            while (batches.hasNext()) {
                try (RegionBatch batch = batches.next()) {
                    INDArray pixels = batch.images();
                    parts.add(mirror ? model.encodeImagesWithMirror(pixels) : model.encodeImages(pixels));
                    done += batch.size();
                }
                progress.update(done, items.size());
            }
        }
        return Nd4j.concat(0, parts.toArray(INDArray[]::new));
    }

    private static Iterator<RegionBatch> batches(FashionRecordReader reader, Images which) {
        return new Iterator<>() {
            @Override
            public boolean hasNext() {
                return reader.hasNext();
            }

            @Override
            public RegionBatch next() {
                return RegionBatch.of(reader.next(BATCH), which.column());
            }
        };
    }
}
