package org.rafclip.onnx.op;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.GradientCheck;
import org.rafclip.ops.Graph;
import org.rafclip.ops.JavaOps;

class ContractionTest {

    private static final String ALPHABET = "abcdhijkw";

    @BeforeAll
    static void operations() {
        JavaOps.install();
    }

    /** Every letter has a length of its own, but d, whose length is 1. */
    private static long size(char label) {
        return label == 'd' ? 1 : 2 + ALPHABET.indexOf(label) % 4;
    }

    private static INDArray drawn(String labels, long seed) {
        long[] shape = labels.chars().mapToLong(c -> size((char) c)).toArray();
        if (shape.length == 0) {
            return Nd4j.scalar(0.7);
        }
        long count = Arrays.stream(shape).reduce(1, (a, b) -> a * b);
        return Nd4j.createFromArray(new SplittableRandom(seed).doubles(count).toArray())
                .reshape(shape);
    }

    /** The definition: a sum over all values of all labels. */
    private static double[] expected(String[] terms, String result, INDArray x, INDArray y) {
        List<Character> labels = (terms[0] + terms[1] + result)
                .chars()
                .distinct()
                .mapToObj(c -> (char) c)
                .toList();
        double[] sums =
                new double[(int) result.chars().mapToLong(c -> size((char) c)).reduce(1, (a, b) -> a * b)];
        long count = labels.stream().mapToLong(ContractionTest::size).reduce(1, (a, b) -> a * b);
        for (long i = 0; i < count; i++) {
            Map<Character, Long> at = new LinkedHashMap<>();
            long rest = i;
            for (char label : labels) {
                at.put(label, rest % size(label));
                rest /= size(label);
            }
            long to = 0;
            for (char label : result.toCharArray()) {
                to = to * size(label) + at.get(label);
            }
            sums[(int) to] += value(x, terms[0], at) * value(y, terms[1], at);
        }
        return sums;
    }

    private static double value(INDArray array, String labels, Map<Character, Long> at) {
        return labels.isEmpty()
                ? array.getDouble(0)
                : array.getDouble(
                        labels.chars().mapToLong(c -> at.get((char) c)).toArray());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "bhwc,hkc->bhwk",
                "bhwc,wkc->bhwk",
                "ij,jk->ik",
                "ij,kj->ki",
                "ji,jk->ik",
                "ji,kj->ki",
                "bij,bjk->bik",
                "bij,bkj->ibk",
                "ij,ij->",
                "ij,ij->ji",
                "ijk,k->ij",
                "ijk,j->ki",
                "abc,cd->adb",
                "i,j->ij",
                "i,j->ji",
                "ij,->ji",
                "abij,bjk->aik",
                "abc,cab->",
                "ijk,kja->ai",
                "dij,jk->dik",
                "abij,cj->abci"
            })
    void sumsProductsAsTheEquationSays(String equation) {
        String[] sides = equation.split("->", -1);
        String[] terms = sides[0].split(",", -1);
        INDArray x = drawn(terms[0], 1);
        INDArray y = drawn(terms[1], 2);
        SameDiff graph = SameDiff.create();
        SDVariable a = graph.var("a", x);
        SDVariable b = graph.var("b", y);
        SDVariable out = new Contraction(graph, a, terms[0], b, terms[1], sides[1]).output();
        out.mul(out).sum().rename("loss");

        try (Graph runner = new Graph(graph);
                Graph.Outputs outputs = runner.run(Map.of(), out.name())) {
            INDArray actual = outputs.get(out.name());
            assertThat(actual.shape())
                    .isEqualTo(sides[1].chars().mapToLong(c -> size((char) c)).toArray());
            assertThat(Arrays.copyOf(actual.dup('c').data().asDouble(), (int) actual.length()))
                    .containsExactly(expected(terms, sides[1], x, y), Offset.offset(1e-12));
        }
        assertThat(GradientCheck.worstErrors(graph, Map.of(), "loss", List.of("a", "b")))
                .allSatisfy((name, error) -> assertThat(error).as(name).isCloseTo(0, Offset.offset(1e-6)));
    }
}
