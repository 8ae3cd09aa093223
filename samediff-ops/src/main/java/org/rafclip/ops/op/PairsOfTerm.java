package org.rafclip.ops.op;

import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.Blas;
import org.rafclip.ops.kernel.Memory;

/**
 * The images that take part in one term of a contrastive loss and the distinct texts they have, all numbered anew, with the
 * cosine of every pair.
 */
final class PairsOfTerm {

    private final int d;
    private final double[] images;
    private final double[] texts;
    private final int[] imageRows;
    private final int[] textRows;
    private final int[] textOf;
    private final double[] count;
    private final double[] cosines;

    /**
     * @param imageEmbeddings {@code [n, d]}, of length 1
     * @param textEmbeddings of the distinct texts {@code [m, d]}, of length 1
     * @param textOfImage {@code INT [terms, n]}: the text of each image, −1 where it takes no part
     */
    PairsOfTerm(INDArray imageEmbeddings, INDArray textEmbeddings, INDArray textOfImage, int term) {
        d = (int) imageEmbeddings.size(1);
        int n = (int) imageEmbeddings.size(0);
        int m = (int) textEmbeddings.size(0);
        Memory given = Memory.of(textOfImage);
        if (textOfImage.size(1) != n) {
            throw new IllegalArgumentException(
                    "texts are given for " + textOfImage.size(1) + " images, but there are " + n);
        }
        double[] all = new double[m];
        int present = 0;
        for (int i = 0; i < n; i++) {
            int text = given.getInt((long) term * n + i);
            if (text >= m) {
                throw new IllegalArgumentException("image " + i + " has text " + text + " of " + m);
            }
            if (text >= 0) {
                all[text]++;
                present++;
            }
        }
        int distinct = 0;
        int[] place = new int[m];
        for (int k = 0; k < m; k++) {
            place[k] = all[k] > 0 ? distinct++ : -1;
        }
        imageRows = new int[present];
        textOf = new int[present];
        textRows = new int[distinct];
        count = new double[distinct];
        for (int k = 0; k < m; k++) {
            if (place[k] >= 0) {
                textRows[place[k]] = k;
                count[place[k]] = all[k];
            }
        }
        for (int i = 0, next = 0; i < n; i++) {
            int text = given.getInt((long) term * n + i);
            if (text >= 0) {
                imageRows[next] = i;
                textOf[next++] = place[text];
            }
        }
        if ((long) present * distinct > Integer.MAX_VALUE) {
            throw new IllegalArgumentException("the loss compares " + present + " images with " + distinct
                    + " texts at once, which is too many; take a smaller train.batch-size");
        }
        images = rows(imageEmbeddings, imageRows);
        texts = rows(textEmbeddings, textRows);
        cosines = product(false, true, present, distinct, d, images, texts);
    }

    /** How many images take part. */
    int images() {
        return imageRows.length;
    }

    /** How many distinct texts they have. */
    int texts() {
        return textRows.length;
    }

    /** The text of an image. */
    int textOf(int image) {
        return textOf[image];
    }

    /** How many images have a text. */
    double count(int text) {
        return count[text];
    }

    double cosine(int image, int text) {
        return cosines[image * textRows.length + text];
    }

    /**
     * Writes the gradients of the embeddings, 0 for those that take no part.
     *
     * @param ofCosines the loss's gradient {@code [images][texts]}
     */
    void writeGradients(double[][] ofCosines, Memory dImages, Memory dTexts) {
        int distinct = textRows.length;
        double[] flat = new double[imageRows.length * distinct];
        for (int i = 0; i < imageRows.length; i++) {
            System.arraycopy(ofCosines[i], 0, flat, i * distinct, distinct);
        }
        writeRows(product(false, false, imageRows.length, d, distinct, flat, texts), imageRows, dImages);
        writeRows(product(true, false, distinct, d, imageRows.length, flat, images), textRows, dTexts);
    }

    private double[] rows(INDArray matrix, int[] rows) {
        Memory values = Memory.of(matrix);
        double[] result = new double[rows.length * d];
        for (int r = 0; r < rows.length; r++) {
            for (int j = 0; j < d; j++) {
                result[r * d + j] = values.get((long) rows[r] * d + j);
            }
        }
        return result;
    }

    private void writeRows(double[] values, int[] rows, Memory target) {
        target.zero();
        for (int r = 0; r < rows.length; r++) {
            for (int j = 0; j < d; j++) {
                target.set((long) rows[r] * d + j, values[r * d + j]);
            }
        }
    }

    /** {@code op(A) op(B)}, row by row: {@code [m, k]} times {@code [k, n]}. */
    private static double[] product(
            boolean transposeA, boolean transposeB, int m, int n, int k, double[] a, double[] b) {
        if (m == 0 || n == 0 || k == 0) {
            return new double[m * n];
        }
        try (INDArray x = nativeArray(a.length);
                INDArray y = nativeArray(b.length);
                INDArray z = nativeArray(m * n)) {
            Memory left = Memory.of(x);
            Memory right = Memory.of(y);
            Memory all = Memory.of(z);
            left.bytes().asDoubleBuffer().put(a);
            right.bytes().asDoubleBuffer().put(b);
            int ofA = transposeA ? m : k;
            int ofB = transposeB ? k : n;
            Blas.gemm(transposeA, transposeB, m, n, k, 1, left, 0, ofA, right, 0, ofB, 0, all, 0, n);
            double[] result = new double[m * n];
            all.bytes().asDoubleBuffer().get(result);
            return result;
        }
    }

    private static INDArray nativeArray(int length) {
        return Nd4j.createUninitializedDetached(DataType.DOUBLE, 'c', length);
    }
}
