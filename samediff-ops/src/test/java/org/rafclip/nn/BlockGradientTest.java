package org.rafclip.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.VariableType;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.nn.Layers.Deviations;
import org.rafclip.ops.GradientCheck;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.ops.op.AddPositions;
import org.rafclip.ops.op.SelectToken;
import org.rafclip.ops.op.WeightedSum;

/** The gradients of whole blocks against central differences in double precision, dropout included. */
class BlockGradientTest {

    private static final Deviations INIT = new Deviations(0.5, 0.5, 0.5);

    @Test
    void preNormWithDropoutAndStochasticDepth() {
        Scope scope = Scope.root(DataType.DOUBLE, 3);
        SDVariable x = scope.normal("x", 1, 3, 4, 6);
        TransformerBlock block = new TransformerBlock(6, 2, 8, Activation.GELU, true, 1e-5, INIT, 0.3, 0.4);
        SDVariable out = block.preNorm(scope.at("blocks", 1), block.preNorm(scope.at("blocks", 0), x));
        check(scope, out, Map.of(Scope.DROPOUT_SEED, Nd4j.scalar(DataType.INT32, 11)));
    }

    @Test
    void postNormWithLengths() {
        Scope scope = Scope.root(DataType.DOUBLE, 4);
        TransformerBlock block = new TransformerBlock(6, 3, 8, Activation.QUICK_GELU, false, 1e-5, INIT, 0.2, 0);
        SDVariable out = block.postNorm(scope, ragged(scope, "x", 3, 2), ragged(scope, "other", 1, 5));
        check(scope, out, Map.of(Scope.DROPOUT_SEED, Nd4j.scalar(DataType.INT32, 5)));
    }

    @Test
    void postNormWithoutAnotherSequence() {
        Scope scope = Scope.root(DataType.DOUBLE, 9);
        TransformerBlock block = new TransformerBlock(6, 3, 8, Activation.GELU, false, 1e-5, INIT, 0.2, 0);
        SDVariable out = block.postNorm(scope, ragged(scope, "x", 3, 2));
        check(scope, out, Map.of(Scope.DROPOUT_SEED, Nd4j.scalar(DataType.INT32, 5)));
    }

    @Test
    void postNormOfTheLastTokensAlone() {
        Scope scope = Scope.root(DataType.DOUBLE, 6);
        TransformerBlock block = new TransformerBlock(6, 3, 8, Activation.RELU, false, 1e-5, INIT, 0.2, 0);
        Tokens x = ragged(scope, "x", 3, 2);
        SDVariable out = block.postNorm(scope, x, Tokens.of(scope.normal("other", 1, 2, 4, 6)), last(scope, x));
        check(scope, out, Map.of(Scope.DROPOUT_SEED, Nd4j.scalar(DataType.INT32, 5)));
    }

    @Test
    void preNormOfTheLastTokensAlone() {
        Scope scope = Scope.root(DataType.DOUBLE, 8);
        TransformerBlock block = new TransformerBlock(6, 3, 8, Activation.GELU, true, 1e-5, INIT, 0.2, 0);
        Tokens x = ragged(scope, "x", 3, 2);
        SDVariable out = block.preNorm(scope, x, last(scope, x));
        check(scope, out, Map.of(Scope.DROPOUT_SEED, Nd4j.scalar(DataType.INT32, 5)));
    }

    @ParameterizedTest
    @CsvSource({"true, false", "false, false", "false, true"})
    void whatIsReadOfABlockIsWhatTheWholeBlockGives(boolean post, boolean adapted) {
        INDArray whole = lastTokens(post, adapted, false);
        INDArray read = lastTokens(post, adapted, true);

        for (int sample = 0; sample < 2; sample++) {
            double[] expected = whole.getRow(sample == 0 ? 2 : 4).toDoubleVector();
            assertThat(read.slice(sample).getRow(0).toDoubleVector()).containsExactly(expected, within(1e-12));
        }
    }

