package org.rafclip.report;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.rafclip.eval.Table;
import org.rafclip.report.Amount.Gap;
import org.rafclip.report.ResultTable.Group;
import org.rafclip.report.ResultTable.Kind;
import org.rafclip.report.ResultTable.Row;

/** What tables come to, in sentences and one chart, all of it computed from their figures. */
final class Findings {

    private static final Pattern SEEDS = Pattern.compile("over (\\d+) seeds");
    private static final Pattern TRAINED_ON =
            Pattern.compile("Trained on ([\\d,]+) images where the paper used ([\\d,]+)");
    private static final Pattern OVERALL = Pattern.compile("(?:Mean|Average)\\b.*");
    private static final String MAJORITY = "Majority class";

    private final List<Page.Finding> findings = new ArrayList<>();
    private final List<Page.Panel> panels = new ArrayList<>();
    /** A comparison that an earlier result made is not made again. */
    private final Set<String> said = new HashSet<>();

    private boolean severalSeeds;
    private boolean oneSeed;

    /**
     * Takes the tables of one result into account.
     *
     * @param id of the section that shows them
     * @param title of the result
     * @param tables the result's, in order; those that compare no trainings say nothing here
     * @param margins differences that were computed before rounding, may be empty
     */
    void add(String id, String title, List<ResultTable> tables, List<Table> margins) {
        List<ResultTable> ofTrainings = tables.stream()
                .filter(table -> table.rows().anyMatch(row -> trained(row.kind())))
                .toList();
        if (ofTrainings.isEmpty()) {
            return;
        }
        ResultTable main = ofTrainings.get(0);
        int key = key(main);
        Group group = main.groups().get(0);
        List<Row> methods = group.rows().stream()
                .filter(row -> row.kind() == Kind.METHOD && value(row, key).isPresent())
                .toList();
        List<String> sentences = methods.isEmpty() ? ranking(main, group, key) : new ArrayList<>();
        for (Row method : methods) {
            sentences.addAll(about(method, methods.size() > 1, tables, group, key, margins));
        }
        if (sentences.isEmpty()) {
            return;
        }
        if (methods.size() == 1) {
            ofTrainings.stream()
                    .skip(1)
                    .forEach(other ->
                            balanced(other, methods.get(0)).filter(said::add).ifPresent(sentences::add));
        }
        findings.add(new Page.Finding(id, title, sentences));
        panels.add(panel(title, tables, main, group, key));
    }

    /** Paragraphs, then the chart; empty where there is nothing to say. */
    List<Page.Block> blocks() {
        List<Page.Block> blocks = new ArrayList<>();
        if (findings.isEmpty()) {
            return blocks;
        }
        if (!severalSeeds) {
            blocks.add(Page.Note.caution("Every training was made with one seed, so there is no spread: how much of a"
                    + " difference another seed would undo is not known."));
        } else if (oneSeed) {
            blocks.add(
                    Page.Note.caution("Some rows rest on one seed; where there is no ± there is no spread, and how much"
                            + " of a difference another seed would undo is not known."));
        }
        blocks.addAll(findings);
        blocks.add(new Page.Standings(
                "How far each method comes, in percent",
                panels,
                "Bars begin at 0 and have one scale. "
                        + (severalSeeds
                                ? "Lines across bars reach from mean − deviation to mean + deviation over seeds; a"
                                        + " difference is called within the spread where two such ranges touch."
                                : "There are no lines of deviation, as there is one seed.")
                        + " The paper's rows are of other photos and weights, and stand here for orientation only."));
        return blocks;
    }

    private static boolean trained(Kind kind) {
        return kind == Kind.METHOD || kind == Kind.OURS;
    }

    /** The column that a table is summed up by: its mean, else R@10 of texts that find images, else the first. */
    static int key(ResultTable table) {
        List<String> columns = table.columns().subList(1, table.columns().size());
        for (Pattern wanted : List.of(
                Pattern.compile("Average R@10"), OVERALL, Pattern.compile("T2I R@10.*"), Pattern.compile("R@10"))) {
            for (int i = 0; i < columns.size(); i++) {
                if (wanted.matcher(columns.get(i)).matches()) {
                    return i;
                }
            }
        }
        return 0;
    }

    static Optional<Amount> value(Row row, int cell) {
        return cell < row.cells().size() ? row.cells().get(cell).amount() : Optional.empty();
    }

