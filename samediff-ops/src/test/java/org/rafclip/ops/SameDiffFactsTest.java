package org.rafclip.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.imports.converters.ImportClassMapping;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.DynamicCustomOp;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.op.Attention;
import org.rafclip.ops.op.Linear;
import org.rafclip.ops.op.WeightedSum;

/** What SameDiff 1.0.0-M2.1 itself has to do right for this project: a newer version may differ. */
class SameDiffFactsTest {

    @BeforeAll
    static void install() {
        JavaOps.install();
    }

    private record Sketch(SameDiff graph, SplittableRandom random) {
        SDVariable variable(String name, long... shape) {
            INDArray values = Nd4j.createUninitializedDetached(DataType.DOUBLE, 'c', shape);
            for (long i = 0; i < values.length(); i++) {
                values.putScalar(i, random.nextDouble(0.5, 1.5));
            }
            return graph.var(name, values);
        }
    }

    static Stream<Named<Function<Sketch, SDVariable>>> expressions() {
        return Stream.of(
                op("a + b", s -> s.variable("a", 2, 3).add(s.variable("b", 2, 3))),
                op("a + row", s -> s.variable("a", 2, 3).add(s.variable("b", 3))),
                op("a − b", s -> s.variable("a", 2, 3).sub(s.variable("b", 2, 3))),
                op("a · b", s -> s.variable("a", 2, 3).mul(s.variable("b", 2, 3))),
                op("a · scalar variable", s -> s.variable("a", 2, 3).mul(s.variable("b"))),
                op("scalar variable · scalar variable", s -> s.variable("a").mul(s.variable("b"))),
                op("a / b", s -> s.variable("a", 2, 3).div(s.variable("b", 2, 3))),
                op("a / row", s -> s.variable("a", 2, 3).div(s.variable("b", 3))),
                op(
                        "a · (1 / scalar variable)",
                        s -> s.variable("a", 2, 3).mul(s.variable("b").rdiv(1))),
                op("scalar / scalar", s -> s.variable("a").div(s.variable("b"))),
                op("a · 0.3", s -> s.variable("a", 2, 3).mul(0.3)),
                op("a / 0.3", s -> s.variable("a", 2, 3).div(0.3)),
                op("a + 2", s -> s.variable("a", 2, 3).add(2.0)),
                op("a + a", s -> {
                    SDVariable a = s.variable("a", 2, 3);
                    return a.add(a);
                }),
                op("a · a + a", s -> {
                    SDVariable a = s.variable("a", 2, 3);
                    return a.mul(a).add(a);
                }),
                op("exp", s -> s.graph.math.exp(s.variable("a", 2, 3))),
                op("tanh", s -> s.graph.math.tanh(s.variable("a", 2, 3))),
                op("sum", s -> s.graph.math.sum(s.variable("a", 2, 3).mul(s.variable("b", 2, 3)))),
                op("reshape", s -> s.graph.reshape(s.variable("a", 2, 3), 3, 2)),
                op("concat", s -> s.graph.concat(0, s.variable("a", 2, 3), s.variable("b", 1, 3))),
                op("a B", s -> s.variable("a", 2, 3).mmul(s.variable("b", 3, 4))));
    }

    private static Named<Function<Sketch, SDVariable>> op(String name, Function<Sketch, SDVariable> build) {
        return Named.of(name, build);
    }

    @ParameterizedTest
    @MethodSource("expressions")
    void gradientsEqualCentralDifferences(Function<Sketch, SDVariable> build) {
        SameDiff sd = SameDiff.create();
        Sketch sketch = new Sketch(sd, new SplittableRandom(3));
        SDVariable out = build.apply(sketch);
        long[] shape = out.eval().shape();
        SDVariable weights = sketch.variable("weights", shape).convertToConstant();
        SDVariable loss = new WeightedSum(sd, out, weights).output();
        List<String> variables = Stream.of("a", "b").filter(sd::hasVariable).toList();

        assertThat(GradientCheck.worstErrors(sd, Map.of(), loss.name(), variables))
                .hasSameSizeAs(variables)
                .allSatisfy((name, error) -> assertThat(error).isLessThan(1e-6));
    }

    /** y = a / b with a = (1, 3), b = 2 has dL/db = −(1 + 3)/4; SameDiff says −(1 + 1)(1 + 3)/4, so it is not let through. */
    @Test
    void theGradientOfADivisionByAScalarIsRefused() {
        SameDiff sd = SameDiff.create();
        SDVariable a = sd.var("a", Nd4j.createFromArray(1.0, 3.0));
        SDVariable b = sd.var("b", Nd4j.scalar(2.0));
        sd.setLossVariables(sd.math.sum("loss", a.div(b)));

        assertThatThrownBy(() -> sd.calculateGradients(Map.of(), "a", "b"))
                .hasMessageContaining("gradient of a division by a single variable is wrong");

        INDArray[] wrong = Nd4j.exec(DynamicCustomOp.builder("divide_bp")
                .addInputs(a.getArr(), b.getArr(), Nd4j.createFromArray(1.0, 1.0))
                .build());
        assertThat(wrong[1].getDouble(0)).isEqualTo(-2);
    }

    /** Cloning a graph goes through FlatBuffers; an operation without a number of its own is found by its name. */
    @Test
    void operationsAreFoundByName() {
        Map<String, Class<?>> known = new LinkedHashMap<>();
        for (String name : List.of("java_linear", "java_attention", "java_gradient")) {
            known.put(name, ImportClassMapping.getOpNameMapping().get(name).getClass());
        }
        assertThat(known.values()).containsExactly(Linear.class, Attention.class, JavaOpGradient.class);
    }

    /** A differentiated graph works on the same arrays, so that an update in place reaches it. */
    @Test
    void aDifferentiatedGraphSharesItsVariables() {
        SameDiff sd = SameDiff.create();
        SDVariable x = sd.var("x", Nd4j.createFromArray(1.0, 2.0));
        sd.setLossVariables(sd.math.sum("loss", x.mul(x)));
        sd.createGradFunction();
        x.getArr().putScalar(0, 5.0);
        assertThat(sd.getFunction("grad").getVariable("x").getArr().getDouble(0))
                .isEqualTo(5);
    }
}
