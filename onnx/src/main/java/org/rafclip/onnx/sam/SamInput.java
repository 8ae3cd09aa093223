package org.rafclip.onnx.sam;

import java.util.Arrays;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.data.image.RgbImage;
import org.rafclip.data.prepare.Channels;
import org.rafclip.data.prepare.Fill;
import org.rafclip.data.prepare.Normalization;
import org.rafclip.ops.kernel.Memory;

/**
 * The one input of an image encoder, and how a photo becomes it.
 *
 * @param name the input's
 * @param numbers what it holds
 * @param bytes whether these are of 8 bits, not floating-point numbers
 * @param channelsFirst whether a channel's pixels follow each other, not a pixel's channels
 * @param batched whether it has a dimension for several photos
 * @param frame pixels a side where a photo has to fill it, 0 where the graph itself pads what is smaller
 */
record SamInput(String name, Numbers numbers, boolean bytes, boolean channelsFirst, boolean batched, int frame) {

    /** What a color's number is. */
    enum Numbers {
        /** Of the mean 0 and the deviation 1 over the photos of ImageNet. */
        NORMALISED,
        /** 0 to 1: the graph normalises. */
        SHARE,
        /** 0 to 255: the graph normalises. */
        GRAY
    }

    private static final Normalization NORMALIZATION = new Normalization(
            new Channels(123.675f / 255, 116.28f / 255, 103.53f / 255),
            new Channels(58.395f / 255, 57.12f / 255, 57.375f / 255));

    private static final Normalization SHARES = new Normalization(new Channels(0, 0, 0), new Channels(1, 1, 1));

    private static final Normalization GRAYS =
            new Normalization(new Channels(0, 0, 0), new Channels(1 / 255f, 1 / 255f, 1 / 255f));

    /**
     * The tensor of a photo that is no larger than the frame. What is left over is zero where numbers are normalised here, and
     * the nearest color to that where the graph does it.
     */
    INDArray of(RgbImage photo) {
        int height = frame == 0 ? photo.height() : frame;
        int width = frame == 0 ? photo.width() : frame;
        Normalization scale = switch (numbers) {
            case NORMALISED -> NORMALIZATION;
            case SHARE -> SHARES;
            case GRAY -> GRAYS;
        };
        float[] dense = new float[3 * photo.width() * photo.height()];
        scale.write(photo, dense, 0);
        Fill empty = NORMALIZATION.meanColor();
        float unit = numbers == Numbers.SHARE ? 1 / 255f : 1;
        float[] background = numbers == Numbers.NORMALISED
                ? new float[3]
                : new float[] {empty.red() * unit, empty.green() * unit, empty.blue() * unit};
        float[] pixels = new float[3 * width * height];
        int row = channelsFirst ? 1 : 3;
        for (int channel = 0; channel < 3; channel++) {
            int start = channelsFirst ? channel * width * height : channel;
            if (background[channel] != 0) {
                for (int i = 0; i < width * height; i++) {
                    pixels[start + i * row] = background[channel];
                }
            }
            for (int y = 0; y < photo.height(); y++) {
                int from = (channel * photo.height() + y) * photo.width();
                for (int x = 0; x < photo.width(); x++) {
                    pixels[start + (y * width + x) * row] = dense[from + x];
                }
            }
        }
        long[] shape = channelsFirst ? new long[] {1, 3, height, width} : new long[] {1, height, width, 3};
        return tensor(pixels, batched ? shape : Arrays.copyOfRange(shape, 1, 4));
    }

    private INDArray tensor(float[] pixels, long[] shape) {
        if (!bytes) {
            return Nd4j.createFromArray(pixels).reshape(shape);
        }
        INDArray tensor = Nd4j.createUninitialized(DataType.UINT8, shape, 'c');
        Memory memory = Memory.of(tensor);
        for (int i = 0; i < pixels.length; i++) {
            memory.setLong(i, Math.round(pixels[i]));
        }
        return tensor;
    }
}
