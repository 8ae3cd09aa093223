package org.rafclip.loss;

import java.util.List;
import java.util.Map;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.Graph;
import org.rafclip.ops.JavaOps;
import org.rafclip.ops.op.InfoNce;

/**
 * RaF-CLIP's loss on the embeddings of a batch, with its gradient (Wang and Zhao 2024, Eq. 1–5).
 *
 * <p>Images and the distinct texts of the batch come embedded; a table says which text each image has in each term: term
 * 0 is the category branch, the others are the attribute groups, −1 means that an image takes no part in a term (a crop
 * in an attribute term, a region in the category term, a label that is missing).
 */
public final class RafLoss implements AutoCloseable {

    private static final String IMAGES = "images";
    private static final String TEXTS = "texts";
    private static final String LOGIT_SCALE = "logitScale";
    private static final String TEXT_OF_IMAGE = "textOfImage";
    private static final String CATEGORY_WEIGHT = "categoryWeight";
    private static final String ATTRIBUTE_WEIGHT = "attributeWeight";
    private static final String CATEGORY_LOSS = "categoryLoss";
    private static final String ATTRIBUTE_SUM = "attributeSum";
    private static final String LOSS = "loss";

    private final RafLossConfig config;
    private final int groups;
    private final DataType type;
    private final Graph graph;

    /**
     * @param groups attribute groups, at least 1
     * @param type of the embeddings
     */
    public RafLoss(RafLossConfig config, int groups, DataType type) {
        this.config = config;
        this.groups = groups;
        this.type = type;
        JavaOps.install();
        SameDiff sd = SameDiff.create();
        SDVariable images = sd.placeHolder(IMAGES, type, -1, -1);
        SDVariable texts = sd.placeHolder(TEXTS, type, -1, -1);
        SDVariable logitScale = sd.placeHolder(LOGIT_SCALE, type);
        SDVariable textOfImage = sd.placeHolder(TEXT_OF_IMAGE, DataType.INT32, -1, -1);
        double exponent = config.exponent();

        InfoNce category = new InfoNce(sd, images, texts, logitScale, textOfImage, 0, exponent);
        SDVariable half = sd.constant(Nd4j.scalar(type, 0.5));
        SDVariable categoryLoss =
                category.imageToText().add(category.textToImage()).mul(CATEGORY_LOSS, half);

        SDVariable attributeSum = null;
        for (int group = 1; group <= groups; group++) {
            InfoNce term = new InfoNce(sd, images, texts, logitScale, textOfImage, group, exponent);
            SDVariable both = term.imageToText().add(term.textToImage());
            attributeSum = attributeSum == null ? both : attributeSum.add(both);
        }
        attributeSum.rename(ATTRIBUTE_SUM);

        SDVariable weightedCategory = categoryLoss.mul(sd.placeHolder(CATEGORY_WEIGHT, type));
        SDVariable weightedAttributes = attributeSum.mul(sd.placeHolder(ATTRIBUTE_WEIGHT, type));
        weightedCategory.add(LOSS, weightedAttributes);
        sd.setLossVariables(LOSS);
        this.graph = new Graph(sd);
    }

    /**
     * The loss of one batch and its gradients.
     *
     * @param total L of Eq. 5
     * @param category L_c of Eq. 1; 0 where no image takes part
     * @param attribute L_a of Eq. 4; 0 where no image takes part
     * @param dImages with respect to the image embeddings, {@code [n, d]}
     * @param dTexts with respect to the text embeddings, {@code [m, d]}
     * @param dLogitScale with respect to the logarithm of τ
     */
    public record Value(
            double total, double category, double attribute, INDArray dImages, INDArray dTexts, double dLogitScale) {}

    /**
     * @param images embeddings of length 1, {@code [n, d]}
     * @param texts embeddings of the distinct texts, of length 1, {@code [m, d]}
     * @param logitScale ln τ
     * @param textOfImage {@code [1 + groups][n]} indices into the texts or −1
     */
    public Value evaluate(INDArray images, INDArray texts, double logitScale, int[][] textOfImage) {
        if (textOfImage.length != groups + 1) {
            throw new IllegalArgumentException("expected the texts of the category and of " + groups + " groups, got "
                    + textOfImage.length + " rows");
        }
        long present = 0;
        for (int group = 1; group <= groups; group++) {
            present += takesPart(textOfImage[group]) ? 1 : 0;
        }
        double attributeWeight = present == 0 ? 0 : config.alpha() / present;
        Map<String, INDArray> inputs = Map.of(
                IMAGES,
                images,
                TEXTS,
                texts,
                LOGIT_SCALE,
                Nd4j.scalar(type, logitScale),
                TEXT_OF_IMAGE,
                Nd4j.createFromArray(textOfImage),
                CATEGORY_WEIGHT,
                Nd4j.scalar(type, 1 - config.alpha()),
                ATTRIBUTE_WEIGHT,
                Nd4j.scalar(type, attributeWeight));
        try (Graph.Outputs outputs = graph.gradients(
                inputs, List.of(IMAGES, TEXTS, LOGIT_SCALE), List.of(LOSS, CATEGORY_LOSS, ATTRIBUTE_SUM))) {
            return new Value(
                    outputs.get(LOSS).getDouble(0),
                    outputs.get(CATEGORY_LOSS).getDouble(0),
                    present == 0 ? 0 : outputs.get(ATTRIBUTE_SUM).getDouble(0) / present,
                    outputs.get(IMAGES).dup('c'),
                    outputs.get(TEXTS).dup('c'),
                    outputs.get(LOGIT_SCALE).getDouble(0));
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
