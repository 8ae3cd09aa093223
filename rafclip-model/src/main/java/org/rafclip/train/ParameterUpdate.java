package org.rafclip.train;

import java.util.Map;
import lombok.Getter;
import lombok.experimental.Accessors;
import org.nd4j.linalg.api.ndarray.INDArray;

/** What a step does with a gradient: its norm, clipping, AdamW, and the parameters' limits. */
public final class ParameterUpdate {

    @Getter
    @Accessors(fluent = true)
    private final AdamW optimizer;

    private final TrainConfig settings;
    private final Runnable clamp;

    /**
     * @param parameters the arrays to update in place
     * @param clamp brings parameters back into their limits
     */
    public ParameterUpdate(Map<String, INDArray> parameters, TrainConfig settings, Runnable clamp) {
        this.optimizer = new AdamW(parameters, settings);
        this.settings = settings;
        this.clamp = clamp;
    }

    /**
     * One step, unless the gradient is not finite.
     *
     * @param gradients one for each parameter, dense in 'c' order
     * @param lr this step's learning rate
     * @param t steps so far, this one included
     * @return the gradient's norm before clipping; where it is not finite, nothing was updated
     */
    public double apply(Map<String, INDArray> gradients, double lr, long t) {
        double norm = AdamW.norm(gradients);
        if (Double.isFinite(norm)) {
            double clip = settings.clipNorm();
            optimizer.step(gradients, lr, t, clip > 0 && norm > clip ? clip / norm : 1);
            clamp.run();
        }
        return norm;
    }
}
