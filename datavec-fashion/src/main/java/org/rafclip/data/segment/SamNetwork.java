package org.rafclip.data.segment;

/**
 * The two networks of Segment Anything (Kirillov et al. 2023), whatever runs them: an image encoder, called once a photo,
 * and a mask decoder, called once a box. Need not be thread-safe.
 */
public interface SamNetwork extends AutoCloseable {

    /** Pixels a side of the encoder's square frame; 1024 in the released models. */
    int frameSize();

    /**
     * Encodes a photo.
     *
     * @param pixels normalised and padded, {@code [3, frame, frame]}
     * @return the embedding, {@code [channels, grid, grid]}
     */
    float[] encode(float[] pixels);

    /**
     * The masks of a box.
     *
     * @param embedding what {@link #encode} gave for the photo
     * @param corners the box in the encoder's frame: left, top, right, bottom
     */
    Masks decode(float[] embedding, float[] corners);

    @Override
    void close();

    /**
     * What the decoder answers.
     *
     * @param count masks
     * @param side of a mask, a quarter of the frame's
     * @param logits {@code [count, side, side]}; above 0 is inside
     * @param scores the decoder's own estimate of each mask's intersection over union
     */
    record Masks(int count, int side, float[] logits, float[] scores) {}
}
