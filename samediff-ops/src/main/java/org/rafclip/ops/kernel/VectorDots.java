package org.rafclip.ops.kernel;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** Dot products on the Vector API; what does not fill a vector at the end of a row goes one by one. */
final class VectorDots implements Dots {

    private static final VectorSpecies<Float> S = FloatVector.SPECIES_PREFERRED;
    private static final int LANES = S.length();

    /** As many bytes as floats fit into a vector; the shortest vector of bytes there is fills two of the shortest. */
    private static final VectorSpecies<Byte> BYTES = LANES > 8 ? ByteVector.SPECIES_128 : ByteVector.SPECIES_64;

    private static final boolean TWO_PARTS = LANES < BYTES.length();
    private static final int STEP = BYTES.length();

    /** Rows that stay in the second-level cache while queries pass over them. */
    private static final int BLOCK = 64;

    private static FloatVector floats(ByteVector v, int part) {
        return (FloatVector) v.convertShape(VectorOperators.B2F, S, part);
    }

    @Override
    public float dot(float[] x, float[] y, int width) {
        FloatVector a = FloatVector.zero(S);
        FloatVector b = a;
        FloatVector c = a;
        FloatVector d = a;
        int j = 0;
        for (; j + 4 * LANES <= width; j += 4 * LANES) {
            a = FloatVector.fromArray(S, x, j).fma(FloatVector.fromArray(S, y, j), a);
            b = FloatVector.fromArray(S, x, j + LANES).fma(FloatVector.fromArray(S, y, j + LANES), b);
            c = FloatVector.fromArray(S, x, j + 2 * LANES).fma(FloatVector.fromArray(S, y, j + 2 * LANES), c);
            d = FloatVector.fromArray(S, x, j + 3 * LANES).fma(FloatVector.fromArray(S, y, j + 3 * LANES), d);
        }
        for (; j + LANES <= width; j += LANES) {
            a = FloatVector.fromArray(S, x, j).fma(FloatVector.fromArray(S, y, j), a);
        }
        float sum = a.add(b).add(c.add(d)).reduceLanes(VectorOperators.ADD);
        for (; j < width; j++) {
            sum += x[j] * y[j];
        }
        return sum;
    }

    @Override
    public void bytes(byte[] codes, int from, int rows, int width, float[] query, float[] out, int to) {
        for (int r = 0; r < rows; r++) {
            int o = (from + r) * width;
            FloatVector a = FloatVector.zero(S);
            FloatVector b = a;
            int j = 0;
            for (; j + 2 * STEP <= width; j += 2 * STEP) {
                ByteVector u = ByteVector.fromArray(BYTES, codes, o + j);
                ByteVector v = ByteVector.fromArray(BYTES, codes, o + j + STEP);
                a = floats(u, 0).fma(FloatVector.fromArray(S, query, j), a);
                b = floats(v, 0).fma(FloatVector.fromArray(S, query, j + STEP), b);
                if (TWO_PARTS) {
                    a = floats(u, 1).fma(FloatVector.fromArray(S, query, j + LANES), a);
                    b = floats(v, 1).fma(FloatVector.fromArray(S, query, j + STEP + LANES), b);
                }
            }
            float sum = a.add(b).reduceLanes(VectorOperators.ADD);
            for (; j < width; j++) {
                sum += query[j] * codes[o + j];
            }
            out[to + r] = sum;
        }
    }

    @Override
    public void bytes(byte[] codes, int from, int rows, int width, float[][] queries, float[] out, int stride, int to) {
        for (int block = 0; block < rows; block += BLOCK) {
            int count = Math.min(BLOCK, rows - block);
            int q = 0;
            for (; q + 4 <= queries.length; q += 4) {
                four(codes, from + block, count, width, queries, q, out, stride, to + block);
            }
            for (; q < queries.length; q++) {
                bytes(codes, from + block, count, width, queries[q], out, q * stride + to + block);
            }
        }
    }

