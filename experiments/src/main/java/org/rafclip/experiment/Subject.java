package org.rafclip.experiment;

import java.nio.file.Path;
import org.rafclip.agcn.train.AgcnConfig;
import org.rafclip.train.RafClipConfig;

/** A model that experiments measure: what it is called, how it is made, and the artefact that it is. */
public sealed interface Subject permits Subject.OfPhotos, Subject.Composer {

    /** The name that tables give it. */
    String label();

    long seed();

    Artefacts.Inputs inputs();

    /** Where the artefact lies or will lie. */
    Path folder();

    /** What is done to make it, such as {@code train RaF-CLIP, seed 1}. */
    default String stage() {
        return (this instanceof Start ? "make " : "train ") + label() + ", seed " + seed();
    }

    /** A dual encoder. */
    sealed interface OfPhotos extends Subject permits Start, Encoder {

        /** The configuration of its training, or of the training that starts with it. */
        RafClipConfig config();

        @Override
        default long seed() {
            return config().seed();
        }
    }

    /** What a training starts from: the weights that its configuration names, or random ones. */
    record Start(String label, RafClipConfig config, Artefacts.Inputs inputs, Path folder) implements OfPhotos {}

    /** A trained RaF-CLIP. Its folder is a {@link org.rafclip.train.RunFolder}. */
    record Encoder(String label, RafClipConfig config, Artefacts.Inputs inputs) implements OfPhotos {

        @Override
        public Path folder() {
            return config.output().dir();
        }
    }

    /** A trained composer. Its folder is a {@link org.rafclip.train.RunFolder}. */
    record Composer(String label, AgcnConfig config, Encoder encoder, Artefacts.Inputs inputs) implements Subject {

        @Override
        public long seed() {
            return config.seed();
        }

        @Override
        public Path folder() {
            return config.output().dir();
        }
    }
}
