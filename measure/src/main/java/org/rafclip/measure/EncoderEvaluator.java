package org.rafclip.measure;

import java.util.BitSet;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.clip.ClipModel;
import org.rafclip.data.DataException;
import org.rafclip.data.Stages;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.text.Prompts;
import org.rafclip.eval.AttributeRecognition;
import org.rafclip.eval.AttributeResult;
import org.rafclip.eval.CaptionPairs;
import org.rafclip.eval.PhotoEvaluation;
import org.rafclip.eval.PhotoEvaluation.Images;
import org.rafclip.eval.Retrieval;
import org.rafclip.eval.RetrievalResult;
import org.rafclip.measure.RetrievalEvaluation.Texts;
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

    private static final String TEXT_TO_IMAGE = "text-to-image";
    private static final String IMAGE_TO_TEXT = "image-to-text";

    private final OpenedEncoder encoder;
    private final MeasuredPhotos measured;
    private final PhotoEvaluation photos;
    private final Stages stages;
    private final Map<Images, INDArray> embeddings = new EnumMap<>(Images.class);
    private final Map<Images, Retrieval.Gallery> galleries = new EnumMap<>(Images.class);
    private List<AttributeRecognition.Group> recognised;

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
     * @throws DataException where a photo cannot be prepared, or the preparation is random
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

    /** How the encoder's texts are worded. */
    public Prompts prompts() {
        return encoder.prompts();
    }

    /**
     * The photos' embeddings.
     *
     * @return of length 1, {@code [photos, d]}, until this is closed
     * @throws DataException if the photos are not prepared to the model's image size
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

    private List<AttributeRecognition.Group> attributeGroups() {
        if (recognised == null) {
            recognised = photos.attributeGroups(encoder.model(), prompts());
        }
        return recognised;
    }

    /** Attribute recognition (Tables 1 and 4). */
    public AttributeEvaluation attributes() {
        List<AttributeRecognition.Group> groups = attributeGroups();
        AttributeResult result = AttributeRecognition.evaluate(images(Images.REGIONS), photos.categoryOf(), groups);
        return new AttributeEvaluation(measured(), result, null, null);
    }

    /**
     * Text ↔ image retrieval (Table 2). Texts from labels are {@code a photo of {color} {attributes…} {category}}, one a
     * photo, and at label level every photo is right whose color, category and attributes are the same. Captions are
     * measured as {@link CaptionPairs} says.
     *
     * @throws DataException if no photo has a caption, or none has a label, whichever is asked for
     */
    public RetrievalEvaluation retrieval(Images which, Texts from) {
        return new RetrievalEvaluation(
                measured(), which, from, from == Texts.CAPTIONS ? ofCaptions(which) : ofLabels(which), null);
    }

    /** {@link #retrieval(Images, Texts)} with texts from labels. */
    public RetrievalEvaluation retrieval(Images which) {
        return retrieval(which, Texts.LABELS);
    }

    private RetrievalResult ofLabels(Images which) {
        if (!photos.labelled()
                && photos.items().stream().allMatch(item -> item.category().isEmpty())) {
            throw new DataException("none of the " + photos.items().size() + " photos has an attribute label or a"
                    + " category, of which texts could be made; where photos have captions, ask with them by"
                    + " --texts captions");
        }
        try (INDArray texts = encoder.model().encodeWordings(photos.queries(prompts()))) {
            return Retrieval.evaluate(images(which), texts, photos.labelClasses(), Retrieval.PAPER_KS);
        }
    }

    private RetrievalResult ofCaptions(Images which) {
        CaptionPairs pairs = photos.captions();
        try (INDArray texts = encoder.model().encodeTexts(pairs.texts())) {
            return pairs.evaluate(pairs.rowsOf(images(which)), texts, Retrieval.PAPER_KS);
        }
    }

    /**
     * The images that a text finds.
     *
     * @param wordings of the text
     * @param k how many at most
     */
    public List<Retrieval.Hit> imagesOf(List<String> wordings, Images which, int k) {
        try (INDArray query = encoder.model().encodeWordings(List.of(wordings))) {
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
     * @param wordings of each text
     * @param k how many at most
     */
    public List<Retrieval.Hit> textsOf(int photo, Images which, List<List<String>> wordings, int k) {
        try (INDArray candidates = encoder.model().encodeWordings(wordings)) {
            return new Retrieval.Gallery(candidates).nearest(images(which).getRow(photo, true), k);
        }
    }

    /**
     * How well a text finds the photos that it describes: the mean, over the right ones, of the precision at their ranks.
     *
     * @param textOf what each category is asked with, in one wording or more; every photo is scored with its own
     *     category's text
     * @param right photos
     * @return 0 where none is right
     */
    public double averagePrecision(Map<String, List<String>> textOf, Set<Integer> right) {
        List<String> categories = photos.categories();
        INDArray images = images(Images.REGIONS);
        int n = photos.items().size();
        double[] scores = new double[n];
        try (INDArray texts = encoder.model()
                .encodeWordings(categories.stream().map(textOf::get).toList())) {
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

    /**
     * Writes each photo's label, answer and scores, a line a photo. Of several labels in a group it is the one that is the
     * answer, if any is.
     */
    public void predictAttributes(Predictions out) {
        int[] categories = photos.categoryOf();
        List<AttributeRecognition.Group> groups = attributeGroups();
        List<float[][]> scores = groups.stream()
                .map(group -> AttributeRecognition.scores(images(Images.REGIONS), categories, group))
                .toList();
        List<int[]> answers = scores.stream().map(AttributeRecognition::answers).toList();
        List<int[]> truths = IntStream.range(0, groups.size())
                .mapToObj(g -> groups.get(g).truths(answers.get(g)))
                .toList();
        for (int photo = 0; photo < photos.items().size(); photo++) {
            Predictions.Line line = out.line(photos.items().get(photo).id());
            for (int g = 0; g < groups.size(); g++) {
                AttributeRecognition.Group group = groups.get(g);
                int label = truths.get(g)[photo];
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
        List<List<String>> queries = photos.queries(prompts());
        int[] labels = photos.labelClasses();
        INDArray images = images(which);
        try (INDArray texts = encoder.model().encodeWordings(queries)) {
            for (boolean textToImage : List.of(true, false)) {
                List<List<Retrieval.Hit>> rankings = textToImage
                        ? Retrieval.nearest(texts, images, k, none -> -1)
                        : Retrieval.nearest(images, texts, k, none -> -1);
                for (int i = 0; i < ids.size(); i++) {
                    int label = labels[i];
                    out.line(ids.get(i))
                            .put("direction", textToImage ? TEXT_TO_IMAGE : IMAGE_TO_TEXT)
                            .put("text", queries.get(i).get(0))
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

    /**
     * Writes what each caption finds and which captions each photo finds, a line a query. A caption's id is that of its
     * photo and its number there, from 1, as {@code img/a.jpg:2}.
     *
     * @param k answers of each at most
     */
    public void predictCaptions(Predictions out, Images which, int k) {
        CaptionPairs pairs = photos.captions();
        List<String> ids = IntStream.of(pairs.photos())
                .mapToObj(photo -> photos.items().get(photo).id())
                .toList();
        List<String> textIds = IntStream.range(0, pairs.texts().size())
                .mapToObj(text -> ids.get(pairs.owner(text)) + ":" + (1 + text - pairs.firstText(pairs.owner(text))))
                .toList();
        INDArray images = pairs.rowsOf(images(which));
        Retrieval.Gallery ofImages = new Retrieval.Gallery(images);
        try (INDArray texts = encoder.model().encodeTexts(pairs.texts())) {
            for (int text = 0; text < textIds.size(); text++) {
                out.line(textIds.get(text))
                        .put("direction", TEXT_TO_IMAGE)
                        .put("text", pairs.texts().get(text))
                        .put("truth", ids.get(pairs.owner(text)))
                        .ranking(
                                chosen(ids, pairs.photosWith(text)), ofImages.nearest(texts.getRow(text, true), k), ids)
                        .end();
            }
            Retrieval.Gallery ofTexts = new Retrieval.Gallery(texts);
            for (int photo = 0; photo < ids.size(); photo++) {
                int first = pairs.firstText(photo);
                out.line(ids.get(photo))
                        .put("direction", IMAGE_TO_TEXT)
                        .put("text", pairs.texts().get(first))
                        .put("truth", textIds.get(first))
                        .ranking(
                                chosen(textIds, pairs.textsLikeThoseOf(photo)),
                                ofTexts.nearest(images.getRow(photo, true), k),
                                textIds)
                        .end();
            }
        }
    }

    private static List<String> chosen(List<String> ids, int[] places) {
        return IntStream.of(places).mapToObj(ids::get).toList();
    }

    /** Frees the embeddings. */
    @Override
    public void close() {
        galleries.clear();
        embeddings.values().forEach(INDArray::close);
        embeddings.clear();
    }
}
