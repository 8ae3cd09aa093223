package org.rafclip.ops.op;

import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.JavaOp;
import org.rafclip.ops.kernel.Memory;

/**
 * The sigmoid loss of images and texts (Zhai et al. 2023, "Sigmoid Loss for Language Image Pre-Training") over the distinct
 * texts of a batch: each pair is asked by itself whether it belongs together.
 *
 * <p>Inputs: image embeddings {@code [n, d]} and distinct text embeddings {@code [m, d]}, both of length 1, the logarithm of
 * the temperature τ and the bias b as scalars, and {@code INT [terms, n]} as in {@link InfoNce}. The output is the loss of one
 * term.
 *
 * <p>A text that {@code c} images share stands {@code c} times among the pairs of an image. These entries cannot be told
 * apart, so all of them are right for each of the c images, and the text enters once with weight {@code c^γ}: {@code γ = 1}
 * is the sum over all pairs of the batch, {@code γ = 0} lets each distinct text count once.
 *
 * <pre>
 * L = −1/N Σ_i Σ_k c_k^γ log σ( z_ik (τ v_i·t_k + b) ),  z_ik = 1 where text k is image i's, else −1
 * </pre>
 */
public final class SigmoidPairs extends JavaOp {

    /** SameDiff calls this when it loads a graph. */
    public SigmoidPairs() {}

    /**
     * One term of a loss.
     *
     * @param term the row of {@code textOfImage}
     * @param duplicateExponent γ in [0, 1]
     */
    public SigmoidPairs(
            SameDiff graph,
            SDVariable images,
            SDVariable texts,
            SDVariable logitScale,
            SDVariable logitBias,
            SDVariable textOfImage,
            int term,
            double duplicateExponent) {
        super(graph, images, texts, logitScale, logitBias, textOfImage);
        if (duplicateExponent < 0 || duplicateExponent > 1) {
            throw new IllegalArgumentException("the exponent of duplicates lies in [0, 1]: " + duplicateExponent);
        }
        addIArgument(term);
        addTArgument(duplicateExponent);
    }

    @Override
    public String opName() {
        return "java_sigmoid_pairs";
    }

    @Override
    protected boolean differentiable(int input) {
        return input != 4;
    }

    @Override
    protected long[][] outputShapes(INDArray[] inputs) {
        return new long[][] {{}};
    }

    @Override
    protected void forward(INDArray[] inputs, INDArray[] outputs) {
        Memory.of(outputs[0]).set(0, new Term(inputs).loss());
    }

    @Override
    protected void backward(Backward call) {
        new Term(call.inputs()).write(Memory.of(call.outputGradients()[0]).get(0), call.inputGradients());
    }

    /** One term on the images and texts that take part in it. */
    private final class Term {
        private final PairsOfTerm pairs;
        private final double scale;
        private final double bias;

        Term(INDArray[] inputs) {
            pairs = new PairsOfTerm(inputs[0], inputs[1], inputs[4], intArgument(0));
            scale = Math.exp(Memory.of(inputs[2]).get(0));
            bias = Memory.of(inputs[3]).get(0);
        }

        private double weight(int text) {
            return Math.pow(pairs.count(text), realArgument(0)) / pairs.images();
        }

        /** How sure the model is of what is wrong about a pair: −z (τ v·t + b). */
        private double wrongness(int image, int text) {
            double logit = scale * pairs.cosine(image, text) + bias;
            return pairs.textOf(image) == text ? -logit : logit;
        }

        double loss() {
            double sum = 0;
            for (int i = 0; i < pairs.images(); i++) {
                for (int k = 0; k < pairs.texts(); k++) {
                    double wrong = wrongness(i, k);
                    sum += weight(k) * (Math.max(0, wrong) + Math.log1p(Math.exp(-Math.abs(wrong))));
                }
            }
            return sum;
        }

        void write(double ofLoss, INDArray[] gradients) {
            double[][] ofCosines = new double[pairs.images()][pairs.texts()];
            double dScale = 0;
            double dBias = 0;
            for (int i = 0; i < ofCosines.length; i++) {
                for (int k = 0; k < ofCosines[i].length; k++) {
                    double share = ofLoss * weight(k) / (1 + Math.exp(-wrongness(i, k)));
                    double ofLogit = pairs.textOf(i) == k ? -share : share;
                    ofCosines[i][k] = scale * ofLogit;
                    dScale += ofLogit * scale * pairs.cosine(i, k);
                    dBias += ofLogit;
                }
            }
            pairs.writeGradients(ofCosines, Memory.of(gradients[0]), Memory.of(gradients[1]));
            Memory.of(gradients[2]).set(0, dScale);
            Memory.of(gradients[3]).set(0, dBias);
        }
    }
}
