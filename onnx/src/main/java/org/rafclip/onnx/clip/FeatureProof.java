package org.rafclip.onnx.clip;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.rafclip.eval.Table;

/**
 * A rebuilt model's features beside those of the ONNX files it was rebuilt from, on inputs from a seed.
 *
 * @param rows one for every output of the files that the rebuilt model has as well
 * @param skipped outputs that it has not, for people
 */
public record FeatureProof(long seed, List<Row> rows, List<String> skipped) {

    /**
     * One output.
     *
     * @param output the file's name for it
     * @param meaning what it is
     * @param numbers compared
     * @param largest absolute value in the file's output
     * @param fromImport largest absolute difference from the graph imported into SameDiff
     * @param fromRuntime largest absolute difference from ONNX Runtime; null where it was not asked
     */
    public record Row(
            String output, String meaning, long numbers, double largest, double fromImport, Double fromRuntime) {

        double worst() {
            return fromRuntime == null ? fromImport : Math.max(fromImport, fromRuntime);
        }
    }

    /** The largest absolute difference of all outputs. */
    public double worst() {
        return rows.stream().mapToDouble(Row::worst).max().orElse(Double.POSITIVE_INFINITY);
    }

    public Table table() {
        return new Table(
                "the rebuilt model beside its ONNX files",
                List.of("output", "is", "numbers", "largest", "error to import", "to ONNX Runtime"),
                rows.stream()
                        .map(row -> List.of(
                                row.output,
                                row.meaning,
                                String.format(Locale.ROOT, "%,d", row.numbers),
                                String.format(Locale.ROOT, "%.3g", row.largest),
                                String.format(Locale.ROOT, "%.1e", row.fromImport),
                                row.fromRuntime == null ? "–" : String.format(Locale.ROOT, "%.1e", row.fromRuntime)))
                        .toList(),
                skipped);
    }

    /** One line on the differences, for messages. */
    public String summary() {
        return rows.stream()
                .map(row -> String.format(Locale.ROOT, "%s %.1e", row.output, row.worst()))
                .collect(Collectors.joining(", "));
    }
}