    /** What a table measures in its key column, in words. */
    static String measure(ResultTable table, Group group, int key) {
        String column = table.columns().get(key + 1);
        String words = column.replaceFirst("^Average R@", "mean R@")
                .replaceFirst("^T2I R@(\\d+)", "R@$1 from text to image")
                .replaceFirst(
                        "^Mean$",
                        table.title().toLowerCase(Locale.ROOT).contains("accuracy")
                                ? "mean accuracy"
                                : "mean over the groups")
                .replaceFirst("^Mean ", "mean ")
                .replaceFirst(", %$", "");
        return words
                + (table.groups().size() > 1 && !group.title().equals(TableReader.HERE)
                        ? ", " + group.title().toLowerCase(Locale.ROOT) + " level"
                        : "");
    }

    private List<String> about(
            Row method, boolean severalMethods, List<ResultTable> tables, Group group, int key, List<Table> margins) {
        ResultTable table = tables.stream()
                .filter(some -> some.groups().contains(group))
                .findFirst()
                .orElseThrow();
        List<String> sentences = new ArrayList<>();
        Amount own = value(method, key).orElseThrow();
        seen(own);
        sentences.add(String.format(
                Locale.ROOT,
                "%s reaches %s %% (%s%s).",
                method.name(),
                own,
                measure(table, group, key),
                seeds(table, method, own)));
        List<Row> others = group.rows().stream()
                .filter(row ->
                        row.kind().here() && row != method && value(row, key).isPresent())
                .filter(row -> !(severalMethods && row.kind() == Kind.METHOD))
                .toList();
        List<String> above = new ArrayList<>();
        List<String> below = new ArrayList<>();
        List<String> level = new ArrayList<>();
        List<String> same = new ArrayList<>();
        for (Row other : others) {
            Amount theirs = value(other, key).orElseThrow();
            String name = called(other) + " (" + theirs + ")";
            if (!said.add(method.name() + own + name + measure(table, group, key))) {
                continue;
            }
            Gap gap = gap(own, theirs, method, other, table.columns().get(key + 1), margins);
            if (gap.points() == 0 && gap.spread() == null) {
                same.add(name);
            } else if (gap.points() == 0 || gap.within()) {
                level.add(gap.points() == 0 ? name : name.replaceFirst("\\)$", ", " + gap.signed() + " points)"));
            } else if (gap.points() > 0) {
                above.add(gap.size() + " above " + name);
            } else {
                below.add(gap.size() + " below " + name);
            }
        }
        if (!above.isEmpty()) {
            sentences.add("It is, in points, " + listed(above) + ".");
        }
        if (!below.isEmpty()) {
            sentences.add("It loses: it stays" + (above.isEmpty() ? ", in points, " : " ") + listed(below) + ".");
        }
        if (!same.isEmpty()) {
            sentences.add("It is level with " + listed(same) + ".");
        }
        if (!level.isEmpty()) {
            sentences.add("It cannot be told apart from " + listed(level) + ": that is within the spread of seeds.");
        }
        byGroup(method, group, table).filter(said::add).ifPresent(sentences::add);
        otherDirection(method, group, table, key).ifPresent(sentences::add);
        paper(method, own, tables, table, key).filter(said::add).ifPresent(sentences::add);
        if (!severalMethods) {
            paperDifferences(method, others, tables, table, key).ifPresent(sentences::add);
        }
        return sentences;
    }

    /** The difference of two rows, from the table of margins where it gives one. */
    private static Gap gap(Amount own, Amount theirs, Row method, Row other, String column, List<Table> margins) {
        Gap rounded = own.over(theirs);
        String points = column.replaceFirst("^Average ", "") + ", points";
        String pair = method.name() + " over " + other.name().replaceFirst("^Chance$", "chance");
        return margins.stream()
                .filter(table -> table.columns().get(0).equals("Margin"))
                .filter(table -> table.columns().contains(points))
                .flatMap(table -> table.rows().stream()
                        .filter(row -> row.get(0).equals(pair))
                        .map(row -> row.get(table.columns().indexOf(points))))
                .map(Amount::of)
                .flatMap(Optional::stream)
                .findFirst()
                .map(exact -> new Gap(exact.mean(), rounded.spread()))
                .orElse(rounded);
    }

    /** Images that find texts, where the sentence before is about texts that find images. */
    private static Optional<String> otherDirection(Row method, Group group, ResultTable table, int key) {
        int other = table.cell(table.columns().get(key + 1).replaceFirst("^T2I", "I2T"));
        if (other < 0 || other == key) {
            return Optional.empty();
        }
        return value(method, other)
                .map(own -> "From image to text it reaches " + own + " %"
                        + group.rows().stream()
                                .filter(row -> row.kind().baseline())
                                .flatMap(row -> value(row, other).stream().map(value -> called(row) + " " + value))
                                .reduce((a, b) -> a + ", " + b)
                                .map(baselines -> " (" + baselines + ")")
                                .orElse("")
                        + ".");
    }

