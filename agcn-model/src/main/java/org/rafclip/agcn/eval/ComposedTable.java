package org.rafclip.agcn.eval;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.ToDoubleFunction;
import org.rafclip.eval.PaperTables;
import org.rafclip.eval.PaperTables.PaperTable;
import org.rafclip.eval.Spread;
import org.rafclip.eval.Table;

/** Our composed retrieval beside the paper's Table 3 or 5 and what others have published. */
public final class ComposedTable {

    /** The answer lengths of the paper's Tables 3 and 5. */
    public static final List<Integer> PAPER_KS = List.of(10, 50);

    /**
     * One of our methods.
     *
     * @param method the row's name, such as {@code AGCN}
     * @param runs one a seed, measured alike
     * @param weights where its features come from
     * @param data what it was trained and measured on, such as {@code FashionIQ}
     */
    public record Ours(String method, List<ComposedResult> runs, String weights, String data) {

        public Ours {
            runs = List.copyOf(runs);
            if (runs.isEmpty()) {
                throw new IllegalArgumentException(method + " has no run");
            }
            for (ComposedResult run : runs) {
                if (!run.protocol().equals(runs.get(0).protocol())
                        || !names(run).equals(names(runs.get(0)))) {
                    throw new IllegalArgumentException(
                            method
                                    + ": its runs differ in protocol or categories; a mean over seeds needs them measured alike");
                }
            }
        }

        /** The mean recall over categories, over the runs. */
        public Spread meanRecall(int k) {
            return spread(runs, run -> run.meanRecall(k));
        }
    }

    private ComposedTable() {}

    /**
     * Recall in percent under the paper's columns: ours first with chance below, then the paper's rows, then the others'.
     * Several runs are shown as mean ± sample standard deviation. Categories that the paper does not have follow its
     * columns. A note per row says its protocol.
     *
     * @param ours our rows
     * @param paper Table 3 or 5
     * @param peers others' rows, may be empty
     * @throws IllegalArgumentException if there is no row of ours or the paper's table is another
     */
    public static Table recalls(List<Ours> ours, PaperTable paper, PublishedPeers peers) {
        if (ours.isEmpty() || paper.means().size() != PAPER_KS.size()) {
            throw new IllegalArgumentException("a composed retrieval table needs a row of ours and the paper's Table 3"
                    + " or 5, not Table " + paper.number());
        }
        Set<String> columns = new LinkedHashSet<>();
        paper.columns().forEach(column -> columns.add(column.name()));
        for (Ours row : ours) {
            for (String name : names(row.runs().get(0))) {
                PAPER_KS.forEach(k -> columns.add(column(name, k)));
            }
        }
        List<String> headings = new ArrayList<>(List.of("Method"));
        headings.addAll(columns);
        paper.means().forEach(mean -> headings.add(mean.name()));
        paper.means().forEach(mean -> headings.add("Printed " + mean.name()));

        List<List<String>> rows = new ArrayList<>();
        List<String> notes = new ArrayList<>();
        for (Ours row : ours) {
            rows.add(row(
                    row.method() + " (ours)",
                    columns,
                    row.runs(),
                    (category, k) -> category.at(k).recall()));
            notes.add(row.method() + " (ours): weights: " + row.weights() + "; data: " + row.data() + "; protocol: "
                    + row.runs().get(0).protocol() + seeds(row.runs()));
        }
        Map<List<String>, List<String>> chances = new LinkedHashMap<>();
        for (Ours row : ours) {
            Figure chance = (category, k) -> category.at(k).chance();
            List<List<String>> each = row.runs().stream()
                    .map(run -> row("", columns, List.of(run), chance))
                    .distinct()
                    .toList();
            List<String> cells = each.size() == 1 ? each.get(0) : row("", columns, row.runs(), chance);
            chances.computeIfAbsent(cells, fresh -> new ArrayList<>()).add(row.method());
        }
        chances.forEach((cells, methods) -> {
            List<String> named = new ArrayList<>(cells);
            named.set(0, chances.size() == 1 ? "Chance" : "Chance (queries of " + String.join(", ", methods) + ")");
            rows.add(named);
        });
        for (PaperTables.Row row : paper.rows()) {
            List<String> cells = new ArrayList<>(List.of(row.method() + " (paper)"));
            List<String> known =
                    paper.columns().stream().map(PaperTables.Column::name).toList();
            columns.forEach(
                    column -> cells.add(known.contains(column) ? percent(paper.value(row, column)) : Table.NONE));
            paper.means().forEach(mean -> cells.add(percent(paper.recomputed(row, mean))));
            row.printedMeans().forEach(mean -> cells.add(percent(mean)));
            rows.add(cells);
        }
        for (PublishedPeers.Peer peer : peers.peers()) {
            List<String> cells = new ArrayList<>(List.of(peer.method() + " (published)"));
            columns.forEach(column -> cells.add(Table.NONE));
            paper.means().forEach(mean -> cells.add(Table.NONE));
            cells.add(percent(peer.averageRecallAt10()));
            cells.add(percent(peer.averageRecallAt50()));
            rows.add(cells);
            notes.add(peer.method() + " (published): weights: " + peer.weights() + "; protocol: " + peer.protocol()
                    + "; source: " + peer.source());
        }
        notes.add("Paper: data: " + paper.data() + "; protocol: " + paper.protocol());
        notes.add("Rows compare only where data and protocol are the same; an average is over a row's own categories");
        return new Table(
                "Table " + paper.number() + ". Composed retrieval: recall@k in percent", headings, rows, notes);
    }

