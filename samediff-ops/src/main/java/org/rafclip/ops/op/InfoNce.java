package org.rafclip.ops.op;

import java.util.Arrays;
import java.util.function.IntConsumer;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.JavaOp;
import org.rafclip.ops.Parallel;
import org.rafclip.ops.kernel.Memory;

/**
 * The two directions of InfoNCE between images and their texts (Wang and Zhao 2024, Eq. 2 and 3) over the distinct texts
 * of a batch.
 *
 * <p>Inputs: image embeddings {@code [n, d]} and distinct text embeddings {@code [m, d]}, both of length 1, the logarithm
 * of the temperature τ as a scalar, and {@code INT [terms, n]}: for each term of a loss the text of each image, −1 where
 * it has none, which leaves the image out of that term. Outputs: the image-to-text and the text-to-image loss.
 *
 * <p>A text that {@code c} images share stands {@code c} times among the candidates of the formulas. Each of these
 * entries has the same embedding, so the text enters once with weight {@code c^γ}: {@code γ = 1} is the printed formula
 * (giving every image with that text an equal share of the target changes nothing, since the entries cannot be told
 * apart), {@code γ = 0} lets each distinct text count once. The learned score is {@code log p(text | image) − γ log
 * p(text)}: γ trades plain against balanced accuracy.
 *
 * <pre>
 * I2T = −1/N Σ_i log( exp(τ v_i·t_i) / Σ_k c_k^γ exp(τ v_i·t_k) )
 * T2I = −1/N Σ_i log( exp(τ t_i·v_i) / Σ_j exp(τ t_i·v_j) )
 * </pre>
 */
public final class InfoNce extends JavaOp {

    /** Rows or columns of a term that are worth a thread. */
    private static final int GRAIN = 16;

    /** SameDiff calls this when it loads a graph. */
    public InfoNce() {}

    /**
     * One term of a loss.
     *
     * @param term the row of {@code textOfImage}
     * @param duplicateExponent γ in [0, 1]
     */
    public InfoNce(
            SameDiff graph,
            SDVariable images,
            SDVariable texts,
            SDVariable logitScale,
            SDVariable textOfImage,
            int term,
            double duplicateExponent) {
        super(graph, images, texts, logitScale, textOfImage);
        if (duplicateExponent < 0 || duplicateExponent > 1) {
            throw new IllegalArgumentException("the exponent of duplicates lies in [0, 1]: " + duplicateExponent);
        }
        addIArgument(term);
        addTArgument(duplicateExponent);
    }

    /** The loss from image to text (Eq. 2). */
    public SDVariable imageToText() {
        return outputVariables()[0];
    }

    /** The loss from text to image (Eq. 3). */
    public SDVariable textToImage() {
        return outputVariables()[1];
    }

    @Override
    public String opName() {
        return "java_info_nce";
    }

    @Override
    public int getNumOutputs() {
        return 2;
    }

    @Override
    protected boolean differentiable(int input) {
        return input != 3;
    }

    @Override
    protected long[][] outputShapes(INDArray[] inputs) {
        return new long[][] {{}, {}};
    }

    @Override
    protected void forward(INDArray[] inputs, INDArray[] outputs) {
        Term term = new Term(inputs);
        Memory.of(outputs[0]).set(0, term.imageToText());
        Memory.of(outputs[1]).set(0, term.textToImage());
    }

    @Override
    protected void backward(Backward call) {
        Term term = new Term(call.inputs());
        double[][] gradient = term.gradient(
                Memory.of(call.outputGradients()[0]).get(0),
                Memory.of(call.outputGradients()[1]).get(0));
        term.write(
                gradient,
                Memory.of(call.inputGradients()[0]),
                Memory.of(call.inputGradients()[1]),
                Memory.of(call.inputGradients()[2]));
    }

    /** One term on the images and texts that take part in it. */
    private final class Term {
        private final PairsOfTerm pairs;
        private final double scale;
        private final double[] logWeight;
        private final double[][] logits;

