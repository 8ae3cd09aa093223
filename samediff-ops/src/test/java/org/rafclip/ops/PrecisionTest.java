package org.rafclip.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.nn.Layers.Deviations;
import org.rafclip.nn.Scope;
import org.rafclip.nn.Tokens;
import org.rafclip.nn.TransformerBlock;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.ops.op.ActivationOp;
import org.rafclip.ops.op.LayerNorm;
import org.rafclip.ops.op.Linear;
import org.rafclip.ops.op.SelectToken;
import org.rafclip.ops.op.WeightedSum;

/** Products of bfloat16: what is rounded, and how far a block's gradients are from those in single precision. */
class PrecisionTest {

    @BeforeAll
    static void install() {
        JavaOps.install();
    }

    /** 8 significant bits: 1 + 2⁻⁸ lies halfway between two neighbours and becomes the even one, 1. */
    @Test
    void factorsAreRoundedToTheNearestBfloat16AndSumsAreNot() {
        assumeTrue(Precision.BF16.available(), "no bfloat16 here");
        SameDiff sd = SameDiff.create();
        SDVariable x = sd.placeHolder("x", DataType.FLOAT, 2, 64);
        INDArray weights = Nd4j.ones(DataType.FLOAT, 64, 64);
        Linear.projection(sd, x, sd.var("w", weights)).output().rename("y");
        INDArray input = Nd4j.zeros(DataType.FLOAT, 2, 64);
        input.putScalar(0, 0, 1 + Math.pow(2, -8));
        input.putScalar(0, 1, 1 + 3 * Math.pow(2, -9));
        input.putScalar(1, 0, 1);
        input.putScalar(1, 1, Math.pow(2, -20));
        try (Graph graph = new Graph(sd)) {
            graph.computeIn(Precision.BF16);
            try (Graph.Outputs outputs = graph.run(Map.of("x", input), "y")) {
                assertThat(outputs.get("y").getDouble(0, 5)).isEqualTo(1 + 1 + Math.pow(2, -7));
                assertThat(outputs.get("y").getDouble(1, 5)).isEqualTo(1 + Math.pow(2, -20));
            }
            graph.computeIn(Precision.FP32);
            try (Graph.Outputs outputs = graph.run(Map.of("x", input), "y")) {
                assertThat(outputs.get("y").getDouble(0, 5)).isEqualTo(2 + 5 * Math.pow(2, -9));
            }
        }
    }

    /** 16 + 2⁻⁴ lies halfway between 16 and the next number of 8 significant bits; GELU is the identity there. */
    @Test
    void whatGoesBetweenAProductAndAnActivationIsRoundedUnlessItIsAskedFor() {
        assumeTrue(Precision.BF16.available(), "no bfloat16 here");
        SameDiff sd = SameDiff.create();
        SDVariable x = sd.placeHolder("x", DataType.FLOAT, 2, 64);
        SDVariable sum = Linear.projection(sd, x, sd.var("w", Nd4j.ones(DataType.FLOAT, 64, 64)))
                .output();
        sum.rename("sum");
        SDVariable activated = new ActivationOp(sd, Activation.GELU, sum).output();
        Linear.projection(
                        sd,
                        activated,
                        sd.var("i", Nd4j.eye(64).castTo(DataType.FLOAT).muli(Math.pow(2, -4))))
                .output()
                .rename("y");
        INDArray input = Nd4j.zeros(DataType.FLOAT, 2, 64);
        input.putScalar(0, 0, 16);
        input.putScalar(0, 1, Math.pow(2, -4));
        input.putScalar(1, 0, Double.NaN);
        try (Graph graph = new Graph(sd)) {
            for (Precision precision : Precision.values()) {
                graph.computeIn(precision);
                double expected = precision == Precision.BF16 ? 1 : 1 + Math.pow(2, -8);
                try (Graph.Outputs outputs = graph.run(Map.of("x", input), "y")) {
                    assertThat(outputs.get("y").getDouble(0, 5)).isEqualTo(expected);
                    assertThat(outputs.get("y").getDouble(1, 5)).isNaN();
                }
                try (Graph.Outputs outputs = graph.run(Map.of("x", input), "y", "sum")) {
                    assertThat(outputs.get("sum").getDouble(0, 5)).isEqualTo(16 + Math.pow(2, -4));
                    assertThat(outputs.get("y").getDouble(0, 5)).isEqualTo(expected);
                }
            }
        }
    }

