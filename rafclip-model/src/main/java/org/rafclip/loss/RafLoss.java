package org.rafclip.loss;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.Graph;
import org.rafclip.ops.JavaOps;
import org.rafclip.ops.op.InfoNce;
import org.rafclip.ops.op.SigmoidPairs;

/**
 * RaF-CLIP's loss on the embeddings of a batch, with its gradient (Wang and Zhao 2024, Eq. 1–5), and beside it, if the
 * configuration asks for them, sentences with all labels of a garment by a weight w, and captions, whose loss is CLIP's own,
 * by a share λ:
 *
 * <pre>
 * L_c = ½ (I2T + T2I)             crops and their texts of color and category
 * L_a = 1/n Σ_j (I2T_j + T2I_j)   regions and their texts of the n groups that occur
 * L_s = ½ (I2T + T2I)             regions, crops, or the mean of both, and their sentences
 * L_t = ½ (I2T + T2I)             crops and their captions
 * L   = (1 − λ) [(1 − α) L_c + α L_a + w L_s] + λ L_t
 * </pre>
 *
 * <p>I2T and T2I are InfoNCE's two directions ({@link InfoNce}); with {@link RafLossConfig.Kind#SIGMOID} both are the
 * sigmoid loss ({@link SigmoidPairs}), which has none.
 *
 * <p>Images and the distinct texts of the batch come embedded; a table says which text each image has in each term
 * ({@link LossTerms}). −1 means that an image takes no part in a term (a crop in an attribute term, a region in the
 * category term, a label that is missing).
 */
public final class RafLoss implements AutoCloseable {

    private static final String IMAGES = "images";
    private static final String TEXTS = "texts";
    private static final String LOGIT_SCALE = "logitScale";
    private static final String LOGIT_BIAS = "logitBias";
    private static final String TEXT_OF_IMAGE = "textOfImage";
    private static final String CATEGORY_WEIGHT = "categoryWeight";
    private static final String ATTRIBUTE_WEIGHT = "attributeWeight";
    private static final String CATEGORY_LOSS = "categoryLoss";
    private static final String ATTRIBUTE_SUM = "attributeSum";
    private static final String SENTENCE_LOSS = "sentenceLoss";
    private static final String CAPTION_LOSS = "captionLoss";
    private static final String LOSS = "loss";

    private final RafLossConfig config;
    private final LossTerms terms;
    private final DataType type;
    private final Graph graph;

    /**
     * @param groups attribute groups; there may be none
     * @param type of the embeddings
     */
    public RafLoss(RafLossConfig config, int groups, DataType type) {
        this.config = config;
        this.terms = new LossTerms(config, groups);
        this.type = type;
        JavaOps.install();
        SameDiff sd = Graph.empty();
        SDVariable images = sd.placeHolder(IMAGES, type, -1, -1);
        SDVariable texts = sd.placeHolder(TEXTS, type, -1, -1);
        SDVariable logitScale = sd.placeHolder(LOGIT_SCALE, type);
        SDVariable textOfImage = sd.placeHolder(TEXT_OF_IMAGE, DataType.INT32, -1, -1);
        SDVariable logitBias = config.sigmoid() ? sd.placeHolder(LOGIT_BIAS, type) : null;
        IntFunction<SDVariable> bothDirections = row -> {
            if (config.sigmoid()) {
                SDVariable loss = new SigmoidPairs(
                                sd, images, texts, logitScale, logitBias, textOfImage, row, config.exponent())
                        .output();
                return loss.mul(sd.constant(Nd4j.scalar(type, 2)));
            }
            InfoNce term = new InfoNce(sd, images, texts, logitScale, textOfImage, row, config.exponent());
            return term.imageToText().add(term.textToImage());
        };
        SDVariable half = sd.constant(Nd4j.scalar(type, 0.5));
        SDVariable categoryLoss = bothDirections.apply(terms.category()).mul(CATEGORY_LOSS, half);
        SDVariable attributeSum = null;
        for (int group = 0; group < groups; group++) {
            SDVariable both = bothDirections.apply(terms.attribute(group));
            attributeSum = attributeSum == null ? both : attributeSum.add(both);
        }
        SDVariable loss = categoryLoss.mul(sd.placeHolder(CATEGORY_WEIGHT, type));
        if (attributeSum != null) {
            attributeSum.rename(ATTRIBUTE_SUM);
            loss = loss.add(attributeSum.mul(sd.placeHolder(ATTRIBUTE_WEIGHT, type)));
        }
        if (config.withSentences()) {
            SDVariable sum = terms.sentences()
                    .mapToObj(bothDirections)
                    .reduce(SDVariable::add)
                    .orElseThrow();
            SDVariable share =
                    sd.constant(Nd4j.scalar(type, 0.5 / terms.sentences().count()));
            SDVariable sentenceLoss = sum.mul(SENTENCE_LOSS, share);
            loss = loss.add(sentenceLoss.mul(
                    sd.constant(Nd4j.scalar(type, config.sentence().weight()))));
        }
        if (config.withCaptions()) {
            SDVariable captionLoss = bothDirections.apply(terms.captions()).mul(CAPTION_LOSS, half);
            loss = loss.mul(sd.constant(Nd4j.scalar(type, 1 - config.captions())))
                    .add(captionLoss.mul(sd.constant(Nd4j.scalar(type, config.captions()))));
        }
        loss.rename(LOSS);
        sd.setLossVariables(LOSS);
        this.graph = new Graph(sd);
    }