    private static List<String> row(String label, Set<String> columns, List<ComposedResult> runs, Figure figure) {
        Map<String, String> cells = new LinkedHashMap<>();
        List<String> means = new ArrayList<>();
        for (int k : PAPER_KS) {
            for (String name : names(runs.get(0))) {
                cells.put(
                        column(name, k),
                        spread(runs, run -> figure.of(category(run, name), k)).percent());
            }
            means.add(spread(
                            runs,
                            run -> run.categories().stream()
                                    .mapToDouble(category -> figure.of(category, k))
                                    .average()
                                    .orElseThrow())
                    .percent());
        }
        List<String> row = new ArrayList<>(List.of(label));
        columns.forEach(column -> row.add(cells.getOrDefault(column, Table.NONE)));
        row.addAll(means);
        PAPER_KS.forEach(k -> row.add(Table.NONE));
        return row;
    }

    /** All that is measured of our rows, by category. */
    public static Table details(List<Ours> ours) {
        Set<Integer> ks = new TreeSet<>();
        ours.forEach(row -> row.runs().get(0).categories().get(0).at().forEach(at -> ks.add(at.k())));
        List<String> headings = new ArrayList<>(List.of("Method, category", "Queries", "Gallery", "Right"));
        ks.forEach(k -> headings.add("R@" + k));
        ks.forEach(k -> headings.add("mAP@" + k));
        headings.add("Median rank");
        List<List<String>> rows = new ArrayList<>();
        for (Ours row : ours) {
            for (ComposedResult.Category category : row.runs().get(0).categories()) {
                String name = category.name();
                List<String> cells = new ArrayList<>(List.of(
                        row.method() + ", " + name,
                        String.format(Locale.ROOT, "%,d", category.queries()),
                        String.format(Locale.ROOT, "%,d", category.gallery()),
                        String.format(Locale.ROOT, "%.1f", category.meanRight())));
                for (int k : ks) {
                    cells.add(
                            measured(category, k)
                                    ? spread(
                                                    row.runs(),
                                                    run -> category(run, name)
                                                            .at(k)
                                                            .recall())
                                            .percent()
                                    : Table.NONE);
                }
                for (int k : ks) {
                    cells.add(
                            measured(category, k)
                                    ? spread(
                                                    row.runs(),
                                                    run -> category(run, name)
                                                            .at(k)
                                                            .meanAveragePrecision())
                                            .percent()
                                    : Table.NONE);
                }
                double median = row.runs().stream()
                        .mapToDouble(run -> category(run, name).medianRank())
                        .average()
                        .orElseThrow();
                cells.add(String.format(Locale.ROOT, "%.1f", median));
                rows.add(cells);
            }
        }
        return new Table(
                "Composed retrieval: all that is measured, shares in percent",
                headings,
                rows,
                List.of(
                        "Right: right answers a query has on average. mAP@k: Baldrati et al., ICCV 2023; with one right"
                                + " answer the mean reciprocal rank up to k",
                        "The paper gives neither R@1, R@5 nor mAP"));
    }

