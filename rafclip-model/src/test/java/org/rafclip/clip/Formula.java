package org.rafclip.clip;

import java.util.Arrays;
import java.util.Map;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.JavaOps;

/** Numbers that {@code clip_reference.py} computes too: functions of a name and an index. */
public final class Formula {

    static {
        JavaOps.install();
    }

    private Formula() {}

    /** Number {@code index} in [-1, 1) of a name: FNV-1a of the name, a finalizer of the index, 24 bits of the result. */
    public static double value(String name, long index) {
        long z = (index + 1) * 0x9E3779B97F4A7C15L + fnv(name);
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        z = z ^ (z >>> 31);
        return (z >>> 40) / 0x1p23 - 1;
    }

    private static long fnv(String name) {
        long hash = 0xCBF29CE484222325L;
        for (int i = 0; i < name.length(); i++) {
            hash = (hash ^ name.charAt(i)) * 0x100000001B3L;
        }
        return hash;
    }

    /** An array of single precision numbers, in whatever type. */
    public static INDArray array(DataType type, String name, double offset, double factor, long... shape) {
        int length = Math.toIntExact(Arrays.stream(shape).reduce(1, (a, b) -> a * b));
        float[] values = new float[length];
        for (int i = 0; i < length; i++) {
            values[i] = (float) (offset + factor * value(name, i));
        }
        return Nd4j.create(values, shape, 'c').castTo(type);
    }

    /** Gives an encoder the reference's weights. */
    public static void fill(DualEncoder encoder) {
        encoder.parameters().forEach(Formula::fill);
    }

    private static void fill(String name, INDArray target) {
        if (name.equals(DualEncoder.LOGIT_SCALE)) {
            target.assign(1.5);
            return;
        }
        long[] shape = target.shape();
        double factor = 1.5 / Math.sqrt((double) target.length() / shape[0]);
        double offset = 0;
        if (shape.length == 1) {
            factor = 0.2;
            offset = name.endsWith(".weight") ? 1 : 0;
        } else if (name.endsWith("embedding") || name.equals("token_embedding.weight")) {
            factor = 0.5;
        }
        target.assign(array(target.dataType(), name, offset, factor, shape));
    }

    /** {@code [n, 3, size, size]} pixels. */
    public static INDArray images(ClipConfig config, DataType type, int n) {
        int size = config.vision().imageSize();
        return array(type, "images", 0, 2, n, 3, size, size);
    }

    /** Token rows of different lengths with what a tokenizer would never write behind each end. */
    public static Map<String, INDArray> texts(ClipConfig config, int... lengths) {
        int longest = Arrays.stream(lengths).max().orElseThrow();
        int[][] ids = new int[lengths.length][longest];
        for (int t = 0; t < ids.length; t++) {
            for (int i = 0; i < longest; i++) {
                double unit = (value("tokens", (long) t * longest + i) + 1) / 2;
                ids[t][i] = (int) (unit * config.text().vocabularySize());
            }
        }
        int[] ends = Arrays.stream(lengths).map(length -> length - 1).toArray();
        return Map.of(
                DualEncoder.TOKENS, Nd4j.createFromArray(ids), DualEncoder.TOKEN_ENDS, Nd4j.createFromArray(ends));
    }
}
