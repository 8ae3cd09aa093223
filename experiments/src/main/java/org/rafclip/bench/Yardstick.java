package org.rafclip.bench;

import java.util.Locale;
import java.util.OptionalDouble;
import java.util.function.DoubleSupplier;
import org.rafclip.eval.Table;
import org.rafclip.ops.Precision;
import org.rafclip.ops.Processor;

/**
 * What speeds are held against: the matrix library's best product, which is measured beside the work, and the limit of the
 * processor, which no library moves.
 *
 * @param gemm measures this machine's best matrix product in GFLOP/s
 * @param limit GFLOP/s that the processor reaches at most in the precision, or null where it is not known
 * @param processor its name, and how the limit came about
 * @param precision of the products that are measured, and of those that are held against them
 */
public record Yardstick(DoubleSupplier gemm, Double limit, String processor, Precision precision) {

    /** @param threads that are computed with */
    public static Yardstick of(DoubleSupplier gemm, Processor processor, int threads, Precision precision) {
        OptionalDouble limit = precision == Precision.BF16 ? processor.bf16(threads) : processor.fp32(threads);
        String words = limit.isPresent()
                ? String.format(
                        Locale.ROOT,
                        "%s; limit of %d thread%s %.0f GFLOP/s in %s, %s",
                        processor.name(),
                        threads,
                        threads == 1 ? "" : "s",
                        limit.getAsDouble(),
                        precision,
                        processor.explanation())
                : processor.name() + "; limit " + processor.explanation();
        return new Yardstick(gemm, limit.isPresent() ? limit.getAsDouble() : null, words, precision);
    }

    /** The share of the limit, or null where that is not known. */
    Double share(double gigaflopPerSecond) {
        return limit == null ? null : gigaflopPerSecond / limit;
    }

    /** A share as a table's cell. */
    static String cell(Double share) {
        return share == null ? Table.NONE : String.format(Locale.ROOT, "%.2f", share);
    }
}
