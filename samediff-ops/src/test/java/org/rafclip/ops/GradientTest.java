package org.rafclip.ops;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.VariableType;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.ops.op.ActivationOp;
import org.rafclip.ops.op.AddPositions;
import org.rafclip.ops.op.Attention;
import org.rafclip.ops.op.AveragePool;
import org.rafclip.ops.op.Convolution;
import org.rafclip.ops.op.Dropout;
import org.rafclip.ops.op.EmbeddingLookup;
import org.rafclip.ops.op.ForEachSample;
import org.rafclip.ops.op.Gate;
import org.rafclip.ops.op.InfoNce;
import org.rafclip.ops.op.L2Normalize;
import org.rafclip.ops.op.LayerNorm;
import org.rafclip.ops.op.Linear;
import org.rafclip.ops.op.LoraLinear;
import org.rafclip.ops.op.MeanTokens;
import org.rafclip.ops.op.PackTokens;
import org.rafclip.ops.op.SelectToken;
import org.rafclip.ops.op.SigmoidPairs;
import org.rafclip.ops.op.Unfold;
import org.rafclip.ops.op.UnpackTokens;
import org.rafclip.ops.op.WeightedSum;
import org.rafclip.ops.op.WithoutFirstToken;

/** Every operation's backward against central differences in double precision. */
class GradientTest {

    static {
        JavaOps.install();
    }

    /** A small graph under test with its random inputs. */
    private static final class Sketch {
        private final SameDiff graph = SameDiff.create();
        private final Map<String, INDArray> inputs = new LinkedHashMap<>();
        private final Random random = new Random(7);

        SDVariable variable(String name, long... shape) {
            return graph.var(name, random(shape));
        }

        SDVariable ints(String name, int[]... rows) {
            inputs.put(name, Nd4j.createFromArray(rows));
            return graph.placeHolder(name, DataType.INT32);
        }

        SDVariable ints(String name, int... values) {
            inputs.put(name, Nd4j.createFromArray(values));
            return graph.placeHolder(name, DataType.INT32);
        }

        SDVariable data(String name, long... shape) {
            inputs.put(name, random(shape));
            return graph.placeHolder(name, DataType.DOUBLE);
        }

        private INDArray random(long... shape) {
            long length = 1;
            for (long size : shape) {
                length *= size;
            }
            double[] values = random.doubles(length, -1.5, 1.5).toArray();
            return shape.length == 0 ? Nd4j.scalar(values[0]) : Nd4j.create(values, shape, DataType.DOUBLE);
        }
    }

