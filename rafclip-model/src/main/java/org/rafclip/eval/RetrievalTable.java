package org.rafclip.eval;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import org.rafclip.data.text.Prompts;
import org.rafclip.eval.PaperTables.PaperTable;
import org.rafclip.eval.RetrievalResult.Direction;
import org.rafclip.eval.RetrievalResult.RecallAt;
import org.rafclip.eval.RetrievalResult.Scores;

/** Our text ↔ image retrieval beside the paper's Table 2. */
public final class RetrievalTable {

    /**
     * One of our models.
     *
     * @param method the row's name
     * @param runs what it reached, one a seed
     * @param setting what differs from the paper
     */
    public record Ours(String method, List<RetrievalResult> runs, Setting setting) {

        public Ours {
            runs = List.copyOf(runs);
            if (runs.isEmpty()) {
                throw new IllegalArgumentException(method + " has no run");
            }
        }

        /** A row of one run. */
        public Ours(String method, RetrievalResult result, Setting setting) {
            this(method, List.of(result), setting);
        }
    }

    private static final List<Function<RetrievalResult, Direction>> DIRECTIONS =
            List.of(RetrievalResult::textToImage, RetrievalResult::imageToText);

    private RetrievalTable() {}

    /**
     * How images and texts find each other, as a {@link Setting} says it.
     *
     * @param templates of the texts made of labels, or null where the photos' captions are the texts, all of them
     * @param preparation of the images
     * @param mirror whether an image's embedding is averaged with that of its mirror image
     */
    public static String protocol(List<String> templates, String preparation, boolean mirror) {
        return (templates == null ? "the photos' captions" : Prompts.quoted(templates) + " from the labels")
                + "; images '" + preparation + "'"
                + (mirror ? " averaged with their mirror images" : "");
    }

    /**
     * Two tables: recall in percent, an instance-level and a label-level row for each of ours with chance below it,
     * then the paper's rows; and median ranks and mean average precision, which the paper does not give.
     *
     * @param ours our rows
     * @param paper Table 2
     * @throws IllegalArgumentException if there is no row of ours or the paper's table is another
     */
    public static List<Table> of(List<Ours> ours, PaperTable paper) {
        if (ours.isEmpty() || paper.number() != 2) {
            throw new IllegalArgumentException(
                    "a retrieval table needs a row of ours and the paper's Table 2, not Table " + paper.number());
        }
        List<String> headings = new ArrayList<>(List.of("Method"));
        paper.columns().forEach(column -> headings.add(column.name()));
        List<List<String>> rows = new ArrayList<>();
        List<List<String>> ranks = new ArrayList<>();
        List<String> notes = new ArrayList<>();
        for (Ours row : ours) {
            String label = row.setting().label(row.method(), paper);
            List<RetrievalResult> runs = row.runs();
            RetrievalResult first = runs.get(0);
            rows.add(recalls(label + ", instance", runs, Direction::instance, RecallAt::recall));
            addOnce(rows, recalls("Chance, instance", runs, Direction::instance, RecallAt::chance));
            rows.add(recalls(label + ", label", runs, Direction::label, RecallAt::recall));
            addOnce(rows, recalls("Chance, label", runs, Direction::label, RecallAt::chance));
            ranks.add(ranks(label + ", instance", runs, Direction::instance));
            ranks.add(ranks(label + ", label", runs, Direction::label));
            notes.add(row.setting().note(row.method(), paper) + AttributeTable.seeds(runs.size()));
            notes.add(String.format(
                    Locale.ROOT,
                    "%s: a gallery of %,d with %,d different texts and %,d label combinations%s; of equally near "
                            + "entries the one with the lower index comes first",
                    label,
                    first.n(),
                    first.distinctTexts(),
                    first.distinctLabels(),
                    runs.size() == 1 ? "" : " (of the first seed)"));
        }
        for (PaperTables.Row row : paper.rows()) {
            List<String> cells = new ArrayList<>(List.of(row.method() + " (paper)"));
            row.values().forEach(value -> cells.add(String.format(Locale.ROOT, "%.2f", value)));
            rows.add(cells);
            notes.add(row.method() + " (paper): weights: " + row.weights());
        }
        notes.add("Paper: data: " + paper.data() + "; protocol: " + paper.protocol());
        notes.add(
                "Instance: only the pair's own other half is right. Label: any entry with the same labels is right, or,"
                        + " asked with captions, with an equal caption");
        return List.of(
                new Table("Table 2. Text-image retrieval: recall@k in percent", headings, rows, notes),
                new Table(
                        "Table 2, continued. Rank of the first right entry and mean average precision",
                        List.of("Method", "T2I median rank", "T2I mAP, %", "I2T median rank", "I2T mAP, %"),
                        ranks,
                        List.of("The paper gives neither figure for its rows")));
    }

    private static void addOnce(List<List<String>> rows, List<String> row) {
        if (!rows.contains(row)) {
            rows.add(row);
        }
    }

    private static List<String> recalls(
            String label,
            List<RetrievalResult> runs,
            Function<Direction, Scores> level,
            ToDoubleFunction<RecallAt> figure) {
        List<String> cells = new ArrayList<>(List.of(label));
        for (Function<RetrievalResult, Direction> direction : DIRECTIONS) {
            for (int k : Retrieval.PAPER_KS) {
                boolean measured = level.apply(direction.apply(runs.get(0))).recallAt().stream()
                        .anyMatch(recall -> recall.k() == k);
                cells.add(
                        measured
                                ? spread(
                                        runs,
                                        "%.2f",
                                        run -> 100
                                                * figure.applyAsDouble(level.apply(direction.apply(run))
                                                        .at(k)))
                                : Table.NONE);
            }
        }
        return cells;
    }

    private static List<String> ranks(String label, List<RetrievalResult> runs, Function<Direction, Scores> level) {
        List<String> cells = new ArrayList<>(List.of(label));
        for (Function<RetrievalResult, Direction> direction : DIRECTIONS) {
            cells.add(spread(
                    runs, "%.1f", run -> level.apply(direction.apply(run)).medianRank()));
            cells.add(spread(
                    runs, "%.2f", run -> 100 * level.apply(direction.apply(run)).meanAveragePrecision()));
        }
        return cells;
    }

    private static String spread(List<RetrievalResult> runs, String format, ToDoubleFunction<RetrievalResult> figure) {
        Spread spread = Spread.of(runs.stream().mapToDouble(figure).toArray());
        String mean = String.format(Locale.ROOT, format, spread.mean());
        return spread.deviation() == null
                ? mean
                : mean + String.format(Locale.ROOT, " ± " + format, spread.deviation());
    }
}
