package org.rafclip.ops.op;

import org.rafclip.ops.Parallel;
import org.rafclip.ops.kernel.Kernels;
import org.rafclip.ops.kernel.Memory;

/** Sums over rows that chunks of them collect side by side. */
final class Sums {

    private static final long GRAIN = 1 << 15;

    private Sums() {}

    static void writeTotal(double[][] chunks, Memory target) {
        writeTotal(chunks, target, 0);
    }

    private static void writeTotal(double[][] chunks, Memory target, long at) {
        for (int j = 0; j < chunks[0].length; j++) {
            double total = 0;
            for (double[] chunk : chunks) {
                total += chunk[j];
            }
            target.set(at + j, total);
        }
    }

    /** Writes the sum over the rows of {@code x [.., width]} to the elements of {@code target} from {@code at} on. */
    static void overRows(Memory x, int width, Memory target, long at) {
        long rows = x.length() / width;
        long grain = GRAIN / width;
        double[][] sums = new double[Parallel.chunks(rows, grain)][width];
        Kernels kernels = Kernels.of(x.type());
        Parallel.standard()
                .runChunks(rows, grain, (from, to, chunk) -> kernels.addColumnSums(x, sums[chunk], width, from, to));
        writeTotal(sums, target, at);
    }
}
