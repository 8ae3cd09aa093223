package org.rafclip.eval;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.text.Prompts;
import org.rafclip.eval.PaperTables.PaperTable;

/** Our attribute recognition beside the paper's Table 1 or Table 4, with the baselines that put both in place. */
public final class AttributeTable {

    /**
     * One of our models.
     *
     * @param method the row's name, e.g. {@code RaF-CLIP} or {@code Complete}
     * @param runs what it reached, one a seed, in the same groups
     * @param setting what differs from the paper
     */
    public record Ours(String method, List<AttributeResult> runs, Setting setting) {

        public Ours {
            runs = List.copyOf(runs);
            if (runs.stream().map(Ours::names).distinct().count() != 1) {
                throw new IllegalArgumentException(method + " needs at least one run, all with the same groups");
            }
        }

        /** A row of one run. */
        public Ours(String method, AttributeResult result, Setting setting) {
            this(method, List.of(result), setting);
        }

        private static List<String> names(AttributeResult run) {
            return run.groups().stream().map(AttributeResult.Group::name).toList();
        }
    }

    private AttributeTable() {}

    /**
     * How attributes are recognised, as a {@link Setting} says it.
     *
     * @param templates of the texts
     * @param region the preparation of images
     * @param mirror whether an image's embedding is averaged with that of its mirror image
     */
    public static String protocol(List<String> templates, String region, boolean mirror) {
        return "the nearest " + Prompts.quoted(templates) + ", or text of an attribute's own, to the image '" + region
                + "'"
                + (mirror ? " averaged with its mirror image" : "");
    }

    /**
     * Two tables in percent: accuracy per group, which the paper calls precision, with the paper's rows, the majority class and
     * chance; then balanced accuracy and macro F1, which the paper does not give. A group is matched with a column of
     * the paper by its name and attributes; groups that the paper does not have follow its columns. Where it has none of the groups, its
     * rows and columns are left out: there is nothing to compare.
     *
     * @param ours our rows
     * @param paper Table 1 or Table 4
     * @throws IllegalArgumentException if there is no row of ours or the paper's table is another
     */
    public static List<Table> of(List<Ours> ours, PaperTable paper) {
        if (ours.isEmpty() || paper.means().size() != 1) {
            throw new IllegalArgumentException(
                    "an attribute table needs a row of ours and the paper's Table 1 or 4, not Table " + paper.number());
        }
        Set<String> groups = new LinkedHashSet<>();
        ours.forEach(row -> row.runs().get(0).groups().forEach(group -> groups.add(column(group, paper))));
        Set<String> columns = new LinkedHashSet<>();
        paper.columns().forEach(column -> columns.add(column.name()));
        boolean beside = columns.stream().anyMatch(groups::contains);
        if (!beside) {
            columns.clear();
        }
        columns.addAll(groups);
        return List.of(accuracy(ours, paper, columns, beside), balanced(ours, paper, columns, beside));
    }

    private static Table accuracy(List<Ours> ours, PaperTable paper, Set<String> columns, boolean beside) {
        PaperTables.Mean mean = paper.means().get(0);
        List<List<String>> rows = new ArrayList<>();
        List<String> notes = new ArrayList<>();
        for (Ours row : ours) {
            rows.add(row(
                    row.setting().label(row.method(), paper),
                    row.runs(),
                    AttributeResult.Group::accuracy,
                    paper,
                    columns,
                    printed(beside)));
            notes.add(row.setting().note(row.method(), paper) + seeds(row.runs().size()));
        }
        for (PaperTables.Row row : beside ? paper.rows() : List.<PaperTables.Row>of()) {
            List<String> cells = new ArrayList<>(List.of(row.method() + " (paper)"));
            for (String name : columns) {
                boolean known = paper.columns().stream().anyMatch(c -> c.name().equals(name));
                cells.add(known ? figure(paper.value(row, name)) : Table.NONE);
            }
            String recomputed = figure(paper.recomputed(row, mean));
            String printed = figure(row.printedMeans().get(0));
            cells.add(recomputed);
            cells.add(printed);
            rows.add(cells);
            notes.add(row.method() + " (paper): weights: " + row.weights());
            if (Math.abs(paper.recomputed(row, mean) - row.printedMeans().get(0)) > 1e-4) {
                notes.add(row.method() + " (paper): its mean is printed as " + printed + "; its own figures average "
                        + recomputed);
            }
        }
        rows.addAll(baselines(
                ours, paper, columns, "Majority class", AttributeResult.Group::majorityAccuracy, printed(beside)));
        rows.addAll(baselines(ours, paper, columns, "Chance", AttributeResult.Group::chance, printed(beside)));
        notes.add(
                beside
                        ? "Paper: data: " + paper.data() + "; protocol: " + paper.protocol()
                        : "The groups are the data's own, none is one of the paper's: its rows do not belong here");
        paper.columns().stream()
                .filter(column -> columns.contains(column.name()) && column.shown() != null)
                .forEach(column -> notes.add(column.shown() + " is what the paper's table calls " + column.name()));
        notes.add("Majority class: always answering the most frequent of the labels that our rows are measured on");
        return new Table(
                (beside ? "Table " + paper.number() + ". " : "")
                        + "Attribute recognition: accuracy (the paper's precision) in percent",
                beside ? headings(paper, columns, "Mean", "Printed mean") : headings(paper, columns, "Mean"),
                rows,
                notes);
    }