    /**
     * How far a method is above chance and above each of the others.
     *
     * @param method one of ours
     * @param others rows of ours, measured alike
     */
    public static List<ComposedMargin> margins(Ours method, List<Ours> others) {
        List<ComposedMargin> margins = new ArrayList<>();
        others.forEach(other -> margins.add(ComposedMargin.of(method, other)));
        margins.add(ComposedMargin.overChance(method));
        return margins;
    }

    /** Margins in percentage points and in standard deviations, a row each. */
    public static Table marginTable(List<ComposedMargin> margins) {
        List<String> headings = new ArrayList<>(List.of("Margin"));
        for (int k : PAPER_KS) {
            headings.addAll(List.of("R@" + k + ", points", "R@" + k + ", sd", "sd of R@" + k));
        }
        headings.add("Seeds");
        List<List<String>> rows = new ArrayList<>();
        for (ComposedMargin margin : margins) {
            List<String> cells = new ArrayList<>(List.of(margin.method() + " over " + margin.over()));
            for (ComposedMargin.At at : margin.at()) {
                cells.add(String.format(Locale.ROOT, "%+.2f", 100 * at.difference()));
                cells.add(at.deviations() == null ? Table.NONE : String.format(Locale.ROOT, "%+.1f", at.deviations()));
                cells.add(at.deviation() == null ? Table.NONE : percent(100 * at.deviation()));
            }
            cells.add(margin.runs() + (margin.otherRuns() == 0 ? "" : ", " + margin.otherRuns()));
            rows.add(cells);
        }
        return new Table(
                "Composed retrieval: how far above the others",
                headings,
                rows,
                List.of(
                        "Differences of the mean recall over categories, in percentage points and in sample standard"
                                + " deviations over seeds (sd), pooled over both where both have several; without two"
                                + " seeds of one there is none",
                        "Chance is exact"));
    }

    private interface Figure {
        double of(ComposedResult.Category category, int k);
    }

    private static boolean measured(ComposedResult.Category category, int k) {
        return category.at().stream().anyMatch(at -> at.k() == k);
    }

    private static List<String> names(ComposedResult result) {
        return result.categories().stream().map(ComposedResult.Category::name).toList();
    }

    private static ComposedResult.Category category(ComposedResult run, String name) {
        return run.categories().stream()
                .filter(category -> category.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    /** As the paper's columns are named: {@code Dress R@10}. */
    private static String column(String category, int k) {
        return category.substring(0, 1).toUpperCase(Locale.ROOT) + category.substring(1) + " R@" + k;
    }

    private static String seeds(List<ComposedResult> runs) {
        return runs.size() == 1 ? "; one seed" : "; mean ± sample standard deviation over " + runs.size() + " seeds";
    }

    private static Spread spread(List<ComposedResult> runs, ToDoubleFunction<ComposedResult> figure) {
        return Spread.of(runs.stream().mapToDouble(figure).toArray());
    }

    private static String percent(double value) {
        return String.format(Locale.ROOT, "%.2f", value);
    }
}
