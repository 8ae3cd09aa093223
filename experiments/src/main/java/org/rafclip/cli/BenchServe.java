package org.rafclip.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.rafclip.eval.Table;
import org.rafclip.search.index.Filter;
import org.rafclip.search.index.PhotoIndex;
import org.rafclip.search.serve.Load;
import org.rafclip.search.serve.SearchServer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** What a server bears. */
@Command(
        name = "serve",
        description = {
            "Measure what a server bears: clients that ask without a pause, then ten times as many as it takes, then the"
                    + " first again.",
            "Server and clients share this machine. Every text is another one, so that none is known from before. Exit code"
                    + " 1 where a request broke, or where the first clients were refused."
        },
        footer = {"", "Example:", "  ./rafclip bench serve --index runs/index --clients 50 --seconds 60"})
final class BenchServe implements Callable<Integer> {

    private static final int TIMES = 10;
    private static final String[] SIZES = {"small", "large", "long", "short", "wide", "narrow", "light", "dark"};

    @Spec
    private CommandSpec spec;

    @Mixin
    private IndexChoice choice;

    @Option(names = "--clients", paramLabel = "N", defaultValue = "50", description = "Default: ${DEFAULT-VALUE}.")
    private int clients;

    @Option(
            names = "--seconds",
            paramLabel = "N",
            defaultValue = "60",
            description = "That they ask; the many ask for a third of it. Default: ${DEFAULT-VALUE}.")
    private int seconds;

    @Override
    public Integer call() throws IOException {
        CommandLines.atLeast(spec, "--clients", clients, 1);
        CommandLines.atLeast(spec, "--seconds", seconds, 1);
        SearchServer.Limits limits = SearchServer.Limits.DEFAULT;
        try (IndexChoice.Opened opened = choice.open();
                SearchServer server = SearchServer.start(opened.searcher(), SearchServer.Settings.local("bench", 0))) {
            PrintWriter out = spec.commandLine().getOut();
            out.println(opened.title());
            out.flush();
            List<String> words = words(opened.index());
            Load load = new Load(server.address(), Optional.empty(), number -> question(number, words));
            load.run(clients, Duration.ofSeconds(Math.min(5, seconds)));
            Duration part = Duration.ofMillis(Math.max(1000, seconds * 1000L / 3));
            Load.Result before = load.run(clients, Duration.ofSeconds(seconds));
            Load.Result over = load.run(TIMES * (limits.working() + limits.waiting()), part);
            Load.Result after = load.run(clients, part);
            out.println(table(List.of(before, over, after)).toText());
            out.flush();
            for (Load.Result result : List.of(before, over, after)) {
                result.examples().forEach(fault -> spec.commandLine().getErr().println("rafclip: " + fault));
            }
            boolean borne = before.faults() + over.faults() + after.faults() + before.refused() + after.refused() == 0;
            return borne ? 0 : 1;
        }
    }

    private static List<String> words(PhotoIndex index) {
        List<String> words = new ArrayList<>();
        index.facets(Filter.ALL).values().stream().map(Map::keySet).forEach(words::addAll);
        return words.isEmpty() ? List.of("dress", "shirt", "red", "blue") : words;
    }

    /** Words of the labels, and others that make each text another one. */
    private static String question(int number, List<String> words) {
        StringBuilder text = new StringBuilder();
        for (int rest = number; rest > 0; rest /= SIZES.length) {
            text.append(SIZES[rest % SIZES.length]).append(' ');
        }
        text.append(words.get(number % words.size())).append(' ').append(words.get(number / 3 % words.size()));
        return "{\"parts\": [{\"text\": \"" + text.toString().replace("\\", "").replace("\"", "") + "\"}]}";
    }

    private static Table table(List<Load.Result> results) {
        List<String> names = List.of("as many as asked for", "ten times what it takes", "as before");
        List<List<String>> rows = new ArrayList<>();
        for (Load.Result result : results) {
            rows.add(List.of(
                    names.get(rows.size()),
                    Integer.toString(result.clients()),
                    String.format(Locale.ROOT, "%.1f", result.answered() / result.seconds()),
                    millis(result.p50()),
                    millis(result.p99()),
                    Integer.toString(result.refused()),
                    millis(result.refusedP99()),
                    Integer.toString(result.faults())));
        }
        return new Table(
                "searches by text",
                List.of(
                        "",
                        "clients",
                        "answers/s",
                        "p50 ms",
                        "p99 ms",
                        "refused (503)",
                        "refused in, p99 ms",
                        "faults"),
                rows,
                List.of());
    }

    private static String millis(double millis) {
        return Double.isNaN(millis) ? "–" : String.format(Locale.ROOT, "%.0f", millis);
    }
}
