package org.rafclip.measure;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.rafclip.agcn.compose.ComposerConfig;
import org.rafclip.agcn.eval.ComposedMargin;
import org.rafclip.agcn.eval.ComposedResult;
import org.rafclip.agcn.eval.ComposedTable;
import org.rafclip.agcn.eval.PublishedPeers;
import org.rafclip.eval.PaperTables;
import org.rafclip.eval.Spread;
import org.rafclip.eval.Table;
import org.rafclip.run.ReportFormat;
import org.rafclip.train.Checkpoints;

/**
 * Composers measured on the same features: every run's figures, and each method's over its seeds.
 *
 * @param encoder the run that the features come from
 * @param encoderHash {@link org.rafclip.open.OpenedEncoder#hash} of its checkpoint
 * @param data the folder
 * @param split of the folder
 * @param heldOut whether only photos that the encoder's run held out were measured
 * @param checkpoint which one of each run
 * @param photos how many; null on FashionIQ
 * @param trainedOn how many of them the encoder or a composer was trained on; null on FashionIQ
 * @param partial what galleries lack, a line each; empty where they are whole
 * @param methods in the order of {@link ComposerConfig.Kind}
 * @param margins of each AGCN over the other methods and over chance
 * @param examples queries drawn from those measured, answered by the first method that is trained; null for none
 */
@ReportFormat(kind = "composed", version = 2)
public record ComposedMeasurement(
        String encoder,
        String encoderHash,
        String data,
        String split,
        boolean heldOut,
        Checkpoints.Which checkpoint,
        Integer photos,
        Integer trainedOn,
        List<String> partial,
        List<Method> methods,
        List<ComposedMargin> margins,
        Figure examples) {

    /**
     * One row.
     *
     * @param method its name
     * @param means over categories, for each k that the paper's tables have
     * @param runs one a seed; the sum, which is not trained, has one without a seed
     */
    public record Method(String method, ComposerConfig.Kind kind, List<Mean> means, List<Run> runs) {

        static Method of(String method, ComposerConfig.Kind kind, List<Run> runs) {
            List<ComposedResult> results = runs.stream().map(Run::result).toList();
            return new Method(
                    method,
                    kind,
                    ComposedTable.PAPER_KS.stream()
                            .map(k -> Mean.of(k, results))
                            .toList(),
                    runs);
        }

        private ComposedTable.Ours row(String weights, String data) {
            return new ComposedTable.Ours(method, runs.stream().map(Run::result).toList(), weights, data);
        }

        /** How far each AGCN is above the methods that follow it, and above chance. */
        static List<ComposedMargin> margins(List<Method> methods) {
            List<ComposedTable.Ours> rows =
                    methods.stream().map(method -> method.row("", "")).toList();
            return IntStream.range(0, rows.size())
                    .filter(i -> methods.get(i).kind() == ComposerConfig.Kind.AGCN)
                    .boxed()
                    .flatMap(i -> ComposedTable.margins(rows.get(i), rows.subList(i + 1, rows.size())).stream())
                    .toList();
        }
    }

    /**
     * The mean recall over categories, and over the runs.
     *
     * @param chance what a random order reaches
     */
    public record Mean(int k, Spread recall, double chance) {

        private static Mean of(int k, List<ComposedResult> results) {
            return new Mean(
                    k,
                    Spread.of(results.stream()
                            .mapToDouble(result -> result.meanRecall(k))
                            .toArray()),
                    results.get(0).meanChance(k));
        }
    }

    /**
     * One run's figures.
     *
     * @param run its folder; null for the sum
     * @param checkpoint its name; null for the sum
     * @param seed null for the sum
     * @param gates how its gates weigh the branches; null where it has none, or no figures were made
     */
    public record Run(String run, String checkpoint, Long seed, ComposedResult result, GateSummary gates) {}

    public ComposedMeasurement {
        partial = List.copyOf(partial);
        methods = List.copyOf(methods);
        margins = List.copyOf(margins);
    }

    /** What the figures can say about new photos, a line each. */
    public List<String> novelty() {
        List<String> lines = new ArrayList<>(List.of(seen()));
        if (heldOut && checkpoint == Checkpoints.Which.BEST) {
            lines.add("Each composer's checkpoint is the one that was best on these photos, which flatters it a little;"
                    + " --checkpoint last is not chosen.");
        }
        lines.addAll(partial);
        return lines;
    }

    private String seen() {
        if (trainedOn == null) {
            return "Whether any of these photos was trained on is not known.";
        }
        return trainedOn == 0
                ? String.format(Locale.ROOT, "Encoder and composers were trained on none of these %,d photos.", photos)
                : String.format(
                        Locale.ROOT,
                        "ATTENTION: encoder or composers were trained on %,d of these %,d photos, which flatters the"
                                + " figures%s.",
                        trainedOn,
                        photos,
                        heldOut
                                ? "; they are copies of held-out ones"
                                : "; without --all only those kept out are measured, where there are some");
    }

    /** Table 3 with the paper's rows and others', Table 5 with the paper's, margins, and all that is measured of ours. */
    public List<Table> tables() {
        PaperTables paper = PaperTables.load();
        List<ComposedTable.Ours> ours = ours(methods);
        List<Method> ablations = methods.stream()
                .filter(method -> method.kind() != ComposerConfig.Kind.CLIP4CIR)
                .toList();
        return List.of(
                ComposedTable.recalls(ours, paper.table(3), PublishedPeers.load()),
                ComposedTable.recalls(ours(ablations), paper.table(5), new PublishedPeers(List.of())),
                ComposedTable.marginTable(margins),
                ComposedTable.details(ours));
    }

    private List<ComposedTable.Ours> ours(List<Method> some) {
        return some.stream()
                .map(method -> method.row(weights(method), description()))
                .toList();
    }

    private String weights(Method method) {
        List<String> names = method.runs().stream()
                .filter(run -> run.run() != null)
                .map(run -> run.run() + " (seed " + run.seed() + ", " + run.checkpoint() + ")")
                .toList();
        return (names.isEmpty() ? "nothing trained" : String.join(", ", names)) + ", on features of " + encoder;
    }

    private String description() {
        return photos == null
                ? "FashionIQ's layout in " + data
                : String.format(
                        Locale.ROOT,
                        "triplets from the labels of %,d photos of split %s in %s%s",
                        photos,
                        split,
                        data,
                        heldOut ? ", held out of the training" : "");
    }
}
