package org.rafclip.data.prepare;

import java.util.List;
import java.util.Optional;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.rafclip.data.image.Dimensions;
import org.rafclip.data.image.RgbImage;

/**
 * Named image preparation steps, run one after the other. Stateless; safe for use by many threads, each with a random
 * generator of its own.
 *
 * @param steps 8 bits in, 8 bits out
 * @param normalization the last step, to floats; empty for a preparation that ends with an image
 */
public record Preparation(List<Step> steps, Optional<Normalization> normalization) {

    /** @throws IllegalArgumentException if a step asks for the box or the mask after another has used it up */
    public Preparation {
        steps = List.copyOf(steps);
        boolean box = true;
        boolean mask = true;
        for (Step step : steps) {
            if (!box && (step instanceof Step.Crop || step instanceof Step.JitterBox)) {
                throw new IllegalArgumentException("after crop there is no box left for " + Grammar.format(step));
            }
            if (!mask && step instanceof Step.MaskOut) {
                throw new IllegalArgumentException("after mask there is no mask left for " + Grammar.format(step));
            }
            box &= !(step instanceof Step.Crop);
            mask &= !(step instanceof Step.MaskOut);
        }
    }

    /**
     * Reads a pipeline.
     *
     * @param text such as {@code target-pad(1.25) | resize(224) | center-crop(224) | normalize(clip)}; see {@link Step}
     *     for the steps, whose arguments go by position or by name ({@code squash(size=224)}). Sizes are {@code 224} or
     *     {@code WIDTHxHEIGHT}, ranges {@code 0.08..1}, fills {@code mean}, {@code black}, {@code white} or
     *     {@code #rrggbb}. {@code normalize}, if there, is the last
     * @throws org.rafclip.data.DataException on an unknown step or a bad argument; the message lists what is known
     */
    public static Preparation parse(String text) {
        return Grammar.parse(text);
    }

    /**
     * A step as {@link #parse} reads it.
     *
     * @param form name and arguments, with the values of those that may be left out
     * @param does what it does
     */
    public record StepForm(String form, String does) {}

    /** All steps that there are. */
    public static List<StepForm> stepForms() {
        return Grammar.forms();
    }

    /** The leading steps that draw no random numbers: 8 bits in, 8 bits out, worth running once and caching. */
    public Preparation deterministicPrefix() {
        return new Preparation(steps.subList(0, prefixLength()), Optional.empty());
    }

    /** What comes after {@link #deterministicPrefix()}, the normalisation included. */
    public Preparation randomRest() {
        return new Preparation(steps.subList(prefixLength(), steps.size()), normalization);
    }

    private int prefixLength() {
        int length = 0;
        while (length < steps.size() && !steps.get(length).random()) {
            length++;
        }
        return length;
    }

    /** Whether two runs on one image can differ. */
    public boolean random() {
        return prefixLength() < steps.size();
    }

    /** Whether a step needs the garment's box. */
    public boolean needsBox() {
        return steps.stream().anyMatch(step -> step instanceof Step.Crop || step instanceof Step.JitterBox);
    }

    /** Whether a step needs the garment's mask. */
    public boolean needsMask() {
        return steps.stream().anyMatch(Step.MaskOut.class::isInstance);
    }

    /** The size every prepared image has, if the steps fix one whatever comes in. */
    public Optional<Dimensions> outputSize() {
        Optional<Dimensions> size = Optional.empty();
        for (Step step : steps) {
            size = step.sizeAfter(size);
        }
        return size;
    }

    /**
     * Runs the 8-bit steps.
     *
     * @param region left as it is
     * @param random what random steps draw from, in their order; a step's Javadoc says what it draws
     * @throws org.rafclip.data.DataException if a step needs a box or a mask that the region does not have, or the box is
     *     not on the image
     */
    public Region apply(Region region, RandomGenerator random) {
        Region result = region;
        for (Step step : steps) {
            result = step.apply(result, random);
        }
        return result;
    }

    /**
     * Runs the 8-bit steps of a preparation that is not random.
     *
     * @throws IllegalStateException if it is
     */
    public Region apply(Region region) {
        if (random()) {
            throw new IllegalStateException("\"" + this + "\" is random and needs a random generator");
        }
        return apply(region, null);
    }

    /**
     * Runs everything.
     *
     * @return {@code [3, height, width]}, channels red, green, blue
     * @throws IllegalStateException if the preparation has no normalisation
     */
    public float[] toFloats(Region region, RandomGenerator random) {
        Normalization last = requireNormalization();
        RgbImage image = apply(region, random).image();
        float[] floats = new float[3 * image.width() * image.height()];
        last.write(image, floats, 0);
        return floats;
    }

    /**
     * Runs everything and writes the image into a batch.
     *
     * @param batch receives {@code [3, height, width]}, channels red, green, blue
     * @param offset index of the image's first float in it
     * @throws IllegalStateException if the preparation has no normalisation
     */
    public void toFloats(Region region, RandomGenerator random, float[] batch, int offset) {
        requireNormalization().write(apply(region, random).image(), batch, offset);
    }

    private Normalization requireNormalization() {
        return normalization.orElseThrow(() -> new IllegalStateException(
                "\"" + this + "\" ends with an image; end it with normalize(clip) to get floats"));
    }

    /** The pipeline in one spelling with all defaults written out: a cache key, and what {@link #parse} reads. */
    public String fingerprint() {
        return Stream.concat(
                        steps.stream().map(Grammar::format),
                        normalization.stream().map(Normalization::toString))
                .collect(Collectors.joining(" | "));
    }

    @Override
    public String toString() {
        return fingerprint();
    }
}
