package org.rafclip.nn;

import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.VariableType;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.Blas;
import org.rafclip.ops.Graph;
import org.rafclip.ops.JavaOps;
import org.rafclip.ops.Parallel;
import org.rafclip.ops.kernel.Kernels;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.ops.kernel.Memory;
import org.rafclip.ops.op.WeightedSum;

/**
 * How near a stack of transformer blocks comes to the speed of one large matrix product in the same process.
 *
 * <p>Run {@code main} with {@code width heads tokens batch depth rounds}; without arguments it measures ViT-B/32 and a
 * small model. With {@code -Drafclip.threads=1} and {@code MKL_NUM_THREADS=1} the times are the thread's processor time.
 * Figures are the best of the rounds, which turn by turn time the product, forward and
 * forward with backward, so that a busy machine disturbs them alike.
 */
final class BlockBenchmark {

    private BlockBenchmark() {}

    public static void main(String[] arguments) {
        JavaOps.install();
        System.out.println(Blas.description() + ", vector kernels " + Kernels.vectorized());
        if (arguments.length == 0) {
            measure(768, 12, 50, 32, 2, 12);
            measure(192, 3, 65, 64, 4, 40);
            return;
        }
        int[] n = Arrays.stream(arguments).mapToInt(Integer::parseInt).toArray();
        measure(n[0], n[1], n[2], n[3], n[4], n[5]);
    }

    private static void measure(int width, int heads, int tokens, int batch, int depth, int rounds) {
        Scope scope = Scope.root(DataType.FLOAT, 1);
        SDVariable x = scope.normal("x", 1, batch, tokens, width);
        TransformerBlock block = new TransformerBlock(
                width, heads, 4 * width, Activation.GELU, false, 1e-5, Layers.Deviations.clip(width, depth), 0, 0);
        SDVariable out = x;
        for (int i = 0; i < depth; i++) {
            out = block.preNorm(scope.at("resblocks", i), out);
        }
        INDArray weights = Nd4j.rand(DataType.FLOAT, batch, tokens, width);
        SDVariable loss = new WeightedSum(scope.graph(), out, scope.graph().constant("weights", weights)).output();
        loss.rename("loss");
        scope.graph().setLossVariables("loss");
        List<String> parameters = new ArrayList<>();
        for (SDVariable variable : scope.graph().variables()) {
            if (variable.getVariableType() == VariableType.VARIABLE) {
                parameters.add(variable.name());
            }
        }
        double tokenCount = (double) batch * tokens;
        double work = depth * tokenCount * (24.0 * width * width + 4.0 * tokens * width) * 1e-9;
        double gemm = Double.MAX_VALUE;
        double forward = Double.MAX_VALUE;
        double both = Double.MAX_VALUE;
        List<Double> ratios = new ArrayList<>();
        try (Graph graph = new Graph(scope.graph())) {
            for (int round = 0; round < rounds; round++) {
                double product = product();
                gemm = Math.min(gemm, product);
                long start = now();
                graph.run(Map.of(), "loss").close();
                forward = Math.min(forward, seconds(start));
                start = now();
                graph.gradients(Map.of(), parameters, List.of("loss")).close();
                double time = seconds(start);
                both = Math.min(both, time);
                ratios.add(3 * work / time / (2.147483648 / product));
            }
            System.out.printf(
                    Locale.ROOT,
                    "width %d, heads %d, tokens %d, batch %d, depth %d: gemm %.0f GFLOP/s; forward %.1f ms, %.0f GFLOP/s,"
                            + " %.2f of gemm; with backward %.1f ms, %.0f GFLOP/s, %.2f of gemm (median of rounds %.2f);"
                            + " pool %d MB%n",
                    width,
                    heads,
                    tokens,
                    batch,
                    depth,
                    2.147483648 / gemm,
                    forward * 1e3,
                    work / forward,
                    work / forward / (2.147483648 / gemm),
                    both * 1e3,
                    3 * work / both,
                    3 * work / both / (2.147483648 / gemm),
                    ratios.stream().sorted().skip(rounds / 2).findFirst().orElseThrow(),
                    graph.bytes() >> 20);
        }
    }

    private static double product() {
        Memory a = Memory.of(Nd4j.rand(DataType.FLOAT, 1024, 1024));
        Memory b = Memory.of(Nd4j.rand(DataType.FLOAT, 1024, 1024));
        Memory c = Memory.of(Nd4j.rand(DataType.FLOAT, 1024, 1024));
        double best = Double.MAX_VALUE;
        for (int i = 0; i < 4; i++) {
            long start = now();
            Blas.gemm(false, false, 1024, 1024, 1024, 1, a, 0, 1024, b, 0, 1024, 0, c, 0, 1024);
            best = Math.min(best, seconds(start));
        }
        return best;
    }

    private static double seconds(long start) {
        return (now() - start) * 1e-9;
    }

    /** Processor time on one thread, which other programs do not disturb; else the time on the wall. */
    private static long now() {
        return Parallel.standard().threads() == 1
                ? ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime()
                : System.nanoTime();
    }
}