    private static Table balanced(List<Ours> ours, PaperTable paper, Set<String> columns, boolean beside) {
        List<List<String>> rows = new ArrayList<>();
        for (Ours row : ours) {
            String label = row.setting().label(row.method(), paper);
            rows.add(row(
                    label + ", balanced accuracy",
                    row.runs(),
                    AttributeResult.Group::balancedAccuracy,
                    paper,
                    columns));
            rows.add(row(label + ", macro F1", row.runs(), AttributeResult.Group::macroF1, paper, columns));
        }
        rows.addAll(baselines(
                ours, paper, columns, "Majority class, balanced accuracy", AttributeTable::majorityBalancedAccuracy));
        rows.addAll(baselines(ours, paper, columns, "Chance, balanced accuracy", AttributeResult.Group::chance));
        return new Table(
                (beside ? "Table " + paper.number() + ", continued. " : "")
                        + "Balanced accuracy and macro F1 in percent",
                headings(paper, columns, "Mean"),
                rows,
                List.of("The paper gives neither figure for its rows"));
    }

    /** A row's cell in the column of the means that the paper prints, which stands beside its rows only. */
    private static String[] printed(boolean beside) {
        return beside ? new String[] {Table.NONE} : new String[0];
    }

    /** A constant answer is always right on one of the attributes that occur and never on the others. */
    private static double majorityBalancedAccuracy(AttributeResult.Group group) {
        return 1.0
                / group.perAttribute().stream()
                        .filter(attribute -> attribute.support() > 0)
                        .count();
    }

    /** A baseline depends on the labels only: one row where all our rows share it, otherwise one each. */
    private static List<List<String>> baselines(
            List<Ours> ours,
            PaperTable paper,
            Set<String> columns,
            String name,
            ToDoubleFunction<AttributeResult.Group> figure,
            String... tail) {
        Map<List<String>, List<String>> methods = new LinkedHashMap<>();
        for (Ours row : ours) {
            List<String> cells = row(name, row.runs(), figure, paper, columns, tail);
            methods.computeIfAbsent(cells, c -> new ArrayList<>()).add(row.method());
        }
        List<List<String>> rows = new ArrayList<>();
        methods.forEach((cells, of) -> {
            List<String> named = new ArrayList<>(cells);
            if (methods.size() > 1) {
                named.set(0, name + " (labels of " + String.join(", ", of) + ")");
            }
            rows.add(named);
        });
        return rows;
    }

    private static List<String> row(
            String label,
            List<AttributeResult> runs,
            ToDoubleFunction<AttributeResult.Group> figure,
            PaperTable paper,
            Set<String> columns,
            String... tail) {
        List<AttributeResult.Group> groups = runs.get(0).groups();
        double[] means = new double[runs.size()];
        Map<String, Spread> figures = new LinkedHashMap<>();
        for (int g = 0; g < groups.size(); g++) {
            double[] values = new double[runs.size()];
            for (int run = 0; run < values.length; run++) {
                values[run] = figure.applyAsDouble(runs.get(run).groups().get(g));
                means[run] += values[run] / groups.size();
            }
            figures.put(column(groups.get(g), paper), Spread.of(values));
        }
        List<String> cells = new ArrayList<>(List.of(label));
        columns.forEach(column -> cells.add(figures.containsKey(column) ? figure(figures.get(column)) : Table.NONE));
        cells.add(figure(Spread.of(means)));
        cells.addAll(List.of(tail));
        return cells;
    }

    /** The paper's column for a group of the paper's attributes; a group of that name with others is one's own. */
    private static String column(AttributeResult.Group group, PaperTable paper) {
        String name = plain(group.name());
        Set<String> attributes =
                group.attributes().stream().map(AttributeTable::plain).collect(Collectors.toSet());
        boolean known = AttributeTaxonomy.deepFashionFine().groups().stream()
                .anyMatch(theirs -> theirs.attributes().stream()
                        .map(AttributeTable::plain)
                        .collect(Collectors.toSet())
                        .containsAll(attributes));
        return paper.columns().stream()
                .filter(column -> known && column.aliases().contains(name))
                .map(PaperTables.Column::name)
                .findFirst()
                .orElse(group.name());
    }

    private static String plain(String words) {
        return words.toLowerCase(Locale.ROOT).replace('_', ' ').replace('-', ' ');
    }

    private static List<String> headings(PaperTable paper, Set<String> columns, String... last) {
        List<String> headings = new ArrayList<>(List.of("Method"));
        for (String name : columns) {
            headings.add(paper.columns().stream()
                    .filter(column -> column.name().equals(name))
                    .map(PaperTables.Column::heading)
                    .findFirst()
                    .orElse(name));
        }
        headings.addAll(List.of(last));
        return headings;
    }

    static String seeds(int runs) {
        return runs == 1 ? "" : "; mean ± sample standard deviation over " + runs + " seeds";
    }

    private static String figure(Spread spread) {
        return figure(spread.mean()) + (spread.deviation() == null ? "" : " ± " + figure(spread.deviation()));
    }

    private static String figure(double share) {
        return String.format(Locale.ROOT, "%.2f", 100 * share);
    }
}