    /** What takes bfloat16 beside what does not: the first step keeps less than the others. */
    @Test
    void bitsDoNotDependOnWhatIsComputedAgain() {
        assumeTrue(Precision.BF16.available(), "no bfloat16 here");
        SameDiff sd = SameDiff.create();
        Nd4j.getRandom().setSeed(8);
        SDVariable x = sd.placeHolder("x", DataType.FLOAT, 50, 64);
        SDVariable y = Linear.projection(sd, x, sd.var("w", Nd4j.randn(DataType.FLOAT, 64, 64)))
                .output();
        SDVariable gain = sd.var("gain", Nd4j.ones(DataType.FLOAT, 64));
        SDVariable normed = new LayerNorm(sd, y, gain, sd.var("bias", Nd4j.zeros(DataType.FLOAT, 64)), 1e-5).output();
        SDVariable sum = normed.add(new ActivationOp(sd, Activation.GELU, normed).output());
        new WeightedSum(sd, sum, sd.placeHolder("d", DataType.FLOAT, 50, 64))
                .output()
                .rename("loss");
        sd.setLossVariables("loss");
        Map<String, INDArray> inputs =
                Map.of("x", Nd4j.randn(DataType.FLOAT, 50, 64), "d", Nd4j.randn(DataType.FLOAT, 50, 64));
        List<String> parameters = List.of("w", "gain", "bias");
        try (Graph graph = new Graph(sd)) {
            graph.computeIn(Precision.BF16);
            try (Graph.Outputs first = graph.gradients(inputs, parameters, List.of());
                    Graph.Outputs second = graph.gradients(inputs, parameters, List.of())) {
                for (String name : parameters) {
                    assertThat(second.get(name)).as(name).isEqualTo(first.get(name));
                }
            }
        }
    }

    @Test
    void variablesOfBfloat16AreRefusedWithTheRemedy() {
        SameDiff sd = SameDiff.create();
        SDVariable x = sd.placeHolder("x", DataType.BFLOAT16, 2, 64);
        SDVariable w = sd.var("w", Nd4j.ones(DataType.FLOAT, 64, 64));
        assertThatThrownBy(() -> Linear.projection(sd, x, w))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("x is BFLOAT16")
                .hasMessageContaining("computeIn(Precision.BF16)");
    }

    /**
     * A bfloat16 is off by up to 2⁻⁹ of its value; errors of a sum's terms are independent, so they grow less than the sum. Of
     * one sample threads share the heads; of a block's last token only the keys and values of the others are computed.
     */
    @ParameterizedTest
    @CsvSource({"4, GELU, false", "1, QUICK_GELU, false", "3, GELU_TANH, true"})
    void gradientsOfABlockAreThoseOfSinglePrecisionWithinRounding(int batch, Activation activation, boolean one) {
        assumeTrue(Precision.BF16.available(), "no bfloat16 here");
        int width = 128;
        int read = one ? 1 : 20;
        Scope root = Scope.root(DataType.FLOAT, 4);
        SameDiff sd = root.graph();
        SDVariable x = sd.placeHolder("x", DataType.FLOAT, batch, 20, width);
        TransformerBlock block =
                new TransformerBlock(width, 2, 512, activation, false, 1e-5, Deviations.clip(width, 1), 0, 0);
        SDVariable y = one
                ? block.preNorm(
                        root.at("block"),
                        Tokens.of(x),
                        tokens -> sd.expandDims(new SelectToken(sd, tokens).output(), 1))
                : block.preNorm(root.at("block"), x);
        new WeightedSum(sd, y, sd.placeHolder("d", DataType.FLOAT, batch, read, width))
                .output()
                .rename("loss");
        sd.setLossVariables("loss");
        Nd4j.getRandom().setSeed(8);
        Map<String, INDArray> inputs = Map.of(
                "x", Nd4j.randn(DataType.FLOAT, batch, 20, width), "d", Nd4j.randn(DataType.FLOAT, batch, read, width));
        List<String> parameters = sd.variables().stream()
                .filter(v -> v.getVariableType() == org.nd4j.autodiff.samediff.VariableType.VARIABLE)
                .map(SDVariable::name)
                .toList();
        try (Graph graph = new Graph(sd);
                Graph.Outputs exact = graph.gradients(inputs, parameters, List.of())) {
            graph.computeIn(Precision.BF16);
            try (Graph.Outputs rounded = graph.gradients(inputs, parameters, List.of())) {
                for (String name : parameters) {
                    INDArray expected = exact.get(name);
                    double off = rounded.get(name).sub(expected).norm2Number().doubleValue();
                    assertThat(off / expected.norm2Number().doubleValue())
                            .as(name)
                            .isCloseTo(0, within(0.01));
                }
            }
        }
    }

    @Test
    void whatIsNotThereIsRefusedWithTheRemedy() {
        assumeTrue(!Precision.BF16.available(), "there is bfloat16");
        assertThatThrownBy(Precision.BF16::requireAvailable)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("AVX512_BF16 or AMX")
                .hasMessageEndingWith("take fp32");
    }
}
