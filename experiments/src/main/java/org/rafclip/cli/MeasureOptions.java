package org.rafclip.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import org.rafclip.eval.Table;
import org.rafclip.io.AtomicFiles;
import org.rafclip.measure.FigureConfig;
import org.rafclip.measure.Predictions;
import org.rafclip.measure.Selection;
import org.rafclip.run.JsonReport;
import org.rafclip.run.Provenance;
import org.rafclip.train.Checkpoints;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What all measurements of runs on photos take, and where their tables and figures go. */
class MeasureOptions {

    /** Answers of a query that predictions keep: the longest that the paper's tables ask for. */
    static final int KEPT = 50;

    private static final int EXAMPLES = 6;

    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec;

    @Option(
            names = "--split",
            paramLabel = "NAME",
            description = "The list to measure on: test for test.txt. Default: the one whose photos the run was"
                    + " validated on.")
    private String split;

    @ArgGroup
    private Kept kept = new Kept();

    private static final class Kept {

        @Option(
                names = "--held-out",
                description = "Only the photos that the run kept out of its training, which is the default wherever it"
                        + " was trained on others of the list; with this, that there are none is an error.")
        private boolean heldOut;

        @Option(names = "--all", description = "All photos of the list, those that the run was trained on too.")
        private boolean all;
    }

    @Option(
            names = "--checkpoint",
            defaultValue = "best",
            paramLabel = "WHICH",
            description = "${COMPLETION-CANDIDATES} checkpoint of the run. Default: ${DEFAULT-VALUE}.")
    private Checkpoints.Which checkpoint;

    @Option(names = "--json", paramLabel = "FILE", description = "Write every figure, with provenance.")
    private Path json;

    @Option(names = "--markdown", paramLabel = "FILE", description = "Write the tables as Markdown.")
    private Path markdown;

    @Option(
            names = "--predictions",
            paramLabel = "FILE",
            description =
                    "Write every answer with its scores, a line a photo or query: JSON lines in FILE.jsonl, a table"
                            + " in FILE.csv.")
    private Path predictions;

    /** The split, null where none was given. */
    final String split() {
        return split;
    }

    final Selection selection() {
        return kept.heldOut ? Selection.HELD_OUT : kept.all ? Selection.ALL : Selection.UNSEEN;
    }

    final Checkpoints.Which checkpoint() {
        return checkpoint;
    }

    /** What examples and gates are drawn by where a report is written, null where none is. */
    final FigureConfig figures(long seed) {
        return json == null ? null : new FigureConfig(EXAMPLES, EXAMPLES, Math.max(1, seed));
    }

    /** Whether a report or predictions are asked for. */
    final boolean reports() {
        return json != null || predictions != null;
    }

    /** The name that examples give a photo. */
    static String name(Path photo) {
        return photo.toAbsolutePath().normalize().toString();
    }

    /**
     * Refuses what is wrong before anything is computed.
     *
     * @throws ParameterException if the predictions' file is of no known kind
     */
    final void check() throws IOException {
        CommandLines.requireWritable(json, markdown, predictions);
        if (predictions != null && !Predictions.known(predictions)) {
            throw wrong("--predictions takes a file that ends in .jsonl or .csv, not " + predictions);
        }
    }

    /** Writes the predictions where the user asked for them. */
    final void predictions(Consumer<Predictions> content) throws IOException {
        if (predictions != null) {
            Predictions.write(predictions, content);
        }
    }

    final ParameterException wrong(String message) {
        return new ParameterException(spec.commandLine(), message);
    }

    /** Prints the tables with lines above, and writes them where the user asked for it. */
    final void show(List<String> above, List<Table> tables) throws IOException {
        PrintWriter out = spec.commandLine().getOut();
        above.forEach(out::println);
        for (Table table : tables) {
            out.println();
            out.print(table.toText());
        }
        out.flush();
        if (markdown != null) {
            StringBuilder text = new StringBuilder();
            above.forEach(line -> text.append(line).append("\n\n"));
            tables.forEach(table -> text.append(table.toMarkdown()).append('\n'));
            Files.createDirectories(markdown.toAbsolutePath().getParent());
            AtomicFiles.writeString(markdown, text.toString());
        }
    }

    /**
     * Writes the report where the user asked for one.
     *
     * @param settings that the figures depend on besides the data
     */
    final void write(Record report, Record settings, long seed, String dataFingerprint) {
        if (json == null) {
            return;
        }
        Provenance provenance = CommandLines.provenance(spec, settings, seed, dataFingerprint);
        new JsonReport<>(report, provenance).write(json);
    }
}
