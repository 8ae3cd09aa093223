package org.rafclip.ops.op;

import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.Blas;
import org.rafclip.ops.JavaOp;
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
        private final int d;
        private final double[] images;
        private final double[] texts;
        private final double scale;
        private final int[] imageRows;
        private final int[] textRows;
        private final int[] textOf;
        private final double[] count;
        private final double[] logWeight;
        private final double[][] logits;

        Term(INDArray[] inputs) {
            d = (int) inputs[0].size(1);
            scale = Math.exp(Memory.of(inputs[2]).get(0));
            int n = (int) inputs[0].size(0);
            int m = (int) inputs[1].size(0);
            Memory given = Memory.of(inputs[3]);
            if (inputs[3].size(1) != n) {
                throw new IllegalArgumentException(
                        "texts are given for " + inputs[3].size(1) + " images, but there are " + n);
            }
            double[] all = new double[m];
            int present = 0;
            for (int i = 0; i < n; i++) {
                int text = given.getInt((long) intArgument(0) * n + i);
                if (text >= m) {
                    throw new IllegalArgumentException("image " + i + " has text " + text + " of " + m);
                }
                if (text >= 0) {
                    all[text]++;
                    present++;
                }
            }
            int distinct = 0;
            int[] place = new int[m];
            for (int k = 0; k < m; k++) {
                place[k] = all[k] > 0 ? distinct++ : -1;
            }
            imageRows = new int[present];
            textOf = new int[present];
            textRows = new int[distinct];
            count = new double[distinct];
            logWeight = new double[distinct];
            for (int k = 0; k < m; k++) {
                if (place[k] >= 0) {
                    textRows[place[k]] = k;
                    count[place[k]] = all[k];
                    logWeight[place[k]] = realArgument(0) * Math.log(all[k]);
                }
            }
            for (int i = 0, next = 0; i < n; i++) {
                int text = given.getInt((long) intArgument(0) * n + i);
                if (text >= 0) {
                    imageRows[next] = i;
                    textOf[next++] = place[text];
                }
            }
            images = rows(inputs[0], imageRows);
            texts = rows(inputs[1], textRows);
            double[] products = product(false, true, present, distinct, d, images, texts);
            logits = new double[present][distinct];
            for (int i = 0; i < present; i++) {
                for (int k = 0; k < distinct; k++) {
                    logits[i][k] = scale * products[i * distinct + k];
                }
            }
        }

        private double[] rows(INDArray matrix, int[] rows) {
            Memory values = Memory.of(matrix);
            double[] result = new double[rows.length * d];
            for (int r = 0; r < rows.length; r++) {
                for (int j = 0; j < d; j++) {
                    result[r * d + j] = values.get((long) rows[r] * d + j);
                }
            }
            return result;
        }

        /** {@code op(A) op(B)}, row by row: {@code [m, k]} times {@code [k, n]}. */
        private static double[] product(
                boolean transposeA, boolean transposeB, int m, int n, int k, double[] a, double[] b) {
            if (m == 0 || n == 0 || k == 0) {
                return new double[m * n];
            }
            try (INDArray x = Nd4j.createFromArray(a);
                    INDArray y = Nd4j.createFromArray(b);
                    INDArray z = Nd4j.createUninitializedDetached(DataType.DOUBLE, 'c', (long) m * n)) {
                Blas.gemm(
                        transposeA,
                        transposeB,
                        m,
                        n,
                        k,
                        1,
                        Memory.of(x),
                        0,
                        transposeA ? m : k,
                        Memory.of(y),
                        0,
                        transposeB ? k : n,
                        0,
                        Memory.of(z),
                        0,
                        n);
                return z.toDoubleVector();
            }
        }

        double imageToText() {
            double sum = 0;
            for (int i = 0; i < logits.length; i++) {
                double[] weighted = weightedRow(i);
                sum += logSumExp(weighted) - logits[i][textOf[i]];
            }
            return logits.length == 0 ? 0 : sum / logits.length;
        }

        double textToImage() {
            double[] normalizer = new double[textRows.length];
            for (int k = 0; k < textRows.length; k++) {
                normalizer[k] = logSumExp(column(k));
            }
            double sum = 0;
            for (int i = 0; i < logits.length; i++) {
                sum += normalizer[textOf[i]] - logits[i][textOf[i]];
            }
            return logits.length == 0 ? 0 : sum / logits.length;
        }

        /** The gradient with respect to the logits. */
        double[][] gradient(double ofImageToText, double ofTextToImage) {
            double[][] result = new double[logits.length][textRows.length];
            for (int i = 0; i < logits.length; i++) {
                double[] weighted = weightedRow(i);
                double normalizer = logSumExp(weighted);
                for (int k = 0; k < textRows.length; k++) {
                    double share = Math.exp(weighted[k] - normalizer) - (k == textOf[i] ? 1 : 0);
                    result[i][k] = ofImageToText * share / logits.length;
                }
            }
            for (int k = 0; k < textRows.length; k++) {
                double[] column = column(k);
                double normalizer = logSumExp(column);
                for (int i = 0; i < logits.length; i++) {
                    double share = count[k] * Math.exp(column[i] - normalizer) - (k == textOf[i] ? 1 : 0);
                    result[i][k] += ofTextToImage * share / logits.length;
                }
            }
            return result;
        }

        void write(double[][] gradient, Memory dImages, Memory dTexts, Memory dLogitScale) {
            int distinct = textRows.length;
            double[] flat = new double[logits.length * distinct];
            double dScale = 0;
            for (int i = 0; i < logits.length; i++) {
                for (int k = 0; k < distinct; k++) {
                    flat[i * distinct + k] = scale * gradient[i][k];
                    dScale += gradient[i][k] * logits[i][k];
                }
            }
            writeRows(product(false, false, logits.length, d, distinct, flat, texts), imageRows, dImages);
            writeRows(product(true, false, distinct, d, logits.length, flat, images), textRows, dTexts);
            dLogitScale.set(0, dScale);
        }

        private void writeRows(double[] values, int[] rows, Memory target) {
            target.zero();
            for (int r = 0; r < rows.length; r++) {
                for (int j = 0; j < d; j++) {
                    target.set((long) rows[r] * d + j, values[r * d + j]);
                }
            }
        }

        private double[] weightedRow(int i) {
            double[] row = new double[textRows.length];
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

        private static double logSumExp(double[] values) {
            double max = Double.NEGATIVE_INFINITY;
            for (double v : values) {
                max = Math.max(max, v);
            }
            double sum = 0;
            for (double v : values) {
                sum += Math.exp(v - max);
            }
            return max + Math.log(sum);
        }
    }
}
