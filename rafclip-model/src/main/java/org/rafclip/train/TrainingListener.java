package org.rafclip.train;

import java.util.LinkedHashMap;
import java.util.Map;
import org.rafclip.data.Stages;

/** Follows what a training does; all calls come from the training thread. */
public interface TrainingListener extends Stages {

    /**
     * One step that was done.
     *
     * @param number from 1
     * @param epoch from 0
     * @param gradientNorm before clipping
     * @param seconds that the step took, waiting for data included
     * @param batch what the batch was and came to
     */
    record Step(long number, int epoch, double learningRate, double gradientNorm, double seconds, Batch batch) {

        public double loss() {
            return batch.loss();
        }

        public double itemsPerSecond() {
            return batch.items() / seconds;
        }

        /** Every figure by the name under which it is logged. */
        public Map<String, Double> figures() {
            Map<String, Double> figures = new LinkedHashMap<>();
            figures.put("loss", batch.loss());
            figures.putAll(batch.figures());
            figures.put("learningRate", learningRate);
            figures.put("gradientNorm", gradientNorm);
            figures.put(batch.unit() + "PerSecond", itemsPerSecond());
            return figures;
        }
    }

    /**
     * What a batch was and came to.
     *
     * @param items that went through the model
     * @param unit what is counted, in the plural: {@code images}, {@code queries}
     * @param figures further ones of the model that is trained, by the name under which they are logged
     */
    record Batch(double loss, int items, String unit, Map<String, Double> figures) {}

    /**
     * A validation that was made and judged.
     *
     * @param step after which
     * @param epoch from 0, the one that the step belongs to
     * @param best whether it is the best so far
     */
    record Validated(long step, int epoch, Validation validation, boolean best) {}

    /**
     * What a validation found.
     *
     * @param score the higher the better
     * @param figures by the name under which they are logged
     * @param summary the figures in a few words
     * @param result everything that was measured, such as an {@link org.rafclip.eval.AttributeResult}
     */
    record Validation(double score, Map<String, Double> figures, String summary, Record result) {}

    /** Something that whoever trains should know, in one line. */
    default void message(String line) {}

    /** Training begins, or goes on after {@code done} steps. */
    default void started(long done, long totalSteps) {}

    default void step(Step step) {}

    default void validated(Validated validated) {}

    /** The checkpoint of a step is about to be written. */
    default void saving(long step) {}
}
