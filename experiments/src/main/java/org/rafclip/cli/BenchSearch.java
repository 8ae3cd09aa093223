package org.rafclip.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.rafclip.bench.SearchBench;
import org.rafclip.bench.Yardstick;
import org.rafclip.io.AtomicFiles;
import org.rafclip.ops.Precision;
import org.rafclip.ops.Processor;
import org.rafclip.search.index.Graph;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Times searching. */
@Command(
        name = "search",
        description = {
            "Time questions to an index: exactly, in batches, with a filter, by a graph; and count what the graph misses.",
            "Without --index, vectors are drawn: like CLIP's, in categories and products, and random ones. With it, stored"
                    + " vectors to which 0.3 times another direction is added are the questions. Each way to answer is"
                    + " asked in rounds; the one with the lowest median counts."
        },
        footer = {
            "",
            "Examples:",
            "  ./rafclip bench search",
            "  ./rafclip bench search --rows 1000000 --random",
            "  ./rafclip bench search --index runs/index"
        })
final class BenchSearch implements Callable<Integer> {

    @Mixin
    private BenchOptions common;

    @Option(names = "--index", paramLabel = "DIR", description = "Ask this index rather than drawn vectors.")
    private Path index;

    @Option(
            names = "--rows",
            paramLabel = "N",
            defaultValue = "77684",
            description = "Vectors to draw; default: ${DEFAULT-VALUE}.")
    private int rows;

    @Option(
            names = "--width",
            paramLabel = "N",
            defaultValue = "512",
            description = "Elements of a vector; default: ${DEFAULT-VALUE}.")
    private int width;

    @Option(names = "--random", description = "Draw random vectors only.")
    private boolean random;

    @Option(
            names = "--answers",
            paramLabel = "N",
            defaultValue = "50",
            description = "Answers to a question; default: ${DEFAULT-VALUE}.")
    private int answers;

    @Option(
            names = "--questions",
            paramLabel = "N",
            defaultValue = "208",
            description = "Questions of a round; default: ${DEFAULT-VALUE}.")
    private int questions;

    @Option(
            names = "--rounds",
            paramLabel = "N",
            defaultValue = "5",
            description = "How many; default: ${DEFAULT-VALUE}.")
    private int rounds;

    @Option(names = "--exact-only", description = "Build no graph over drawn vectors.")
    private boolean exactOnly;

    @Option(
            names = "--links",
            paramLabel = "N",
            defaultValue = "" + Graph.LINKS,
            description = "M, neighbours of a node of the graph; default: ${DEFAULT-VALUE}.")
    private int links;

    @Option(
            names = "--beam",
            paramLabel = "N",
            defaultValue = "" + Graph.BEAM,
            description = "Nodes held while the graph is built; default: ${DEFAULT-VALUE}.")
    private int beam;

    @Option(
            names = "--explored",
            paramLabel = "N",
            defaultValue = "" + Graph.EXPLORED,
            description = "Nodes held while the graph is searched; default: ${DEFAULT-VALUE}.")
    private int explored;

    @Option(
            names = "--work",
            paramLabel = "DIR",
            description =
                    "Folder for the drawn index, about 4 KB a vector while it is written; it is removed afterwards."
                            + " Default: the system's for temporary files.")
    private Path work;

    @Override
    public Integer call() throws IOException {
        SearchBench.Work asked = new SearchBench.Work(
                common.positive("--answers", answers),
                common.positive("--questions", questions),
                common.positive("--rounds", rounds),
                common.seed());
        Machine.loadNd4j();
        List<SearchBench.Result> results = new ArrayList<>();
        if (index != null) {
            results.add(BenchOptions.watched(
                    index.toString(), progress -> new SearchBench(asked, yardstick(), progress).existing(index)));
            show(results.get(0));
        } else {
            common.within("--rows", rows, 10_000_000);
            common.within("--width", width, 4096);
            for (boolean without : random ? new boolean[] {true} : new boolean[] {false, true}) {
                results.add(drawn(asked, new SearchBench.Drawn(rows, width, without)));
                show(results.get(results.size() - 1));
            }
        }
        common.write(new Results(results), asked);
        return results.stream().allMatch(SearchBench.Result::agrees) ? 0 : 1;
    }

    private void show(SearchBench.Result result) {
        common.out().println(result.table().toText());
        common.out().flush();
    }

    private SearchBench.Result drawn(SearchBench.Work asked, SearchBench.Drawn drawn) throws IOException {
        Optional<Graph> graph = exactOnly ? Optional.empty() : Optional.of(new Graph(1, links, beam, explored));
        Path folder = work == null
                ? Files.createTempDirectory("rafclip-bench-search")
                : Files.createTempDirectory(Files.createDirectories(work), "bench-search");
        try {
            return BenchOptions.watched(
                    drawn.toString(),
                    progress -> new SearchBench(asked, yardstick(), progress).drawn(drawn, graph, folder));
        } finally {
            AtomicFiles.deleteDirectory(folder);
        }
    }

    private static Yardstick yardstick() {
        return Yardstick.of(Machine::measureOneThread, Processor.here(), 1, Precision.FP32);
    }

    private record Results(List<SearchBench.Result> results) {}
}