    /** Two rows with four queries at a time: each vector that is loaded serves several products. */
    private void four(
            byte[] codes,
            int from,
            int rows,
            int width,
            float[][] queries,
            int first,
            float[] out,
            int stride,
            int to) {
        float[] q0 = queries[first];
        float[] q1 = queries[first + 1];
        float[] q2 = queries[first + 2];
        float[] q3 = queries[first + 3];
        int at = first * stride + to;
        int r = 0;
        for (; r + 2 <= rows; r += 2) {
            int o = (from + r) * width;
            FloatVector a0 = FloatVector.zero(S);
            FloatVector a1 = a0;
            FloatVector a2 = a0;
            FloatVector a3 = a0;
            FloatVector b0 = a0;
            FloatVector b1 = a0;
            FloatVector b2 = a0;
            FloatVector b3 = a0;
            int j = 0;
            for (; j + STEP <= width; j += STEP) {
                ByteVector u = ByteVector.fromArray(BYTES, codes, o + j);
                ByteVector v = ByteVector.fromArray(BYTES, codes, o + width + j);
                FloatVector x = floats(u, 0);
                FloatVector y = floats(v, 0);
                FloatVector p0 = FloatVector.fromArray(S, q0, j);
                FloatVector p1 = FloatVector.fromArray(S, q1, j);
                FloatVector p2 = FloatVector.fromArray(S, q2, j);
                FloatVector p3 = FloatVector.fromArray(S, q3, j);
                a0 = x.fma(p0, a0);
                a1 = x.fma(p1, a1);
                a2 = x.fma(p2, a2);
                a3 = x.fma(p3, a3);
                b0 = y.fma(p0, b0);
                b1 = y.fma(p1, b1);
                b2 = y.fma(p2, b2);
                b3 = y.fma(p3, b3);
                if (TWO_PARTS) {
                    x = floats(u, 1);
                    y = floats(v, 1);
                    p0 = FloatVector.fromArray(S, q0, j + LANES);
                    p1 = FloatVector.fromArray(S, q1, j + LANES);
                    p2 = FloatVector.fromArray(S, q2, j + LANES);
                    p3 = FloatVector.fromArray(S, q3, j + LANES);
                    a0 = x.fma(p0, a0);
                    a1 = x.fma(p1, a1);
                    a2 = x.fma(p2, a2);
                    a3 = x.fma(p3, a3);
                    b0 = y.fma(p0, b0);
                    b1 = y.fma(p1, b1);
                    b2 = y.fma(p2, b2);
                    b3 = y.fma(p3, b3);
                }
            }
            out[at + r] = a0.reduceLanes(VectorOperators.ADD) + rest(codes, o, q0, j, width);
            out[at + stride + r] = a1.reduceLanes(VectorOperators.ADD) + rest(codes, o, q1, j, width);
            out[at + 2 * stride + r] = a2.reduceLanes(VectorOperators.ADD) + rest(codes, o, q2, j, width);
            out[at + 3 * stride + r] = a3.reduceLanes(VectorOperators.ADD) + rest(codes, o, q3, j, width);
            int next = o + width;
            out[at + r + 1] = b0.reduceLanes(VectorOperators.ADD) + rest(codes, next, q0, j, width);
            out[at + stride + r + 1] = b1.reduceLanes(VectorOperators.ADD) + rest(codes, next, q1, j, width);
            out[at + 2 * stride + r + 1] = b2.reduceLanes(VectorOperators.ADD) + rest(codes, next, q2, j, width);
            out[at + 3 * stride + r + 1] = b3.reduceLanes(VectorOperators.ADD) + rest(codes, next, q3, j, width);
        }
        if (r < rows) {
            for (int q = first; q < first + 4; q++) {
                bytes(codes, from + r, 1, width, queries[q], out, q * stride + to + r);
            }
        }
    }

    private static float rest(byte[] codes, int offset, float[] query, int from, int width) {
        float sum = 0;
        for (int j = from; j < width; j++) {
            sum += query[j] * codes[offset + j];
        }
        return sum;
    }
}
