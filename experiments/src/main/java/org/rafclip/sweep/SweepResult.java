package org.rafclip.sweep;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.rafclip.eval.Table;

/**
 * What a sweep has come to so far.
 *
 * @param metric that scores are of
 * @param goal whether high or low scores are good
 * @param planned trials in all
 * @param trials that ended: best score first, then those that failed
 */
public record SweepResult(String metric, SweepConfig.Goal goal, int planned, List<Row> trials) {

    /**
     * A trial that ended.
     *
     * @param number from 1
     * @param folder its run
     * @param values by key path
     * @param score the best of all validations, null where it failed
     * @param step of that validation
     * @param figures of that validation by name
     * @param steps done
     * @param stoppedEarly whether validation stopped improving before the last epoch
     * @param seconds of the process that ended it
     * @param resumed whether an earlier process did a part of it, whose time is not in {@code seconds}
     * @param error what went wrong, null where nothing did
     */
    public record Row(
            int number,
            String folder,
            Map<String, Object> values,
            Double score,
            Long step,
            Map<String, Double> figures,
            long steps,
            boolean stoppedEarly,
            double seconds,
            boolean resumed,
            String error) {}

    public SweepResult {
        Comparator<Double> order = goal == SweepConfig.Goal.MAX ? Comparator.reverseOrder() : Comparator.naturalOrder();
        List<Row> sorted = new ArrayList<>(trials);
        sorted.sort(
                Comparator.comparing(Row::score, Comparator.nullsLast(order)).thenComparing(Row::number));
        trials = List.copyOf(sorted);
    }

    /** The trials with a score, best first. */
    public List<Row> scored() {
        return trials.stream().filter(row -> row.score() != null).toList();
    }

    /** The keys that were searched. */
    public List<String> keys() {
        return trials.isEmpty() ? List.of() : List.copyOf(trials.get(0).values().keySet());
    }

    /** A table for the terminal, with the keys' shortest distinct names. */
    public Table toTable() {
        Map<String, String> names = shortNames(keys());
        List<String> columns = new ArrayList<>(List.of("trial", metric.substring(metric.lastIndexOf('/') + 1)));
        columns.addAll(names.values());
        columns.addAll(List.of("steps", "time", "error"));
        List<List<String>> rows = new ArrayList<>();
        boolean resumed = false;
        for (Row row : trials) {
            List<String> cells = new ArrayList<>();
            cells.add(Integer.toString(row.number()));
            cells.add(row.score() == null ? Table.NONE : String.format(Locale.ROOT, "%.4f", row.score()));
            row.values().values().forEach(value -> cells.add(text(value)));
            cells.add(row.score() == null ? Table.NONE : row.steps() + (row.stoppedEarly() ? " (early)" : ""));
            cells.add((row.resumed() ? "> " : "") + clock(row.seconds()));
            cells.add(row.error() == null ? "" : shortened(row.error()));
            rows.add(cells);
            resumed |= row.resumed();
        }
        List<String> notes = new ArrayList<>();
        notes.add("The score is the " + (goal == SweepConfig.Goal.MAX ? "highest " : "lowest ") + metric
                + " of a trial's validations, so the best of many trials flatters itself: measure it on other photos.");
        if (resumed) {
            notes.add("> : the time of the last part of a trial that was interrupted.");
        }
        return new Table(trials.size() + " of " + planned + " trials", columns, rows, notes);
    }

    /** The whole as comma-separated values (RFC 4180), with the keys' full names. */
    public String toCsv() {
        StringBuilder csv = new StringBuilder();
        List<Object> header = new ArrayList<>(List.of("trial", metric));
        header.addAll(keys());
        header.addAll(List.of("step", "steps", "stoppedEarly", "seconds", "resumed", "folder", "error"));
        line(csv, header);
        for (Row row : trials) {
            List<Object> cells = new ArrayList<>();
            cells.add(row.number());
            cells.add(row.score());
            cells.addAll(row.values().values());
            cells.add(row.step());
            cells.add(row.steps());
            cells.add(row.stoppedEarly());
            cells.add(row.seconds());
            cells.add(row.resumed());
            cells.add(row.folder());
            cells.add(row.error());
            line(csv, cells);
        }
        return csv.toString();
    }

    private static void line(StringBuilder csv, List<Object> cells) {
        csv.append(cells.stream().map(SweepResult::quoted).collect(Collectors.joining(",")))
                .append("\r\n");
    }

    private static String quoted(Object cell) {
        String text = cell == null ? "" : cell.toString();
        return text.matches("(?s).*[\",\r\n].*") ? '"' + text.replace("\"", "\"\"") + '"' : text;
    }

    /** A value as a reader would write it, in four digits where it is tiny or huge: 0.0003 rather than 3.0E-4. */
    static String text(Object value) {
        if (value instanceof Double number) {
            double size = Math.abs(number);
            return size != 0 && (size < 1e-4 || size >= 1e6)
                    ? String.format(Locale.ROOT, "%.4g", number)
                            .replaceFirst("\\.?0*e", "e")
                            .replaceFirst("e([-+])0", "e$1")
                    : new BigDecimal(number.toString()).stripTrailingZeros().toPlainString();
        }
        return String.valueOf(value);
    }

    /** Each key's last part, with as many before it as tell it from the others. */
    static Map<String, String> shortNames(List<String> keys) {
        Map<String, String> names = new LinkedHashMap<>();
        for (String key : keys) {
            String[] parts = key.split("\\.");
            String name = parts[parts.length - 1];
            for (int i = parts.length - 2; i >= 0 && !isOnly(name, keys); i--) {
                name = parts[i] + "." + name;
            }
            names.put(key, name);
        }
        return names;
    }

    private static boolean isOnly(String name, List<String> keys) {
        return keys.stream()
                        .filter(key -> key.equals(name) || key.endsWith("." + name))
                        .count()
                == 1;
    }

    static String clock(double seconds) {
        long whole = Math.round(seconds);
        return "%d:%02d:%02d".formatted(whole / 3600, whole / 60 % 60, whole % 60);
    }

    private static String shortened(String error) {
        String line = error.replaceAll("\\s+", " ");
        return line.length() <= 60 ? line : line.substring(0, 59) + "…";
    }
}