    /** Of samples of 3 and 2 tokens; equal seeds and names give equal weights. */
    private static INDArray lastTokens(boolean post, boolean adapted, boolean alone) {
        Scope root = Scope.root(DataType.DOUBLE, 7);
        Scope scope = adapted ? root.adaptedBy(new Lora(2, 3, 0, 1, layer -> !layer.endsWith("k_proj"))) : root;
        Tokens x = ragged(scope, "x", 3, 2);
        Tokens other = ragged(scope, "other", 1, 4);
        TransformerBlock block = new TransformerBlock(6, 3, 8, Activation.GELU, !post, 1e-5, INIT, 0, 0);
        SDVariable out = post
                ? alone ? block.postNorm(scope, x, other, last(scope, x)) : block.postNorm(scope, x, other)
                : alone ? block.preNorm(scope, x, last(scope, x)) : block.preNorm(scope, x);
        scope.graph().variables().stream()
                .filter(variable -> variable.name().endsWith(Lora.B))
                .forEach(variable -> variable.getArr()
                        .assign(Nd4j.linspace(-1, 1, variable.getArr().length(), DataType.DOUBLE)
                                .reshape(variable.getArr().shape())));
        return scope.graph().output(Map.of(), out.name()).get(out.name());
    }

    private static UnaryOperator<SDVariable> last(Scope scope, Tokens x) {
        return tokens -> scope.graph()
                .expandDims(SelectToken.last(scope.graph(), tokens, x.lengths()).output(), 1);
    }

    private static Tokens ragged(Scope scope, String name, int... lengths) {
        return new Tokens(
                scope.normal(name, 1, Arrays.stream(lengths).sum(), 6),
                scope.graph().constant(Nd4j.createFromArray(lengths)),
                false);
    }

    @Test
    void imageToTokens() {
        Scope scope = Scope.root(DataType.DOUBLE, 5);
        SDVariable images = scope.graph().placeHolder("images", DataType.DOUBLE, -1, 2, 6, 6);
        SDVariable patches = Layers.patchEmbedding(scope.at("conv1"), images, 2, 3, 4, true);
        SDVariable tokens = new AddPositions(
                        scope.graph(), patches, scope.normal("positions", 1, 5, 4), scope.normal("class", 1, 4))
                .output();
        check(
                scope,
                Layers.layerNorm(scope.at("ln_pre"), tokens, 4, 1e-5),
                Map.of("images", random(DataType.DOUBLE, 3, 2, 6, 6)));
    }

    @Test
    void attentionPooling() {
        Scope scope = Scope.root(DataType.DOUBLE, 8);
        SDVariable x = scope.normal("x", 1, 3, 4, 6);
        check(scope, Layers.attentionPool(scope, x, 6, 2, 8, Activation.GELU_TANH, 1e-6, INIT), Map.of());
    }

    private static void check(Scope scope, SDVariable out, Map<String, INDArray> inputs) {
        long[] shape = scope.graph().output(inputs, out.name()).get(out.name()).shape();
        String loss = new WeightedSum(
                        scope.graph(), out, scope.graph().constant("lossWeights", random(DataType.DOUBLE, shape)))
                .output()
                .name();
        List<String> parameters = new ArrayList<>();
        for (SDVariable variable : scope.graph().variables()) {
            if (variable.getVariableType() == VariableType.VARIABLE) {
                parameters.add(variable.name());
            }
        }
        assertThat(GradientCheck.worstErrors(scope.graph(), inputs, loss, parameters))
                .hasSameSizeAs(parameters)
                .allSatisfy((name, error) -> assertThat(error).as(name).isLessThan(2e-5));
    }

    private static INDArray random(DataType type, long... shape) {
        SplittableRandom random = new SplittableRandom(17);
        INDArray result = Nd4j.createUninitializedDetached(type, 'c', shape);
        for (long i = 0; i < result.length(); i++) {
            result.putScalar(i, random.nextGaussian());
        }
        return result;
    }
}