        Term(INDArray[] inputs) {
            pairs = new PairsOfTerm(inputs[0], inputs[1], inputs[3], intArgument(0));
            scale = Math.exp(Memory.of(inputs[2]).get(0));
            logWeight = new double[pairs.texts()];
            for (int k = 0; k < logWeight.length; k++) {
                logWeight[k] = realArgument(0) * Math.log(pairs.count(k));
            }
            logits = new double[pairs.images()][pairs.texts()];
            forEach(logits.length, i -> {
                for (int k = 0; k < logWeight.length; k++) {
                    logits[i][k] = scale * pairs.cosine(i, k);
                }
            });
        }

        double imageToText() {
            double[] normalizers = new double[logits.length];
            forEach(
                    logits.length,
                    i -> normalizers[i] = SoftMax.of(weightedRow(i)).logOfSum());
            double sum = 0;
            for (int i = 0; i < logits.length; i++) {
                sum += normalizers[i] - logits[i][pairs.textOf(i)];
            }
            return logits.length == 0 ? 0 : sum / logits.length;
        }

        double textToImage() {
            double[] normalizers = new double[pairs.texts()];
            forEach(
                    normalizers.length,
                    k -> normalizers[k] = SoftMax.of(column(k)).logOfSum());
            double sum = 0;
            for (int i = 0; i < logits.length; i++) {
                sum += normalizers[pairs.textOf(i)] - logits[i][pairs.textOf(i)];
            }
            return logits.length == 0 ? 0 : sum / logits.length;
        }

        /** The gradient with respect to the logits. */
        double[][] gradient(double ofImageToText, double ofTextToImage) {
            double[][] result = new double[logits.length][pairs.texts()];
            forEach(logits.length, i -> {
                SoftMax row = SoftMax.of(weightedRow(i));
                for (int k = 0; k < pairs.texts(); k++) {
                    double share = row.share(k) - (k == pairs.textOf(i) ? 1 : 0);
                    result[i][k] = ofImageToText * share / logits.length;
                }
            });
            forEach(pairs.texts(), k -> {
                SoftMax column = SoftMax.of(column(k));
                for (int i = 0; i < logits.length; i++) {
                    double share = pairs.count(k) * column.share(i) - (k == pairs.textOf(i) ? 1 : 0);
                    result[i][k] += ofTextToImage * share / logits.length;
                }
            });
            return result;
        }

        private static void forEach(int count, IntConsumer body) {
            Parallel.standard().run(count, GRAIN, (from, to, part) -> {
                for (long i = from; i < to; i++) {
                    body.accept((int) i);
                }
            });
        }

        void write(double[][] gradient, Memory dImages, Memory dTexts, Memory dLogitScale) {
            double[] dScale = new double[logits.length];
            forEach(logits.length, i -> {
                for (int k = 0; k < pairs.texts(); k++) {
                    dScale[i] += gradient[i][k] * logits[i][k];
                    gradient[i][k] *= scale;
                }
            });
            pairs.writeGradients(gradient, dImages, dTexts);
            dLogitScale.set(0, Arrays.stream(dScale).sum());
        }

        private double[] weightedRow(int i) {
            double[] row = new double[pairs.texts()];
            for (int k = 0; k < row.length; k++) {
                row[k] = logits[i][k] + logWeight[k];
            }
            return row;
        }

        private double[] column(int k) {
            double[] column = new double[logits.length];
            for (int i = 0; i < column.length; i++) {
                column[i] = logits[i][k];
            }
            return column;
        }
    }

    /** What softmax makes of some values. */
    private record SoftMax(double max, double[] exponentials, double sum) {

        /** @param values are overwritten */
        static SoftMax of(double[] values) {
            double max = Double.NEGATIVE_INFINITY;
            for (double v : values) {
                max = Math.max(max, v);
            }
            double sum = 0;
            for (int i = 0; i < values.length; i++) {
                values[i] = Math.exp(values[i] - max);
                sum += values[i];
            }
            return new SoftMax(max, values, sum);
        }

        double logOfSum() {
            return max + Math.log(sum);
        }

        double share(int i) {
            return exponentials[i] / sum;
        }
    }
}
