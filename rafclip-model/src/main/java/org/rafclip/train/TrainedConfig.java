package org.rafclip.train;

/**
 * The whole configuration of a run that {@link TrainingLoop} trains: one YAML file.
 *
 * @param <C> itself
 */
public interface TrainedConfig<C extends Record & TrainedConfig<C>> {

    /** Where everything random comes from. */
    long seed();

    /** How it is optimised. */
    TrainConfig train();

    /** The same configuration, optimised otherwise. */
    C withTrain(TrainConfig train);
}
