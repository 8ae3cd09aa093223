package org.rafclip.data.prepare;

import java.util.Optional;
import java.util.random.RandomGenerator;
import org.rafclip.data.image.Dimensions;

/** Named image preparation steps, run one after the other. */
public final class Preparation {

    private final String text;

    private Preparation(String text) {
        this.text = text;
    }

    /**
     * Reads a pipeline.
     *
     * @param text such as {@code target-pad(1.25) | resize(224) | center-crop(224) | normalize(clip)}
     * @throws org.rafclip.data.DataException on an unknown step or a bad argument; the message lists what is known
     */
    public static Preparation parse(String text) {
        return new Preparation(text);
    }

    /** The leading steps that draw no random numbers: 8-bit in, 8-bit out, worth running once and caching. */
    public Preparation deterministicPrefix() {
        throw new UnsupportedOperationException("being built");
    }

    /** What comes after {@link #deterministicPrefix()}, the normalisation included. */
    public Preparation randomRest() {
        throw new UnsupportedOperationException("being built");
    }

    /** Whether two runs on one image can differ. */
    public boolean random() {
        throw new UnsupportedOperationException("being built");
    }

    /** The size every prepared image has, if the steps fix one whatever comes in. */
    public Optional<Dimensions> outputSize() {
        throw new UnsupportedOperationException("being built");
    }

    /** Runs the 8-bit steps. */
    public Region apply(Region region, RandomGenerator random) {
        throw new UnsupportedOperationException("being built");
    }

    /** Runs everything: {@code [3, height, width]} floats. */
    public float[] toFloats(Region region, RandomGenerator random) {
        throw new UnsupportedOperationException("being built");
    }

    /** Runs everything and writes {@code [3, height, width]} floats into a batch from an offset on. */
    public void toFloats(Region region, RandomGenerator random, float[] batch, int offset) {
        throw new UnsupportedOperationException("being built");
    }

    /** The pipeline in one spelling with all defaults written out; equal texts mean equal pixels. */
    public String fingerprint() {
        throw new UnsupportedOperationException("being built");
    }

    @Override
    public String toString() {
        return text;
    }
}
