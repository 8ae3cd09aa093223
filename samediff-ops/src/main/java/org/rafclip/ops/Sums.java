package org.rafclip.ops;

import org.rafclip.ops.kernel.Kernels;
import org.rafclip.ops.kernel.Memory;

/** Sums over rows that parallel parts collect side by side. */
final class Sums {

    private static final long GRAIN = 1 << 15;

    private Sums() {}

    static void writeTotal(double[][] parts, Memory target) {
        writeTotal(parts, target, 0);
    }

    private static void writeTotal(double[][] parts, Memory target, long at) {
        for (int j = 0; j < parts[0].length; j++) {
            double total = 0;
            for (double[] part : parts) {
                total += part[j];
            }
            target.set(at + j, total);
        }
    }

    /** Writes the sum over the rows of {@code x [.., width]} to the elements of {@code target} from {@code at} on. */
    static void overRows(Memory x, int width, Memory target, long at) {
        Parallel parallel = Parallel.standard();
        double[][] sums = new double[parallel.threads()][width];
        Kernels kernels = Kernels.of(x.type());
        parallel.run(
                x.length() / width,
                GRAIN / width,
                (from, to, part) -> kernels.addColumnSums(x, sums[part], width, from, to));
        writeTotal(sums, target, at);
    }
}