    public RafLossConfig config() {
        return config;
    }

    /** The graph, to be looked at. */
    public SameDiff graph() {
        return graph.sameDiff();
    }

    /**
     * The loss of one batch and its gradients.
     *
     * @param total L of Eq. 5, with the weight of sentences and the share of captions
     * @param category L_c of Eq. 1; 0 where no image takes part
     * @param attribute L_a of Eq. 4; 0 where no image takes part
     * @param sentence L_s; 0 where no image takes part
     * @param caption L_t; 0 where no image takes part
     * @param dImages with respect to the image embeddings, {@code [n, d]}
     * @param dTexts with respect to the text embeddings, {@code [m, d]}
     * @param dLogitScale with respect to the logarithm of τ
     * @param dLogitBias with respect to the bias; 0 for a loss without
     */
    public record Value(
            double total,
            double category,
            double attribute,
            double sentence,
            double caption,
            INDArray dImages,
            INDArray dTexts,
            double dLogitScale,
            double dLogitBias) {}

    /** {@link #evaluate(INDArray, INDArray, double, double, int[][])} for a loss without a bias. */
    public Value evaluate(INDArray images, INDArray texts, double logitScale, int[][] textOfImage) {
        return evaluate(images, texts, logitScale, 0, textOfImage);
    }

    /**
     * @param images embeddings of length 1, {@code [n, d]}
     * @param texts embeddings of the distinct texts, of length 1, {@code [m, d]}
     * @param logitScale ln τ
     * @param logitBias b; what it is has no influence on a loss without
     * @param textOfImage {@code [terms][n]} indices into the texts or −1, a row for each of the {@link LossTerms}
     */
    public Value evaluate(INDArray images, INDArray texts, double logitScale, double logitBias, int[][] textOfImage) {
        if (textOfImage.length != terms.count()) {
            throw new IllegalArgumentException("expected the texts of the category and of " + terms.groups() + " groups"
                    + (config.withSentences() ? " and the sentences" : "")
                    + (config.withCaptions() ? " and the captions" : "") + ", got " + textOfImage.length + " rows");
        }
        long present = 0;
        for (int group = 0; group < terms.groups(); group++) {
            present += takesPart(textOfImage[terms.attribute(group)]) ? 1 : 0;
        }
        Map<String, INDArray> inputs = new HashMap<>();
        inputs.put(IMAGES, images);
        inputs.put(TEXTS, texts);
        inputs.put(LOGIT_SCALE, Nd4j.scalar(type, logitScale));
        List<String> differentiated = new ArrayList<>(List.of(IMAGES, TEXTS, LOGIT_SCALE));
        if (config.sigmoid()) {
            inputs.put(LOGIT_BIAS, Nd4j.scalar(type, logitBias));
            differentiated.add(LOGIT_BIAS);
        }
        inputs.put(TEXT_OF_IMAGE, Nd4j.createFromArray(textOfImage));
        inputs.put(CATEGORY_WEIGHT, Nd4j.scalar(type, 1 - config.alpha()));
        List<String> losses = new ArrayList<>(List.of(LOSS, CATEGORY_LOSS));
        if (terms.groups() > 0) {
            inputs.put(ATTRIBUTE_WEIGHT, Nd4j.scalar(type, present == 0 ? 0 : config.alpha() / present));
            losses.add(ATTRIBUTE_SUM);
        }
        if (config.withSentences()) {
            losses.add(SENTENCE_LOSS);
        }
        if (config.withCaptions()) {
            losses.add(CAPTION_LOSS);
        }
        try (Graph.Outputs outputs = graph.gradients(inputs, differentiated, losses)) {
            return new Value(
                    outputs.get(LOSS).getDouble(0),
                    outputs.get(CATEGORY_LOSS).getDouble(0),
                    present == 0 ? 0 : outputs.get(ATTRIBUTE_SUM).getDouble(0) / present,
                    config.withSentences() ? outputs.get(SENTENCE_LOSS).getDouble(0) : 0,
                    config.withCaptions() ? outputs.get(CAPTION_LOSS).getDouble(0) : 0,
                    outputs.get(IMAGES).dup('c'),
                    outputs.get(TEXTS).dup('c'),
                    outputs.get(LOGIT_SCALE).getDouble(0),
                    config.sigmoid() ? outputs.get(LOGIT_BIAS).getDouble(0) : 0);
        }
    }

    private static boolean takesPart(int[] texts) {
        for (int text : texts) {
            if (text >= 0) {
                return true;
            }
        }
        return false;
    }

    @Override
    public void close() {
        graph.close();
    }
}
