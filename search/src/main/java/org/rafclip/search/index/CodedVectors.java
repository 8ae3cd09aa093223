package org.rafclip.search.index;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import org.rafclip.ops.Parallel;
import org.rafclip.ops.kernel.Dots;

/**
 * Vectors rounded to 8 bits an element, with the length of what rounding took from each. By Cauchy and Schwarz the dot
 * product with a query is off by no more than that length times the query's, so that a first pass over these, a quarter
 * of the vectors' memory, tells for certain which vectors need not be looked at.
 *
 * <p>Element j of vector i is {@code middle[j] + step[j] · code[i, j]} up to rounding. Steps are an element's own, because
 * a few elements of CLIP's embeddings are many times larger than the others.
 */
final class CodedVectors {

    private static final int CHUNK = 1 << 24;
    private static final int LARGEST = 127;
    private static final int GRAIN = 1024;
    private static final double ULP = Math.scalb(1.0, -24);

    private final Dots dots = Dots.fastest();
    private final int rows;
    private final int width;
    private final int perChunk;
    private final byte[][] chunks;
    private final float[] middle;
    private final float[] step;
    private final float[] errors;
    private final double reach;
    private float largestError;

    private CodedVectors(int rows, int width, float[] middle, float[] step) {
        this.rows = rows;
        this.width = width;
        this.perChunk = Math.max(1, CHUNK / width);
        this.chunks = new byte[(rows + perChunk - 1) / perChunk][];
        for (int i = 0; i < chunks.length; i++) {
            chunks[i] = new byte[Math.min(perChunk, rows - i * perChunk) * width];
        }
        this.middle = middle;
        this.step = step;
        this.errors = new float[rows];
        double squares = 0;
        for (float m : middle) {
            squares += (double) m * m;
        }
        this.reach = 4 + 2 * Math.sqrt(squares);
    }

    /** Where the vectors come from; one thread reads from it. */
    @FunctionalInterface
    interface Source {
        /** A vector; the array may be written over by the next call. */
        float[] row(int index) throws IOException;
    }

    /** Opens a source a thread. */
    @FunctionalInterface
    interface Sources {
        Source open() throws IOException;
    }

    /**
     * Rounds vectors of length 1, in two passes over them.
     *
     * @throws IOException if a source throws it
     */
    static CodedVectors of(int rows, int width, Sources sources) throws IOException {
        Parallel parallel = Parallel.standard();
        float[] least = new float[width];
        float[] most = new float[width];
        Arrays.fill(least, Float.POSITIVE_INFINITY);
        Arrays.fill(most, Float.NEGATIVE_INFINITY);
        try {
            parallel.run(rows, GRAIN, (from, to, part) -> range(sources, (int) from, (int) to, least, most));
            float[] middle = new float[width];
            float[] step = new float[width];
            for (int j = 0; j < width; j++) {
                if (rows > 0) {
                    middle[j] = (least[j] + most[j]) / 2;
                    step[j] = (most[j] - least[j]) / (2 * LARGEST);
                }
            }
            CodedVectors coded = new CodedVectors(rows, width, middle, step);
            parallel.run(rows, GRAIN, (from, to, part) -> coded.encode(sources, (int) from, (int) to));
            for (float error : coded.errors) {
                coded.largestError = Math.max(coded.largestError, error);
            }
            return coded;
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    private static void range(Sources sources, int from, int to, float[] least, float[] most) {
        float[] low = new float[least.length];
        float[] high = new float[least.length];
        Arrays.fill(low, Float.POSITIVE_INFINITY);
        Arrays.fill(high, Float.NEGATIVE_INFINITY);
        try {
            Source source = sources.open();
            for (int i = from; i < to; i++) {
                float[] row = source.row(i);
                for (int j = 0; j < low.length; j++) {
                    low[j] = Math.min(low[j], row[j]);
                    high[j] = Math.max(high[j], row[j]);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        synchronized (least) {
            for (int j = 0; j < low.length; j++) {
                least[j] = Math.min(least[j], low[j]);
                most[j] = Math.max(most[j], high[j]);
            }
        }
    }

    private void encode(Sources sources, int from, int to) {
        float[] inverse = new float[width];
        for (int j = 0; j < width; j++) {
            inverse[j] = step[j] > 0 ? 1 / step[j] : 0;
        }
        try {
            Source source = sources.open();
            for (int i = from; i < to; i++) {
                float[] row = source.row(i);
                byte[] codes = chunks[i / perChunk];
                int o = i % perChunk * width;
                double squares = 0;
                for (int j = 0; j < width; j++) {
                    int code = Math.round((row[j] - middle[j]) * inverse[j]);
                    code = Math.max(-LARGEST, Math.min(LARGEST, code));
                    codes[o + j] = (byte) code;
                    double off = row[j] - (middle[j] + (double) step[j] * code);
                    squares += off * off;
                }
                errors[i] = Math.nextUp((float) Math.sqrt(squares));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    int rows() {
        return rows;
    }

    /**
     * A query as the codes take it.
     *
     * @param scaled its elements times the steps
     * @param offset its product with the middle
     * @param length of the query
     */
    record Scaled(float[] scaled, float offset, double length) {}

    Scaled scale(float[] query) {
        float[] scaled = new float[width];
        double offset = 0;
        double squares = 0;
        for (int j = 0; j < width; j++) {
            scaled[j] = query[j] * step[j];
            offset += (double) query[j] * middle[j];
            squares += (double) query[j] * query[j];
        }
        return new Scaled(scaled, (float) offset, Math.sqrt(squares));
    }

    /** A row of these as a query. */
    Scaled scale(int row) {
        byte[] codes = chunks[row / perChunk];
        int o = row % perChunk * width;
        float[] query = new float[width];
        for (int j = 0; j < width; j++) {
            query[j] = middle[j] + step[j] * codes[o + j];
        }
        return scale(query);
    }

    /** Nearly the dot product of a query and a row. */
    float score(Scaled query, int row, float[] one) {
        dots.bytes(chunks[row / perChunk], row % perChunk, 1, width, query.scaled, one, 0);
        return one[0] + query.offset;
    }

    /**
     * Nearly the dot products of queries and the rows {@code from ≤ r < to}: that of query q and row r at
     * {@code out[q · stride + at + r]}.
     */
    void scores(Scaled[] queries, int from, int to, float[] out, int stride, int at) {
        float[][] scaled = Arrays.stream(queries).map(query -> query.scaled).toArray(float[][]::new);
        for (int r = from; r < to; ) {
            int chunk = r / perChunk;
            int count = Math.min(to, (chunk + 1) * perChunk) - r;
            if (scaled.length == 1) {
                dots.bytes(chunks[chunk], r % perChunk, count, width, scaled[0], out, at + r);
            } else {
                dots.bytes(chunks[chunk], r % perChunk, count, width, scaled, out, stride, at + r);
            }
            r += count;
        }
        for (int q = 0; q < queries.length; q++) {
            float offset = queries[q].offset;
            int first = q * stride + at;
            for (int r = from; r < to; r++) {
                out[first + r] += offset;
            }
        }
    }

    /** How far the exact dot product, as 32-bit floats come to it, may be from {@link #scores} of a row. */
    float off(Scaled query, int row) {
        return (float) (query.length * errors[row]) + rounding(query);
    }

    /** The most that {@link #off} is for any row. */
    float mostOff(Scaled query) {
        return (float) (query.length * largestError) + rounding(query);
    }

    /** What sums of 32-bit floats, here and exactly, are off by at most; vectors have length 1. */
    private float rounding(Scaled query) {
        return (float) ((width + 4) * ULP * query.length * reach);
    }
}
