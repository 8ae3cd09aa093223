package org.rafclip.measure;

import java.util.BitSet;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.clip.ClipModel;
import org.rafclip.data.Stages;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.eval.AttributeRecognition;
import org.rafclip.eval.AttributeResult;
import org.rafclip.eval.PhotoEvaluation;
import org.rafclip.eval.PhotoEvaluation.Images;
import org.rafclip.eval.Retrieval;
import org.rafclip.eval.RetrievalResult;
import org.rafclip.open.OpenedEncoder;

/**
 * Measures an encoder on photos, in any number of ways; images are encoded once. For one thread.
 *
 * <pre>{@code
 * try (OpenedEncoder encoder = OpenedEncoder.open(dir, Checkpoints.Which.BEST);
 *         EncoderEvaluator evaluator = EncoderEvaluator.of(encoder, photos, Stages.NONE)) {
 *     AttributeEvaluation attributes = evaluator.attributes();
 * }
 * }</pre>
 */
public final class EncoderEvaluator implements AutoCloseable {

    private final OpenedEncoder encoder;
    private final MeasuredPhotos measured;
    private final PhotoEvaluation photos;
    private final Stages stages;
    private final Map<Images, INDArray> embeddings = new EnumMap<>(Images.class);
    private final Map<Images, Retrieval.Gallery> galleries = new EnumMap<>(Images.class);

    /**
     * @param encoder not closed by this
     * @param photos the same as {@code measured}, prepared
     * @param stages show encoding
     */
    public EncoderEvaluator(OpenedEncoder encoder, MeasuredPhotos measured, PhotoEvaluation photos, Stages stages) {
        this.encoder = encoder;
        this.measured = measured;
        this.photos = photos;
        this.stages = stages;
    }

    /**
     * Prepares photos.
     *
     * @param encoder not closed by this
     * @throws org.rafclip.data.DataException where a photo cannot be prepared, or the preparation is random
     */
    public static EncoderEvaluator of(OpenedEncoder encoder, MeasuredPhotos measured, Stages stages)
            throws InterruptedException {
        return new EncoderEvaluator(encoder, measured, measured.prepare(stages), stages);
    }

    /** Which encoder, on which photos. */
    public EncoderOnPhotos measured() {
        return EncoderOnPhotos.of(encoder, measured);
    }

    /** The photos as they were given. */
    MeasuredPhotos given() {
        return measured;
    }

    /** The photos, prepared. */
    public PhotoEvaluation photos() {
        return photos;
    }

    ClipModel model() {
        return encoder.model();
    }

    /**
     * The photos' embeddings.
     *
     * @return of length 1, {@code [photos, d]}, until this is closed
     * @throws org.rafclip.data.DataException if the photos are not prepared to the model's image size
     */
    public INDArray images(Images which) {
        return embeddings.computeIfAbsent(
                which,
                fresh -> photos.images(
                        encoder.model(),
                        which,
                        measured.mirror(),
                        stages.stage(
                                "encoding " + (which == Images.CROPS ? "crops" : "regions"),
                                photos.items().size())));
    }

    private Retrieval.Gallery gallery(Images which) {
        return galleries.computeIfAbsent(which, fresh -> new Retrieval.Gallery(images(which)));
    }

    /** Attribute recognition (Tables 1 and 4). */
    public AttributeEvaluation attributes() {
        List<AttributeRecognition.Group> groups = photos.attributeGroups(encoder.model());
        AttributeResult result = AttributeRecognition.evaluate(images(Images.REGIONS), photos.categoryOf(), groups);
        return new AttributeEvaluation(measured(), result, null, null);
    }

    /**
     * Text ↔ image retrieval (Table 2). A photo's text is {@code a photo of {color} {attributes…} {category}} from its
     * labels; at label level every photo is right whose color, category and attributes are the same.
     */
    public RetrievalEvaluation retrieval(Images which) {
        try (INDArray texts = encoder.model().encodeTexts(photos.queries())) {
            RetrievalResult result =
                    Retrieval.evaluate(images(which), texts, photos.labelClasses(), Retrieval.PAPER_KS);
            return new RetrievalEvaluation(measured(), which, result, null);
        }
    }

    /**
     * The images that a text finds.
     *
     * @param k how many at most
     */
    public List<Retrieval.Hit> imagesOf(String text, Images which, int k) {
        try (INDArray query = encoder.model().encodeTexts(List.of(text))) {
            return gallery(which).nearest(query, k);
        }
    }

