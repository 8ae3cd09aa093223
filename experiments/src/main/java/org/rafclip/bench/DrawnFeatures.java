package org.rafclip.bench;

import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.agcn.features.FeatureSource;
import org.rafclip.agcn.features.Features;
import org.rafclip.ops.kernel.Memory;

/**
 * Random numbers in the place of an encoder's features.
 *
 * @param names of the rows
 * @param lengths tokens of each row
 * @param width d
 */
record DrawnFeatures(List<String> names, int[] lengths, int width, long seed) implements FeatureSource {

    @Override
    public int rows() {
        return lengths.length;
    }

    @Override
    public int mostTokens() {
        return IntStream.of(lengths).max().orElse(1);
    }

    @Override
    public String name(int row) {
        return names.get(row);
    }

    @Override
    public Features encode(int from, int to) {
        int[] own = new int[to - from];
        int longest = 1;
        for (int i = 0; i < own.length; i++) {
            own[i] = lengths[from + i];
            longest = Math.max(longest, own[i]);
        }
        INDArray tokens = Nd4j.createUninitializedDetached(DataType.FLOAT, 'c', own.length, longest, width);
        INDArray pooled = Nd4j.createUninitializedDetached(DataType.FLOAT, 'c', own.length, width);
        SplittableRandom random = new SplittableRandom(seed + from);
        draw(Memory.of(tokens), random);
        draw(Memory.of(pooled), random);
        return new Features(tokens, own, pooled);
    }

    private static void draw(Memory memory, SplittableRandom random) {
        for (long i = 0; i < memory.length(); i++) {
            memory.set(i, random.nextDouble() * 2 - 1);
        }
    }
}
