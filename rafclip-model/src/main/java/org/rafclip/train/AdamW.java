package org.rafclip.train;

import java.util.LinkedHashMap;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.Parallel;
import org.rafclip.ops.kernel.Kernels;
import org.rafclip.ops.kernel.Kernels.AdamWStep;
import org.rafclip.ops.kernel.Memory;

/**
 * AdamW (Loshchilov and Hutter 2019) over named parameters, one pass over memory each. Weight decay applies to matrices
 * and larger, not to vectors and scalars: biases, gains of norms, the class token and the temperature.
 */
public final class AdamW {

    private static final long GRAIN = 1 << 15;
    private static final String FIRST = "exp_avg.";
    private static final String SECOND = "exp_avg_sq.";

    private final Map<String, INDArray> parameters;
    private final Map<String, INDArray> moments = new LinkedHashMap<>();
    private final TrainConfig settings;

    /** @param parameters the arrays to update in place */
    public AdamW(Map<String, INDArray> parameters, TrainConfig settings) {
        this.parameters = parameters;
        this.settings = settings;
        parameters.forEach((name, value) -> {
            moments.put(FIRST + name, Nd4j.zeros(value.dataType(), value.shape()));
            moments.put(SECOND + name, Nd4j.zeros(value.dataType(), value.shape()));
        });
    }

    /** The moments by name, for checkpoints; PyTorch's names as prefixes. */
    public Map<String, INDArray> moments() {
        return moments;
    }

    /** The Euclidean norm of all gradients together; the same bits on any number of threads. */
    public static double norm(Map<String, INDArray> gradients) {
        double total = 0;
        for (INDArray gradient : gradients.values()) {
            Memory memory = Memory.of(gradient);
            Kernels kernels = Kernels.of(memory.type());
            double[] sums = new double[Parallel.chunks(memory.length(), GRAIN)];
            Parallel.standard()
                    .runChunks(
                            memory.length(),
                            GRAIN,
                            (from, to, chunk) -> sums[chunk] = kernels.sumOfSquares(memory, from, to));
            for (double sum : sums) {
                total += sum;
            }
        }
        return Math.sqrt(total);
    }

    /**
     * One step.
     *
     * @param gradients one for each parameter, dense in 'c' order
     * @param lr this step's learning rate
     * @param t steps so far, this one included
     * @param scale what gradients are multiplied by
     */
    public void step(Map<String, INDArray> gradients, double lr, long t, double scale) {
        parameters.forEach((name, parameter) -> {
            double decay = parameter.rank() < 2 ? 0 : settings.weightDecay();
            AdamWStep step = new AdamWStep(lr, decay, settings.beta1(), settings.beta2(), settings.eps(), t, scale);
            Memory w = Memory.of(parameter);
            Memory g = Memory.of(gradients.get(name));
            Memory m = Memory.of(moments.get(FIRST + name));
            Memory v = Memory.of(moments.get(SECOND + name));
            Kernels kernels = Kernels.of(w.type());
            Parallel.standard().run(w.length(), GRAIN, (from, to, part) -> kernels.adamW(step, w, g, m, v, from, to));
        });
    }
}
