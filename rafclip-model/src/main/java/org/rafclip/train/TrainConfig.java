package org.rafclip.train;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import lombok.AccessLevel;
import lombok.With;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.clip.DualEncoder;
import org.rafclip.clip.LoraConfig;
import org.rafclip.data.DataException;
import org.rafclip.nn.Lora;
import org.rafclip.ops.Precision;
import org.rafclip.run.Default;

/**
 * The optimisation of any model: batch, AdamW, schedule, and when to validate and save. The defaults are RaF-CLIP's;
 * configurations of other models give theirs where they name this section.
 *
 * @param batchSize garments or queries a step
 * @param microBatch images or queries at most that are in memory with their activations at a time; the gradient is that of
 *     the whole batch
 * @param schedule of the learning rate after warm-up
 * @param warmup the share of all steps in which the rate grows from 0
 * @param clipNorm the gradient's norm is scaled down to it; 0 leaves gradients alone
 * @param freeze patterns of parameter names that stay as they are; {@code *} stands for anything
 * @param lora null trains the parameters themselves; otherwise low-rank adapters train in their place, and beside them the
 *     loss's own, such as the temperature. A layer whose weight {@code freeze} names has no adapter. Of RaF-CLIP only
 * @param validateEvery epochs between validations
 * @param checkpointEvery steps between checkpoints; every validation makes one too
 * @param metric by which validations are compared
 * @param patience validations without improvement before training stops; 0 never stops early
 * @param precision of matrix products, forward and backward, and of those of validations: {@code bf16} rounds factors to
 *     bfloat16 and adds in single precision; weights, losses, norms, softmax and checkpoints are single precision always
 * @param continuation how the learning rate goes on where a run was continued beyond its end
 * @param continued the numbers of epochs at which the run was to end before it was continued to {@code epochs}, ascending.
 *     {@code --resume} with more epochs writes it; a run that is given it from the start has the same weights, bit by bit
 */