    /** How far the method is from the same other trainings in the paper. */
    private static Optional<String> paperDifferences(
            Row method, List<Row> others, List<ResultTable> tables, ResultTable table, int key) {
        Optional<Amount> own = ofPaper(method.name(), tables, table, key);
        List<String> differences = new ArrayList<>();
        for (Row other : others) {
            Optional<Amount> theirs = ofPaper(other.name(), tables, table, key);
            if (own.isPresent() && theirs.isPresent()) {
                Gap gap = own.get().over(theirs.get());
                differences.add(gap.size() + (gap.points() < 0 ? " below " : " above ") + other.name());
            }
        }
        return differences.isEmpty()
                ? Optional.empty()
                : Optional.of("In the paper it is " + listed(differences) + ".");
    }

    private static Optional<Amount> ofPaper(String name, List<ResultTable> tables, ResultTable table, int key) {
        String column = table.columns().get(key + 1);
        return tables.stream()
                .filter(some -> some.cell(column) >= 0)
                .flatMap(some -> some.rows()
                        .filter(row -> row.kind() == Kind.PAPER)
                        .filter(row -> name.equals(row.name()) || name.startsWith(row.name() + ", "))
                        .flatMap(row -> value(row, some.cell(column)).stream()))
                .findFirst();
    }

    private void seen(Amount amount) {
        if (amount.deviation() == null) {
            oneSeed = true;
        } else {
            severalSeeds = true;
        }
    }

    private static String seeds(ResultTable table, Row method, Amount amount) {
        if (amount.deviation() == null) {
            return "";
        }
        return table.notes().stream()
                .filter(note -> note.startsWith(method.name()))
                .map(SEEDS::matcher)
                .filter(Matcher::find)
                .map(seeds -> "; mean ± deviation over " + seeds.group(1) + " seeds")
                .findFirst()
                .orElse("; mean ± deviation over seeds");
    }

    private static String called(Row row) {
        return switch (row.kind()) {
            case START -> row.name().endsWith(" start") ? "its untrained start" : "the untrained " + row.name();
            case BASELINE ->
                row.name().equals(MAJORITY)
                        ? "always naming the majority class"
                        : row.name().replaceFirst("^Chance", "chance");
            default -> row.name();
        };
    }

    /** In how many single columns a method is above the majority class. */
    private static Optional<String> byGroup(Row method, Group group, ResultTable table) {
        Optional<Row> majority = group.rows().stream()
                .filter(row -> row.kind() == Kind.BASELINE && row.name().startsWith(MAJORITY))
                .findFirst();
        if (majority.isEmpty()) {
            return Optional.empty();
        }
        List<String> won = new ArrayList<>();
        int compared = 0;
        for (int c = 0; c < method.cells().size(); c++) {
            Optional<Amount> own = value(method, c);
            Optional<Amount> other = value(majority.get(), c);
            if (OVERALL.matcher(table.columns().get(c + 1)).matches() || own.isEmpty() || other.isEmpty()) {
                continue;
            }
            compared++;
            Gap gap = own.get().over(other.get());
            if (gap.points() > 0 && !gap.within()) {
                won.add(table.columns().get(c + 1).toLowerCase(Locale.ROOT));
            }
        }
        if (compared < 2) {
            return Optional.empty();
        }
        return Optional.of(
                won.isEmpty()
                        ? "It is above the majority class in none of the " + compared + " groups."
                        : won.size() == compared
                                ? "It is above the majority class in all " + compared + " groups."
                                : "It is above the majority class in " + won.size() + " of " + compared + " groups: "
                                        + listed(won) + ".");
    }

    private static Optional<String> paper(
            Row method, Amount own, List<ResultTable> tables, ResultTable table, int key) {
        Optional<Amount> theirs = ofPaper(method.name(), tables, table, key);
        if (theirs.isEmpty()) {
            return Optional.empty();
        }
        boolean beside = table.rows().anyMatch(row -> row.kind() == Kind.PAPER);
        if (!beside) {
            return Optional.of(
                    "The paper's " + theirs.get() + " was measured on other data, so that the two do not compare.");
        }
        Gap gap = own.over(theirs.get());
        String sentence = String.format(
                Locale.ROOT,
                "The paper gives %s, %s points %s.",
                theirs.get(),
                gap.size(),
                gap.points() > 0 ? "less" : "more");
        if (!method.smallData()) {
            return Optional.of(sentence);
        }
        String images = table.notes().stream()
                .map(TRAINED_ON::matcher)
                .filter(Matcher::find)
                .map(found -> "on " + found.group(1) + " images where the paper used " + found.group(2))
                .findFirst()
                .orElse("on fewer images than the paper's");
        return Optional.of(sentence + " Ours was trained " + images
                + " and from other weights: a result on small data, no reproduction.");
    }

