package org.rafclip.train;

import java.nio.file.Path;
import lombok.With;
import org.rafclip.clip.ClipConfig;
import org.rafclip.data.text.Prompts;
import org.rafclip.loss.RafLossConfig;
import org.rafclip.photos.PhotoConfig;
import org.rafclip.run.Default;
import org.rafclip.run.Output;
import org.rafclip.run.Without;

/**
 * Everything that a training run depends on: one YAML file.
 *
 * @param seed of weights, order, augmentation and dropout
 * @param prompts the texts that labels are put into, in training and wherever the model is measured
 */
public record RafClipConfig(
        @Default("1") long seed,
        PhotoConfig data,
        Model model,
        @Default(Prompts.PAPER_YAML) Prompts prompts,
        RafLossConfig loss,
        @Without("metric=recall-at-50") @With TrainConfig train,
        Output output)
        implements TrainedConfig<RafClipConfig> {

    public RafClipConfig {
        train.requireMetric(
                TrainConfig.Metric.ACCURACY,
                TrainConfig.Metric.BALANCED_ACCURACY,
                TrainConfig.Metric.MEAN,
                TrainConfig.Metric.RECALL_AT_10);
    }

    /**
     * The model to start from: exactly one of the three.
     *
     * @param weights a model folder, to fine-tune
     * @param preset a built-in architecture with random weights
     * @param clip an architecture written out, with random weights
     * @param tokenizer a folder with a tokenizer for random weights; null trains a small vocabulary on the run's texts
     */
    public record Model(
            @Default("null") Path weights,
            @Default("null") String preset,
            @Default("null") ClipConfig clip,
            @Default("null") Path tokenizer) {

        public Model {
            int given = (weights == null ? 0 : 1) + (preset == null ? 0 : 1) + (clip == null ? 0 : 1);
            if (given != 1) {
                throw new IllegalArgumentException("give exactly one of weights (a model folder), preset ("
                        + String.join(", ", ClipConfig.NAMES) + ") and clip (an architecture), not " + given
                        + (given > 1 ? ": model." + (clip != null ? "clip" : "preset") + "=null takes one away" : ""));
            }
        }
    }
}