public record TrainConfig(
        @Default("256") int batchSize,
        @Default("256") int microBatch,
        @With(AccessLevel.PACKAGE) @Default("150") int epochs,
        @Default("5e-7") double lr,
        @Default("0.9") double beta1,
        @Default("0.98") double beta2,
        @Default("1e-6") double eps,
        @Default("0.2") double weightDecay,
        @Default("cosine") Schedule schedule,
        @Default("0.05") double warmup,
        @Default("1") double clipNorm,
        @Default("[]") List<String> freeze,
        @With @Default("null") LoraConfig lora,
        @Default("1") int validateEvery,
        @Default("500") int checkpointEvery,
        @Default("mean") Metric metric,
        @Default("0") int patience,
        @Default("fp32") Precision precision,

        @JsonProperty("continue") @With(AccessLevel.PACKAGE) @Default("restart")
        Continuation continuation,

        @With(AccessLevel.PACKAGE) @Default("[]") List<Integer> continued) {

    public TrainConfig {
        requireAtLeast("batch-size", batchSize, 2);
        requireAtLeast("micro-batch", microBatch, 1);
        requireAtLeast("epochs", epochs, 1);
        requireAtLeast("validate-every", validateEvery, 1);
        requireAtLeast("checkpoint-every", checkpointEvery, 1);
        requireAtLeast("weight-decay", weightDecay, 0);
        requireAtLeast("clip-norm", clipNorm, 0);
        requireAtLeast("patience", patience, 0);
        require(lr > 0, "lr", "above 0", lr);
        require(eps > 0, "eps", "above 0", eps);
        require(warmup >= 0 && warmup < 1, "warmup", "in [0, 1)", warmup);
        require(beta1 >= 0 && beta1 < 1, "beta1", "in [0, 1)", beta1);
        require(beta2 >= 0 && beta2 < 1, "beta2", "in [0, 1)", beta2);
        freeze = List.copyOf(freeze);
        continued = List.copyOf(continued);
        for (int i = 0; i < continued.size(); i++) {
            int next = i + 1 < continued.size() ? continued.get(i + 1) : epochs;
            if (continued.get(i) < 1 || continued.get(i) >= next) {
                throw new IllegalArgumentException("continued: a run that was continued after " + continued
                        + " epochs goes on to more of them: epochs above the last, ascending, not " + epochs);
            }
        }
    }

    private static void requireAtLeast(String key, double value, int least) {
        require(value >= least, key, "at least " + least, value);
    }

    private static void require(boolean held, String key, String rule, double value) {
        if (!held) {
            throw new IllegalArgumentException(key + " must be " + rule + ", not "
                    + (value == Math.rint(value) ? String.format(Locale.ROOT, "%.0f", value) : value));
        }
    }

    /** How the learning rate goes on after warm-up. */
    public enum Schedule {
        CONSTANT,
        /** Half a cosine down to 0 at the last step. */
        COSINE
    }

    /** How the learning rate goes on beyond an earlier end of a run whose schedule is {@code cosine}. */
    public enum Continuation {
        /** It stays what it was in the last step before that end. */
        CONSTANT,
        /** From the full rate, without warm-up, by half a cosine down to 0 at the next end. */
        RESTART
    }

    /** What decides which checkpoint is best; the higher the better. */
    public enum Metric {
        /** Accuracy of attribute recognition, mean over the groups. */
        ACCURACY,
        /** Balanced accuracy of attribute recognition, mean over the groups. */
        BALANCED_ACCURACY,
        /** The mean of accuracy and balanced accuracy. */
        MEAN,
        /**
         * R@10 of composed retrieval, mean over the categories; of RaF-CLIP, of caption retrieval on the validation photos,
         * mean of text to image and image to text.
         */
        RECALL_AT_10,
        /** R@50 of composed retrieval, mean over the categories. */
        RECALL_AT_50
    }

    /**
     * Refuses a metric that a model is not measured by.
     *
     * @throws IllegalArgumentException if it is none of these
     */
    public void requireMetric(Metric... known) {
        if (!List.of(known).contains(metric)) {
            throw new IllegalArgumentException("train.metric " + word(metric) + " is of another kind of model; take "
                    + String.join(
                            " or ", Arrays.stream(known).map(TrainConfig::word).toList()));
        }
    }

    private static String word(Metric metric) {
        return metric.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** Whether training that was continued would have ended after an epoch, counted from 0. */
    boolean endedAfter(int epoch) {
        return continued.contains(epoch + 1);
    }

    /**
     * The learning rate of a step, counted from 0. Up to the first end of a run that was continued it is what it would have
     * been without, warm-up included.
     *
     * @param totalSteps of all epochs
     */
    public double learningRate(long step, long totalSteps) {
        long begin = 0;
        long firstEnd = continued.isEmpty() ? totalSteps : stepsTo(continued.get(0), totalSteps);
        long end = firstEnd;
        for (int i = 0; i < continued.size() && step >= end; i++) {
            begin = end;
            end = i + 1 < continued.size() ? stepsTo(continued.get(i + 1), totalSteps) : totalSteps;
        }
        long warmupSteps = Math.round(warmup * firstEnd);
        if (begin == 0 && step < warmupSteps) {
            return lr * (step + 1) / warmupSteps;
        }
        if (schedule == Schedule.CONSTANT) {
            return lr;
        }
        if (begin == 0) {
            return lr * halfCosine(step - warmupSteps, firstEnd - warmupSteps);
        }
        return continuation == Continuation.RESTART
                ? lr * halfCosine(step - begin, end - begin)
                : learningRate(firstEnd - 1, totalSteps);
    }

    private long stepsTo(int someEpochs, long totalSteps) {
        return totalSteps / epochs * someEpochs;
    }

    private static double halfCosine(long step, long steps) {
        return 0.5 * (1 + Math.cos(Math.PI * ((double) step / Math.max(1, steps))));
    }

    /**
     * The parameters that train without adapters: all that no freezing pattern matches.
     *
     * @throws DataException if a pattern matches none
     */
    public List<String> trainable(Set<String> parameters) {
        for (String glob : freeze) {
            if (parameters.stream().noneMatch(name -> matches(glob, name))) {
                throw new DataException("train.freeze: no parameter matches " + glob + "; names look like "
                        + parameters.iterator().next());
            }
        }
        return parameters.stream().filter(this::trains).toList();
    }

    private boolean trains(String parameter) {
        return freeze.stream().noneMatch(glob -> matches(glob, parameter));
    }

    private static boolean matches(String glob, String name) {
        return Pattern.matches(("\\Q" + glob + "\\E").replace("*", "\\E.*\\Q"), name);
    }

    /**
     * The adapters that an encoder is given to train.
     *
     * @param seed of the run
     */
    public Lora adapters(long seed) {
        return lora == null ? Lora.NONE : lora.adapters(seed, this::trains);
    }

    /**
     * The arrays of an encoder that train, by name.
     *
     * @param encoder with the {@link #adapters}
     * @throws DataException if a freezing pattern matches none of its parameters, or leaves nothing to adapt
     */
    public Map<String, INDArray> trained(DualEncoder encoder) {
        Map<String, INDArray> trained = encoder.parameters();
        trained.keySet().retainAll(trainable(trained.keySet()));
        if (lora == null) {
            return trained;
        }
        Map<String, INDArray> adapters = encoder.adapters();
        if (adapters.isEmpty()) {
            throw new DataException("train.freeze: it names the weights of all layers that train.lora adapts, "
                    + String.join(", ", lora.words()) + "; freeze fewer, or leave train.lora away");
        }
        trained.keySet().removeIf(name -> !DualEncoder.isOfLoss(name));
        trained.putAll(adapters);
        return trained;
    }

    /** The setting, as an argument, of a batch that is at most half of what there is to train on. */
    public static String smallerBatch(int examples) {
        return "train.batch-size=" + Math.max(2, Integer.highestOneBit(examples / 2));
    }
}