    /** Figures of a following table in which answers that are always the same do not pay. */
    private static Optional<String> balanced(ResultTable table, Row method) {
        for (Group group : table.groups()) {
            if (!group.title().equals("Balanced accuracy")) {
                continue;
            }
            int key = key(table);
            Optional<Amount> own = group.rows().stream()
                    .filter(row -> row.name().equals(method.name()))
                    .findFirst()
                    .flatMap(row -> value(row, key));
            Optional<Amount> other = group.rows().stream()
                    .filter(row -> row.kind() == Kind.BASELINE && row.name().startsWith(MAJORITY))
                    .findFirst()
                    .flatMap(row -> value(row, key));
            if (own.isPresent() && other.isPresent()) {
                Gap gap = own.get().over(other.get());
                return Optional.of(String.format(
                        Locale.ROOT,
                        "In balanced accuracy, which counts rare attributes like frequent ones, it reaches %s %%, %s.",
                        own.get(),
                        gap.points() == 0 || gap.within()
                                ? "as the majority class does (" + other.get() + ")"
                                        + (gap.points() == 0 ? "" : " within the spread")
                                : gap.size() + " points " + (gap.points() > 0 ? "above" : "below")
                                        + " the majority class (" + other.get() + ")"));
            }
        }
        return Optional.empty();
    }

    /** Where no row is the method: which training is best, and whether the next is as good. */
    private static List<String> ranking(ResultTable table, Group group, int key) {
        List<Row> best = group.rows().stream()
                .filter(row -> trained(row.kind()) && value(row, key).isPresent())
                .sorted(Comparator.comparingDouble(
                        (Row row) -> -value(row, key).orElseThrow().mean()))
                .toList();
        List<String> sentences = new ArrayList<>();
        if (best.size() < 2) {
            return sentences;
        }
        Amount first = value(best.get(0), key).orElseThrow();
        String measure = measure(table, group, key);
        sentences.add(String.format(
                Locale.ROOT,
                "Best in %s is “%s” with %s %%.",
                measure,
                best.get(0).name(),
                first));
        List<String> alike = best.stream()
                .skip(1)
                .filter(row -> {
                    Gap gap = first.over(value(row, key).orElseThrow());
                    return gap.points() == 0 || gap.within();
                })
                .map(row -> "“" + row.name() + "” (" + value(row, key).orElseThrow() + ")")
                .toList();
        if (alike.isEmpty()) {
            Row next = best.get(1);
            Gap gap = first.over(value(next, key).orElseThrow());
            sentences.add("Next is “" + next.name() + "”, " + gap.size() + " points below"
                    + (gap.spread() == null
                            ? "; with one seed that may be chance."
                            : ", more than the spread of seeds."));
        } else {
            sentences.add("It cannot be told apart from " + listed(alike) + ".");
        }
        group.rows().stream()
                .filter(row -> row.kind() == Kind.BASELINE && value(row, key).isPresent())
                .filter(row -> value(row, key).orElseThrow().mean() >= first.mean())
                .forEach(row -> sentences.add("Even the best loses to " + called(row) + " ("
                        + value(row, key).orElseThrow() + ")."));
        return sentences;
    }

    private Page.Panel panel(String title, List<ResultTable> tables, ResultTable table, Group group, int key) {
        List<Page.Bar> bars = new ArrayList<>();
        group.rows()
                .forEach(row -> value(row, key).ifPresent(value -> {
                    if (trained(row.kind())) {
                        seen(value);
                    }
                    bars.add(new Page.Bar(row.kind(), row.name(), value));
                }));
        boolean method = group.rows().stream().anyMatch(row -> row.kind() == Kind.METHOD);
        List<String> named = group.rows().stream()
                .filter(row -> !method || row.kind() == Kind.METHOD)
                .map(Row::name)
                .toList();
        for (ResultTable some : tables) {
            int cell = some.cell(table.columns().get(key + 1));
            some.rows()
                    .filter(row -> cell >= 0 && row.kind() == Kind.PAPER && named.contains(row.name()))
                    .forEach(row -> value(row, cell)
                            .ifPresent(value -> bars.add(new Page.Bar(
                                    row.kind(), row.name() + (some == table ? "" : " on other data"), value))));
        }
        return new Page.Panel(title + ": " + measure(table, group, key), bars);
    }

    /** {@code a, b and c}. */
    static String listed(List<String> parts) {
        return parts.size() < 2
                ? String.join("", parts)
                : String.join(", ", parts.subList(0, parts.size() - 1)) + " and " + parts.get(parts.size() - 1);
    }
}
