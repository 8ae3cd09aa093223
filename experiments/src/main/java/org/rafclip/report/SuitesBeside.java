package org.rafclip.report;

import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.rafclip.eval.Table;
import org.rafclip.experiment.ExperimentResult;
import org.rafclip.run.JsonReport;

/** Several suites on one page: what tells them apart. */
final class SuitesBeside {

    private SuitesBeside() {}

    /**
     * The page.
     *
     * @param names of the suites' folders
     */
    static Page page(Map<Path, String> names) throws IOException {
        List<TrainedRun> runs = new ArrayList<>();
        List<Page.Note> notes = new ArrayList<>();
        List<Side> sides = new ArrayList<>();
        Map<String, Map<String, String>> configs = new LinkedHashMap<>();
        List<List<String>> states = new ArrayList<>();
        for (Map.Entry<Path, String> suite : names.entrySet()) {
            List<JsonReport<ExperimentResult>> experiments = PageBuilder.experiments(suite.getKey(), notes);
            runs.addAll(PageBuilder.runsOf(experiments, suite.getKey(), suite.getValue()));
            Map<String, List<ResultTable>> tables = new LinkedHashMap<>();
            Map<String, String> config = settings(suite.getKey(), notes);
            if (experiments.isEmpty()) {
                notes.add(Page.Note.missing(suite.getValue() + " has no result that can be read"));
            }
            for (JsonReport<ExperimentResult> report : experiments) {
                ExperimentResult experiment = report.body();
                states.add(
                        List.of(experiment.title(), suite.getValue(), experiment.error() == null ? "done" : "failed"));
                if (experiment.error() != null) {
                    notes.add(Page.Note.missing(suite.getValue() + ": " + experiment.title() + " could not be done: "
                            + experiment.error()));
                }
                TableBlocks.of(
                        experiment.title(),
                        experiment.tables(),
                        tables.computeIfAbsent(experiment.title(), fresh -> new ArrayList<>()));
                Optional.ofNullable(report.provenance()).ifPresent(provenance -> {
                    Settings.flat(provenance.config()).forEach(config::putIfAbsent);
                    config.putIfAbsent("(code)", Origins.code(provenance));
                });
            }
            sides.add(Side.of(suite.getValue(), tables));
            configs.put(suite.getValue(), config);
        }
        List<Page.Section> sections = new ArrayList<>();
        Map<String, List<String>> differing = Settings.differing(configs);
        List<Page.Block> found = new ArrayList<>();
        found.add(new Page.Text(Settings.sentence(differing)));
        found.addAll(Side.findings(sides, "differences"));
        if (sides.stream().filter(side -> !side.figures().isEmpty()).count() < 2) {
            found.add(Page.Note.missing("No table was made in two of the suites, so there are no figures to compare."));
        }
        section(sections, "found", "What was found", found);
        List<Page.Block> settings = new ArrayList<>();
        List<String> owners = List.copyOf(configs.keySet());
        Settings.table("Settings in which the suites differ", owners, differing)
                .ifPresent(table -> settings.add(new Page.Figures(table)));
        Settings.table(
                        "Settings in which trainings of one name and seed differ",
                        owners,
                        trainingsApart(runs, names.values()))
                .ifPresent(table -> settings.add(new Page.Figures(table)));
        section(sections, "settings", "What differs in the configuration", settings);
        section(sections, "curves", "Training curves", curvesByMethod(runs, names.values()));
        section(sections, "differences", "Tables with differences", Side.blocks(sides));
        List<Page.Block> last = new ArrayList<>(notes);
        runs.forEach(run -> last.addAll(run.notes()));
        last.add(
                new Page.Figures(new Table("Experiments", List.of("Experiment", "Suite", "State"), states, List.of())));
        section(sections, "states", "States of the experiments", last);
        section(sections, "provenance", "Provenance", Origins.of(runs, Map.of(), List.of()));
        return new Page(
                Findings.listed(List.copyOf(names.values())),
                names.size() + " suites side by side: what they reach, what differs, their curves, and where all of it"
                        + " comes from. Each one's own report shows its pictures.",
                sections);
    }

    /** A suite's configuration by key, empty where it cannot be read. */
    private static Map<String, String> settings(Path suite, List<Page.Note> notes) {
        Path file = suite.resolve("suite.yaml");
        if (!Files.isRegularFile(file)) {
            return new LinkedHashMap<>();
        }
        try {
            return Settings.flat(new YAMLMapper().readTree(Files.readString(file)));
        } catch (IOException e) {
            notes.add(Page.Note.missing(file + " cannot be read: "
                    + e.getMessage().lines().findFirst().orElse("")));
            return new LinkedHashMap<>();
        }
    }

    /** Settings of trainings of one name and seed, where suites made them differently. */
    private static Map<String, List<String>> trainingsApart(List<TrainedRun> runs, Collection<String> suites) {
        Map<String, Map<String, Map<String, String>>> byName = new LinkedHashMap<>();
        for (TrainedRun run : runs) {
            String suite = suite(run, suites);
            byName.computeIfAbsent(run.label().substring(suite.length() + 2), fresh -> new LinkedHashMap<>())
                    .put(suite, Settings.flat(run.config()));
        }
        Map<String, List<String>> apart = new LinkedHashMap<>();
        byName.forEach((name, configs) -> {
            if (configs.size() == suites.size()) {
                Settings.differing(configs).forEach((key, values) -> apart.put(name + ": " + key, values));
            }
        });
        return apart;
    }

    private static String suite(TrainedRun run, Collection<String> suites) {
        return suites.stream()
                .filter(name -> run.label().startsWith(name + ": "))
                .findFirst()
                .orElseThrow();
    }

    /** Curves of what suites trained alike, together. */
    private static List<Page.Block> curvesByMethod(List<TrainedRun> runs, Collection<String> suites) {
        Map<String, List<TrainedRun>> byMethod = new LinkedHashMap<>();
        for (TrainedRun run : runs) {
            String suite = suite(run, suites);
            String name = run.label().substring(suite.length() + 2);
            int seed = name.lastIndexOf(", seed ");
            byMethod.computeIfAbsent(name.substring(0, seed), fresh -> new ArrayList<>())
                    .add(run.named(suite + name.substring(seed)));
        }
        List<Page.Block> blocks = new ArrayList<>();
        byMethod.forEach((method, some) -> blocks.addAll(Curves.of(
                some, method, "curves-" + List.copyOf(byMethod.keySet()).indexOf(method), true)));
        return blocks;
    }

    private static void section(
            List<Page.Section> sections, String id, String title, List<? extends Page.Block> blocks) {
        if (!blocks.isEmpty()) {
            sections.add(new Page.Section(id, title, List.copyOf(blocks)));
        }
    }
}
