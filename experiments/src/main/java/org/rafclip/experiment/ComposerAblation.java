package org.rafclip.experiment;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.rafclip.agcn.eval.ComposedResult;
import org.rafclip.agcn.eval.ComposedTable;
import org.rafclip.eval.Table;

/**
 * AGCN trained with one setting in several values, everything else equal. The paper has no such tables.
 *
 * @param id of the experiment
 * @param title as a heading
 * @param variants a table's row each
 * @param notes below the table
 */
public record ComposerAblation(String id, String title, List<EncoderAblation.Variant> variants, List<String> notes)
        implements Experiment {

    private static final List<Integer> KS = List.of(1, 5, 10, 50);

    /** How many numbers the gates of Eq. 12 are. */
    public static ComposerAblation gates() {
        return new ComposerAblation(
                "ablation-gates",
                "Gates: one weight a branch, or one an element",
                List.of(
                        value("no gates", "composer.kind=add"),
                        value("scalar gates (paper)", "composer.gates.shape=scalar"),
                        value("vector gates", "composer.gates.shape=vector")),
                List.of());
    }

    /** What the k elements of a sample are. */
    public static ComposerAblation features() {
        return new ComposerAblation(
                "ablation-features",
                "Features: all tokens, or one pooled feature",
                List.of(
                        value("tokens (paper, as read here)", "composer.branches.features=token"),
                        value("pooled", "composer.branches.features=pooled")),
                List.of());
    }

    /** y, the blocks of a branch. */
    public static ComposerAblation blocks() {
        return new ComposerAblation(
                "ablation-blocks",
                "Blocks in each branch",
                List.of(
                        value("1 block", "composer.branches.blocks=1"),
                        value("2 blocks", "composer.branches.blocks=2"),
                        value("4 blocks", "composer.branches.blocks=4"),
                        value("6 blocks (paper)", "composer.branches.blocks=6")),
                List.of());
    }

    private static EncoderAblation.Variant value(String label, String override) {
        return new EncoderAblation.Variant(label, List.of(override));
    }

    @Override
    public List<Subject> subjects(Models models) throws IOException {
        return Models.withEncoders(
                methods(models).stream().flatMap(List::stream).toList());
    }

    private List<List<Subject.Composer>> methods(Models models) throws IOException {
        List<List<Subject.Composer>> methods = new ArrayList<>();
        for (EncoderAblation.Variant variant : variants) {
            methods.add(models.composers(variant.label(), variant.overrides()));
        }
        return methods;
    }

    @Override
    public Findings run(Lab lab) throws IOException, InterruptedException {
        List<ComposedTable.Ours> rows = Composing.rows(lab, methods(lab.models()));
        List<String> columns = new ArrayList<>(List.of("Training"));
        KS.forEach(k -> columns.add("R@" + k));
        columns.add("mAP@10");
        List<List<String>> cells = new ArrayList<>();
        for (ComposedTable.Ours row : rows) {
            List<String> line = new ArrayList<>(List.of(row.method()));
            KS.forEach(k -> line.add(EncoderAblation.percent(row.runs(), run -> run.meanRecall(k))));
            line.add(EncoderAblation.percent(row.runs(), run -> run.meanAveragePrecision(10)));
            cells.add(line);
        }
        List<ComposedResult> first = rows.get(0).runs();
        List<String> chance = new ArrayList<>(List.of("Chance"));
        KS.forEach(k -> chance.add(EncoderAblation.percent(first, run -> run.meanChance(k))));
        chance.add(Table.NONE);
        cells.add(chance);
        List<String> below = new ArrayList<>(notes);
        below.add("In percent, means over the categories. Data: " + rows.get(0).data() + "; protocol: "
                + first.get(0).protocol());
        below.add("Weights: " + rows.get(1).weights()
                + (rows.get(1).runs().size() == 1
                        ? "; one seed"
                        : "; mean ± sample standard deviation over "
                                + rows.get(1).runs().size() + " seeds"));
        return Findings.of(List.of(new Table(title, columns, cells, below)));
    }
}