    /**
     * The images nearest to one of them, which is not among the answers.
     *
     * @param k how many at most
     */
    public List<Retrieval.Hit> imagesLike(int photo, Images which, int k) {
        BitSet itself = new BitSet();
        itself.set(photo);
        return gallery(which).nearest(images(which).getRow(photo, true), k, itself);
    }

    /**
     * The texts nearest to an image.
     *
     * @param k how many at most
     */
    public List<Retrieval.Hit> textsOf(int photo, Images which, List<String> texts, int k) {
        try (INDArray candidates = encoder.model().encodeTexts(texts)) {
            return new Retrieval.Gallery(candidates).nearest(images(which).getRow(photo, true), k);
        }
    }

    /**
     * How well a text finds the photos that it describes: the mean, over the right ones, of the precision at their ranks.
     *
     * @param textOf the text of each category; every photo is scored with its own category's
     * @param right photos
     * @return 0 where none is right
     */
    public double averagePrecision(Map<String, String> textOf, Set<Integer> right) {
        List<String> categories = photos.categories();
        INDArray images = images(Images.REGIONS);
        int n = photos.items().size();
        double[] scores = new double[n];
        try (INDArray texts =
                encoder.model().encodeTexts(categories.stream().map(textOf::get).toList())) {
            for (int i = 0; i < n; i++) {
                scores[i] = images.getRow(i)
                        .mul(texts.getRow(categories.indexOf(photos.category(i))))
                        .sumNumber()
                        .doubleValue();
            }
        }
        return averagePrecision(scores, right);
    }

    /** The average precision of scores; the lower of two equal ones' indices comes first. */
    static double averagePrecision(double[] scores, Set<Integer> right) {
        int[] order = IntStream.range(0, scores.length)
                .boxed()
                .sorted((a, b) -> Double.compare(scores[b], scores[a]))
                .mapToInt(Integer::intValue)
                .toArray();
        double sum = 0;
        int found = 0;
        for (int rank = 1; rank <= order.length; rank++) {
            if (right.contains(order[rank - 1])) {
                found++;
                sum += (double) found / rank;
            }
        }
        return right.isEmpty() ? 0 : sum / right.size();
    }

    /** Writes each photo's label, answer and scores, a line a photo. */
    public void predictAttributes(Predictions out) {
        int[] categories = photos.categoryOf();
        List<AttributeRecognition.Group> groups = photos.attributeGroups(encoder.model());
        List<float[][]> scores = groups.stream()
                .map(group -> AttributeRecognition.scores(images(Images.REGIONS), categories, group))
                .toList();
        List<int[]> answers = groups.stream()
                .map(group -> AttributeRecognition.predict(images(Images.REGIONS), categories, group))
                .toList();
        for (int photo = 0; photo < photos.items().size(); photo++) {
            Predictions.Line line = out.line(photos.items().get(photo).id());
            for (int g = 0; g < groups.size(); g++) {
                AttributeRecognition.Group group = groups.get(g);
                int label = group.labels()[photo];
                line.answer(
                        group.name(),
                        label == FashionItem.MISSING ? null : group.attributes().get(label),
                        group.attributes().get(answers.get(g)[photo]),
                        group.attributes(),
                        scores.get(g)[photo]);
            }
            line.end();
        }
    }

    /**
     * Writes what each text finds and which texts each image finds, a line a query.
     *
     * @param k answers of each at most
     */
    public void predictRetrieval(Predictions out, Images which, int k) {
        List<String> ids = photos.items().stream().map(FashionItem::id).toList();
        List<String> queries = photos.queries();
        int[] labels = photos.labelClasses();
        INDArray images = images(which);
        try (INDArray texts = encoder.model().encodeTexts(queries)) {
            for (boolean textToImage : List.of(true, false)) {
                List<List<Retrieval.Hit>> rankings = textToImage
                        ? Retrieval.nearest(texts, images, k, none -> -1)
                        : Retrieval.nearest(images, texts, k, none -> -1);
                for (int i = 0; i < ids.size(); i++) {
                    int label = labels[i];
                    out.line(ids.get(i))
                            .put("direction", textToImage ? "text-to-image" : "image-to-text")
                            .put("text", queries.get(i))
                            .put("truth", ids.get(i))
                            .ranking(
                                    IntStream.range(0, labels.length)
                                            .filter(j -> labels[j] == label)
                                            .mapToObj(ids::get)
                                            .toList(),
                                    rankings.get(i),
                                    ids)
                            .end();
                }
            }
        }
    }

    /** Frees the embeddings. */
    @Override
    public void close() {
        galleries.clear();
        embeddings.values().forEach(INDArray::close);
        embeddings.clear();
    }
}
