package org.rafclip.eval;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.Blas;
import org.rafclip.ops.kernel.Memory;

/**
 * A checked matrix of unit-length embeddings, one a row.
 *
 * @param values row after row
 * @param rows number of embeddings
 * @param width of one embedding
 */
record Embeddings(float[] values, int rows, int width) {

    private static final double NORM_TOLERANCE = 1e-3;

    /** Scores computed at once; bounds the memory of a block to 32 MB. */
    private static final int BLOCK = 8 << 20;

    /**
     * @param array {@code [n, d]}, or {@code [c, k, d]} taken as {@code c * k} rows
     * @param what for the error message, e.g. {@code image embeddings}
     * @throws IllegalArgumentException if the rank is another, there are no rows, or a row is not of length 1
     */
    static Embeddings of(INDArray array, String what) {
        if ((array.rank() != 2 && array.rank() != 3) || array.length() == 0) {
            throw new IllegalArgumentException(
                    what + " have the shape " + Arrays.toString(array.shape()) + "; expected [n, d]");
        }
        int width = (int) array.size(array.rank() - 1);
        int rows = Math.toIntExact(array.length() / width);
        float[] values = array.castTo(DataType.FLOAT).dup('c').data().asFloat();
        for (int row = 0; row < rows; row++) {
            double squares = 0;
            for (int i = row * width; i < (row + 1) * width; i++) {
                squares += (double) values[i] * values[i];
            }
            if (!(Math.abs(Math.sqrt(squares) - 1) <= NORM_TOLERANCE)) {
                throw new IllegalArgumentException(what + ": row " + row + " has the length " + Math.sqrt(squares)
                        + "; embeddings must be L2-normalised");
            }
        }
        return new Embeddings(values, rows, width);
    }

    /**
     * The different rows, and which of them each row equals. Bit-equal rows then get bit-equal scores, which a matrix
     * product alone does not promise: its rounding depends on the position in a block.
     */
    Distinct distinct() {
        record Row(float[] values, int from, int to) {
            @Override
            public boolean equals(Object other) {
                return other instanceof Row row && Arrays.equals(values, from, to, row.values, row.from, row.to);
            }

            @Override
            public int hashCode() {
                int hash = 1;
                for (int i = from; i < to; i++) {
                    hash = 31 * hash + Float.floatToIntBits(values[i]);
                }
                return hash;
            }
        }
        Map<Row, Integer> first = new HashMap<>();
        int[] index = new int[rows];
        float[] kept = new float[values.length];
        for (int row = 0; row < rows; row++) {
            int fresh = first.size();
            Integer known = first.putIfAbsent(new Row(values, row * width, (row + 1) * width), fresh);
            index[row] = known == null ? fresh : known;
            if (known == null) {
                System.arraycopy(values, row * width, kept, fresh * width, width);
            }
        }
        int count = first.size();
        return new Distinct(new Embeddings(Arrays.copyOf(kept, count * width), count, width), index);
    }

    /**
     * @param embeddings the different rows in order of first appearance
     * @param index for every original row, its number among them
     */
    record Distinct(Embeddings embeddings, int[] index) {}

    /** Receives the scores of some queries against the whole gallery. */
    interface Block {
        /**
         * @param from the first query's number
         * @param count of queries
         * @param scores {@code count * gallery} cosines, one query after the other
         */
        void accept(int from, int count, float[] scores);
    }

    /** Cosines of every row of this with every row of the gallery, a block of queries at a time. */
    void against(Embeddings gallery, Block consumer) {
        if (gallery.width != width) {
            throw new IllegalArgumentException(
                    "queries have " + width + " dimensions, the gallery has " + gallery.width);
        }
        int block = Math.max(1, Math.min(Math.min(1024, rows), BLOCK / gallery.rows));
        try (INDArray right = gallery.matrix(0, gallery.rows)) {
            for (int from = 0; from < rows; from += block) {
                int count = Math.min(block, rows - from);
                try (INDArray left = matrix(from, count);
                        INDArray scores = Nd4j.createUninitializedDetached(DataType.FLOAT, 'c', count, gallery.rows)) {
                    Blas.gemm(
                            false,
                            true,
                            count,
                            gallery.rows,
                            width,
                            1,
                            Memory.of(left),
                            0,
                            width,
                            Memory.of(right),
                            0,
                            width,
                            0,
                            Memory.of(scores),
                            0,
                            gallery.rows);
                    consumer.accept(from, count, scores.data().asFloat());
                }
            }
        }
    }

    private INDArray matrix(int from, int count) {
        float[] part =
                from == 0 && count == rows ? values : Arrays.copyOfRange(values, from * width, (from + count) * width);
        return Nd4j.createFromArray(part).reshape('c', count, width);
    }
}
