package org.rafclip.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import org.rafclip.agcn.train.AgcnConfig;
import org.rafclip.experiment.SuiteConfig;
import org.rafclip.io.AtomicFiles;
import org.rafclip.run.Configs;
import org.rafclip.sweep.SweepConfig;
import org.rafclip.train.RafClipConfig;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.Option;

/** The part of the documentation that the program itself knows: its commands, and its graphs. */
@Command(
        name = "document",
        hidden = true,
        description =
                "Write the pages of docs/ that are made from the program: its commands and the graphs of its models.",
        footer = {"", "Example:", "  ./rafclip document --out docs"})
final class DocumentCommand implements Callable<Integer> {

    private static final int WIDTH = 110;

    @Option(names = "--out", defaultValue = "docs", paramLabel = "DIR", description = "Default: ${DEFAULT-VALUE}.")
    private Path out;

    @Override
    public Integer call() throws IOException {
        Machine.loadNd4j();
        for (Map.Entry<String, String> page : pages().entrySet()) {
            Path file = out.resolve(page.getKey());
            Files.createDirectories(file.getParent());
            AtomicFiles.writeString(file, page.getValue());
        }
        return 0;
    }

    /** Every page by its file's name below {@code docs}. */
    static Map<String, String> pages() {
        Map<String, String> pages = new TreeMap<>();
        StringBuilder index = new StringBuilder("""
                # Commands

                Each has `--help`, which is what these pages hold, and works from any folder. Exit codes: 0 done, 1 it could not
                be done, 2 wrong command line. A mistake in the data or a configuration is one line that names file and line;
                `--stacktrace` shows more. `RAFCLIP_JAVA_OPTS` takes further JVM options, such as `-Xmx8g`. A run is one YAML
                file, of which any key can be given as a further argument: `train.batch-size=64`.

                | command | does |
                |---|---|
                """);
        for (CommandLine command : visible(Main.commandLine())) {
            String name = command.getCommandName();
            if (command.getSubcommands().isEmpty()) {
                row(index, command, name);
            } else {
                visible(command).forEach(below -> row(index, below, name));
            }
            pages.put("commands/" + name + ".md", page(command));
        }
        pages.put("commands/README.md", index.toString());
        pages.put("graphs.md", GraphPictures.page());
        pages.put("configuration.md", configuration());
        return pages;
    }

    private static String configuration() {
        StringBuilder page = new StringBuilder("""
                # Keys of configurations

                A configuration is a YAML file; any key can be given as a further argument, `train.batch-size=64`. A key without
                a default has to be given.
                """);
        keys(page, "RaF-CLIP: `train`", RafClipConfig.class);
        keys(page, "Composers: `train`, with a section `composer`", AgcnConfig.class);
        keys(page, "Suites: `ablate`", SuiteConfig.class);
        keys(page, "Sweeps: `sweep`", SweepConfig.class);
        return page.toString();
    }

    private static void keys(StringBuilder page, String title, Class<? extends Record> type) {
        page.append("\n## ").append(title).append("\n\n| key | value | default |\n|---|---|---|\n");
        for (Configs.Key key : Configs.keys(type)) {
            String standard = key.defaultValue();
            page.append("| `%s` | %s | %s |\n"
                    .formatted(
                            key.path(),
                            key.type(),
                            standard == null
                                    ? ""
                                    : standard.equals("null") ? "none" : "`" + standard.replace("|", "\\|") + "`"));
        }
    }

    private static List<CommandLine> visible(CommandLine group) {
        return group.getSubcommands().values().stream()
                .distinct()
                .filter(command -> !command.getCommandSpec().usageMessage().hidden())
                .filter(command -> !(command.getCommandSpec().userObject() instanceof HelpCommand))
                .toList();
    }

    private static void row(StringBuilder index, CommandLine command, String page) {
        index.append("| [`%s`](%s.md) | %s |\n"
                .formatted(
                        command.getCommandSpec().qualifiedName().replaceFirst("^rafclip ", ""),
                        page,
                        command.getCommandSpec().usageMessage().description()[0].replace("|", "\\|")));
    }

    private static String page(CommandLine command) {
        StringBuilder page = new StringBuilder("# ./")
                .append(command.getCommandSpec().qualifiedName())
                .append('\n');
        section(page, command);
        if (!command.getSubcommands().isEmpty()) {
            for (CommandLine below : visible(command)) {
                page.append("\n## ./")
                        .append(below.getCommandSpec().qualifiedName())
                        .append('\n');
                section(page, below);
            }
        }
        return page.append("\n[All commands](README.md)\n").toString();
    }

    private static void section(StringBuilder page, CommandLine command) {
        command.getCommandSpec().usageMessage().autoWidth(false).width(WIDTH);
        page.append("\n```\n")
                .append(command.getUsageMessage(Ansi.OFF).stripTrailing())
                .append("\n```\n");
    }
}
