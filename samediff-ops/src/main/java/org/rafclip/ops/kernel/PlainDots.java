package org.rafclip.ops.kernel;

/** One element after the other, in as many sums as a processor adds at a time. */
final class PlainDots implements Dots {

    private static final int SUMS = 4;

    @Override
    public float dot(float[] x, float[] y, int width) {
        float a = 0;
        float b = 0;
        float c = 0;
        float d = 0;
        int j = 0;
        for (; j + SUMS <= width; j += SUMS) {
            a += x[j] * y[j];
            b += x[j + 1] * y[j + 1];
            c += x[j + 2] * y[j + 2];
            d += x[j + 3] * y[j + 3];
        }
        for (; j < width; j++) {
            a += x[j] * y[j];
        }
        return (a + b) + (c + d);
    }

    @Override
    public void bytes(byte[] codes, int from, int rows, int width, float[] query, float[] out, int to) {
        for (int r = 0; r < rows; r++) {
            int o = (from + r) * width;
            float a = 0;
            float b = 0;
            float c = 0;
            float d = 0;
            int j = 0;
            for (; j + SUMS <= width; j += SUMS) {
                a += query[j] * codes[o + j];
                b += query[j + 1] * codes[o + j + 1];
                c += query[j + 2] * codes[o + j + 2];
                d += query[j + 3] * codes[o + j + 3];
            }
            for (; j < width; j++) {
                a += query[j] * codes[o + j];
            }
            out[to + r] = (a + b) + (c + d);
        }
    }

    @Override
    public void bytes(byte[] codes, int from, int rows, int width, float[][] queries, float[] out, int stride, int to) {
        for (int q = 0; q < queries.length; q++) {
            bytes(codes, from, rows, width, queries[q], out, q * stride + to);
        }
    }
}
