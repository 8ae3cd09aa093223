package org.rafclip.data.segment;

import org.rafclip.data.image.RgbImage;

/**
 * The two networks of Segment Anything (Kirillov et al. 2023) or one of its relatives, whatever runs them: an image encoder,
 * called once a photo, and a mask decoder, called once a box. Need not be thread-safe.
 */
public interface SamNetwork extends AutoCloseable {

    /** How a photo gets into the encoder's square frame. */
    enum Fit {
        /** Its longest side fills the frame, it touches the top left, and the rest of the frame is empty. */
        PADDED,
        /** Both sides fill the frame, whatever their ratio. */
        STRETCHED
    }

    /** Pixels a side of the encoder's square frame; 1024 in the released models. */
    int frameSize();

    Fit fit();

    /**
     * Encodes a photo.
     *
     * @param photo resized for the frame: as {@link Fit#PADDED} says, without the padding, which the network adds, or to the
     *     frame's size
     * @return the embedding: one map of features or several, {@code [channels, grid, grid]} each
     */
    float[][] encode(RgbImage photo);

    /**
     * The masks of a box.
     *
     * @param embedding what {@link #encode} gave for the photo
     * @param corners the box in the encoder's frame: left, top, right, bottom
     */
    Masks decode(float[][] embedding, float[] corners);

    @Override
    void close();

    /**
     * What the decoder answers.
     *
     * @param count masks
     * @param side of a mask, which covers the frame
     * @param logits {@code [count, side, side]}; above 0 is inside
     * @param scores the decoder's own estimate of each mask's intersection over union
     * @param firstIsClear whether the first mask is the one for prompts that say enough, and the others are for those that
     *     do not
     */
    record Masks(int count, int side, float[] logits, float[] scores, boolean firstIsClear) {}
}
