package org.rafclip.data.region;

import java.util.List;
import org.rafclip.data.text.FashionColor;

/**
 * Garments for one training step. Arrays are the receiver's own.
 *
 * @param epoch from 0
 * @param index of the batch in its epoch, from 0
 * @param samples positions of the garments in the list that is batched
 * @param ids the items' ids
 * @param width pixels of the images
 * @param height pixels of the images
 * @param crops {@code [n, 3, height, width]} floats, C order, channels red, green, blue
 * @param regions the same garments' masked regions, same shape
 * @param colors dominant colors
 * @param categories category words
 * @param attributes {@code [n][groups]} class indices, {@link org.rafclip.data.deepfashion.FashionItem#MISSING} for none
 */
public record RegionBatch(
        int epoch,
        int index,
        int[] samples,
        List<String> ids,
        int width,
        int height,
        float[] crops,
        float[] regions,
        List<FashionColor> colors,
        List<String> categories,
        int[][] attributes) {

    public int size() {
        return samples.length;
    }

    /** {@code [n, 3, height, width]}: the shape of {@link #crops()} and of {@link #regions()}. */
    public long[] shape() {
        return new long[] {size(), 3, height, width};
    }
}