    static Stream<Named<Function<Sketch, SDVariable>>> operations() {
        return Stream.of(
                op(
                        "layer norm",
                        s -> new LayerNorm(
                                        s.graph, s.variable("x", 3, 2, 5), s.variable("g", 5), s.variable("b", 5), 1e-5)
                                .output()),
                op(
                        "linear",
                        s -> Linear.of(s.graph, s.variable("x", 2, 3, 4), s.variable("w", 5, 4), s.variable("b", 5))
                                .output()),
                op(
                        "projection",
                        s -> Linear.projection(s.graph, s.variable("x", 3, 4), s.variable("w", 4, 2))
                                .output()),
                op(
                        "linear of data",
                        s -> Linear.ofData(s.graph, s.data("x", 3, 4), s.variable("w", 2, 4), null)
                                .output()),
                op("adapters of two of three parts", s -> adapted(s, s.variable("x", 2, 4, 5), null, 0)),
                op("adapters of a part of a weight's rows", s -> adapted(s, s.variable("x", 2, 4, 5), null, 3)),
                op(
                        "adapters that read something else",
                        s -> adapted(s, s.variable("x", 2, 4, 5), s.variable("z", 2, 4, 5), 0)),
                op("gelu", s -> new ActivationOp(s.graph, Activation.GELU, s.variable("x", 3, 7)).output()),
                op("quick gelu", s -> new ActivationOp(s.graph, Activation.QUICK_GELU, s.variable("x", 3, 7)).output()),
                op(
                        "gelu by tanh",
                        s -> new ActivationOp(s.graph, Activation.GELU_TANH, s.variable("x", 3, 7)).output()),
                op(
                        "tokens for each sample",
                        s -> new ForEachSample(s.graph, s.variable("x", 1, 2, 4), s.data("samples", 3, 2)).output()),
                op(
                        "sigmoid pairs",
                        s -> new SigmoidPairs(
                                        s.graph,
                                        s.variable("images", 5, 3),
                                        s.variable("texts", 4, 3),
                                        s.variable("scale"),
                                        s.variable("bias"),
                                        s.graph.constant(
                                                Nd4j.createFromArray(new int[][] {{0, 1, 1, -1, 1}, {2, -1, 0, 2, 2}})),
                                        1,
                                        0.5)
                                .output()),
                op("relu", s -> new ActivationOp(s.graph, Activation.RELU, s.variable("x", 3, 7)).output()),
                op("sigmoid", s -> new ActivationOp(s.graph, Activation.SIGMOID, s.variable("x", 3, 7)).output()),
                op(
                        "self-attention",
                        s -> Attention.self(s.graph, s.variable("x", 2, 3, 12), null, 2, false)
                                .output()),
                op(
                        "causal attention",
                        s -> Attention.self(s.graph, s.variable("x", 2, 4, 12), null, 2, true)
                                .output()),
                op(
                        "ragged attention",
                        s -> Attention.self(s.graph, s.variable("x", 6, 12), s.ints("n", 2, 4), 2, false)
                                .output()),
                op(
                        "ragged causal attention",
                        s -> Attention.self(s.graph, s.variable("x", 5, 12), s.ints("n", 4, 1), 2, true)
                                .output()),
                op(
                        "cross-attention",
                        s -> Attention.cross(
                                        s.graph, s.variable("q", 2, 3, 4), null, s.variable("kv", 2, 5, 8), null, 2)
                                .output()),
                op(
                        "cross-attention to ragged keys",
                        s -> Attention.cross(
                                        s.graph,
                                        s.variable("q", 2, 3, 4),
                                        null,
                                        s.variable("kv", 6, 8),
                                        s.ints("n", 5, 1),
                                        2)
                                .output()),
                op(
                        "cross-attention of ragged queries",
                        s -> Attention.cross(
                                        s.graph,
                                        s.variable("q", 5, 4),
                                        s.ints("n", 2, 3),
                                        s.variable("kv", 2, 4, 8),
                                        null,
                                        2)
                                .output()),
                op(
                        "ragged cross-attention",
                        s -> Attention.cross(
                                        s.graph,
                                        s.variable("q", 4, 4),
                                        s.ints("n", 1, 3),
                                        s.variable("kv", 5, 8),
                                        s.ints("m", 3, 2),
                                        2)
                                .output()),
                op(
                        "rows of a linear map",
                        s -> Linear.rows(
                                        s.graph,
                                        s.variable("x", 3, 4),
                                        s.variable("w", 6, 4),
                                        s.variable("b", 6),
                                        2,
                                        5,
                                        false)
                                .output()),
                op("packed tokens", s -> new PackTokens(s.graph, s.variable("x", 2, 4, 3), s.ints("n", 3, 1)).output()),
                op(
                        "last of packed tokens",
                        s -> SelectToken.last(s.graph, s.variable("x", 5, 3), s.ints("n", 3, 2))
                                .output()),
                op(
                        "embedding with repeated index",
                        s -> new EmbeddingLookup(
                                        s.graph,
                                        s.variable("table", 6, 3),
                                        s.ints("ids", new int[] {1, 1, 5}, new int[] {0, 5, 1}))
                                .output()),
                op(
                        "positions",
                        s -> new AddPositions(s.graph, s.variable("x", 2, 3, 4), s.variable("p", 5, 4)).output()),
                op(
                        "class token and positions",
                        s -> new AddPositions(
                                        s.graph, s.variable("x", 2, 3, 4), s.variable("p", 4, 4), s.variable("c", 4))
                                .output()),
                op("first token", s -> new SelectToken(s.graph, s.variable("x", 3, 2, 4)).output()),
                op(
                        "token at position",
                        s -> new SelectToken(s.graph, s.variable("x", 3, 4, 2), s.ints("at", 0, 3, 2)).output()),
                op("all but the first token", s -> new WithoutFirstToken(s.graph, s.variable("x", 2, 3, 4)).output()),
                op(
                        "unpacked tokens",
                        s -> new UnpackTokens(
                                        s.graph,
                                        s.variable("x", 4, 3),
                                        s.ints("n", 3, 1),
                                        s.graph.constant(Nd4j.zeros(2, 4)))
                                .output()),
                op(
                        "mean of ragged tokens",
                        s -> new MeanTokens(s.graph, s.variable("x", 5, 3), s.ints("n", 4, 1)).output()),
                op("mean of tokens", s -> new MeanTokens(s.graph, s.variable("x", 2, 3, 4)).output()),
                op("means of squares", s -> new AveragePool(s.graph, s.variable("x", 2, 24, 3), 4, 6, 2).output()),
                op("l2 normalisation", s -> new L2Normalize(s.graph, s.variable("x", 3, 4)).output()),
                op(
                        "dropout",
                        s -> Dropout.elements(s.graph, s.variable("x", 5, 6), s.ints("seed", 3), 1, 0.4)
                                .output()),
                op(
                        "stochastic depth",
                        s -> Dropout.samples(s.graph, s.variable("x", 6, 2, 3), s.ints("seed", 3), 1, 0.4)
                                .output()),
                op(
                        "unfold of tokens",
                        s -> Unfold.tokens(s.graph, s.variable("x", 2, 12, 2), 3, 4, 3, 2, 1)
                                .output()),
                op(
                        "convolution of tokens",
                        s -> Convolution.ofTokens(
                                        s.graph,
                                        s.variable("x", 2, 12, 2),
                                        3,
                                        4,
                                        s.variable("w", 5, 18),
                                        s.variable("b", 5),
                                        3,
                                        2,
                                        1)
                                .output()),
                op(
                        "convolution of images",
                        s -> Convolution.ofImages(
                                        s.graph,
                                        s.data("x", 2, 3, 5, 4),
                                        s.variable("w", 2, 27),
                                        s.variable("b", 2),
                                        3,
                                        2,
                                        1)
                                .output()),
                op("InfoNCE, image to text", s -> infoNce(s, 1).imageToText()),
                op("InfoNCE, text to image", s -> infoNce(s, 1).textToImage()),
                op("InfoNCE with half-weighted duplicates", s -> {
                    InfoNce loss = infoNce(s, 0.5);
                    return loss.imageToText().add(loss.textToImage());
                }),
                op("one gate a sample", s -> new Gate(s.graph, s.variable("g", 3, 1), s.variable("x", 3, 4)).output()),
                op(
                        "one gate an element",
                        s -> new Gate(s.graph, s.variable("g", 3, 4), s.variable("x", 3, 4)).output()),
                op("weighted sum", s -> new WeightedSum(s.graph, s.variable("x", 3, 4), s.data("w", 3, 4)).output()));
    }

    private static SDVariable adapted(Sketch s, SDVariable x, SDVariable z, int from) {
        return new LoraLinear(
                        s.graph,
                        x,
                        s.graph.constant("w", s.random(9, 5)),
                        s.graph.constant("bias", s.random(9)),
                        from,
                        from + 6,
                        z,
                        0.7,
                        List.of(
                                new LoraLinear.Adapter(s.variable("a1", 3, 5), s.variable("b1", 2, 3), 0),
                                new LoraLinear.Adapter(s.variable("a3", 3, 5), s.variable("b3", 2, 3), 4)))
                .output();
    }

    private static InfoNce infoNce(Sketch s, double duplicateExponent) {
        return new InfoNce(
                s.graph,
                s.variable("images", 5, 3),
                s.variable("texts", 4, 3),
                s.variable("logitScale"),
                s.ints("textOf", new int[] {0, 0, 0, 0, 0}, new int[] {2, 0, 2, -1, 1}),
                1,
                duplicateExponent);
    }

    private static Named<Function<Sketch, SDVariable>> op(String name, Function<Sketch, SDVariable> build) {
        return Named.of(name, build);
    }

    @ParameterizedTest
    @MethodSource("operations")
    void gradientsEqualCentralDifferences(Function<Sketch, SDVariable> build) {
        Sketch sketch = new Sketch();
        SDVariable out = build.apply(sketch);
        SDVariable loss;
        if (out.eval(sketch.inputs).rank() == 0) {
            loss = out.add("loss", sketch.graph.constant(Nd4j.scalar(1.0)));
        } else {
            INDArray weights = sketch.random(out.eval(sketch.inputs).shape());
            loss = new WeightedSum(sketch.graph, out, sketch.graph.constant("weights", weights)).output();
            loss.rename("loss");
        }
        List<String> variables = new ArrayList<>();
        for (SDVariable variable : sketch.graph.variables()) {
            if (variable.getVariableType() == VariableType.VARIABLE) {
                variables.add(variable.name());
            }
        }

        Map<String, Double> worst = GradientCheck.worstErrors(sketch.graph, sketch.inputs, "loss", variables);

        assertThat(worst).hasSameSizeAs(variables);
        assertThat(worst).allSatisfy((name, error) -> assertThat(error).isLessThan(1e-5));
    }
}
