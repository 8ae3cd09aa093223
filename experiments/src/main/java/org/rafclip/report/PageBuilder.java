package org.rafclip.report;

import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.rafclip.data.DataException;
import org.rafclip.eval.Table;
import org.rafclip.experiment.ExperimentResult;
import org.rafclip.experiment.Experiments;
import org.rafclip.experiment.Results;
import org.rafclip.run.ConfigException;
import org.rafclip.run.JsonReport;
import org.rafclip.run.Provenance;

/** Turns a folder into a page. */
final class PageBuilder {

    private static final String CONFUSION =
            "How many photos of each label were given which answer: rows are labels, columns"
                    + " answers. The stronger a cell, the larger its share of the row; the frame marks right answers.";
    private static final String METHOD = "RaF-CLIP";

    private final List<TrainedRun> runs;
    private final List<JsonReport<ExperimentResult>> experiments;
    private final List<Page.Note> notes;
    private final Results results;
    private final Photos photos = new Photos();
    private final List<Page.Section> sections = new ArrayList<>();

    private PageBuilder(
            Path dir, List<TrainedRun> runs, List<JsonReport<ExperimentResult>> experiments, List<Page.Note> notes) {
        this.runs = runs;
        this.experiments = experiments;
        this.notes = notes;
        this.results = new Results(dir);
    }

    /**
     * @param dirs one training run, folder of runs or suite's folder, or several runs or several suites to compare
     * @throws DataException if there is nothing to report
     */
    static Page build(List<Path> dirs) throws IOException {
        for (Path dir : dirs) {
            if (!Files.isDirectory(dir)) {
                throw new DataException(
                        dir + ": there is no such folder; give a training run's output.dir, a folder of runs,"
                                + " or a suite's folder");
            }
        }
        return dirs.size() == 1 ? one(dirs.get(0)) : several(dirs);
    }

    private static Page one(Path dir) throws IOException {
        List<Page.Note> notes = new ArrayList<>();
        List<JsonReport<ExperimentResult>> experiments = experiments(dir, notes);
        if (!experiments.isEmpty() || !notes.isEmpty()) {
            return new PageBuilder(dir, runsOf(experiments, dir, ""), experiments, notes).suite(dir);
        }
        if (TrainedRun.isOne(dir)) {
            List<TrainedRun> one = List.of(TrainedRun.read(dir, name(dir)));
            return new PageBuilder(dir, one, List.of(), List.of()).run();
        }
        List<TrainedRun> runs = runs(dir);
        if (runs.isEmpty()) {
            throw new DataException(
                    dir + " holds nothing to report: no config.yaml and metrics.jsonl of a training run, no folders of"
                            + " such runs, and no results/*.json of a suite; give the output.dir of ./rafclip train or"
                            + " ./rafclip ablate");
        }
        return new PageBuilder(dir, runs, List.of(), List.of())
                .runs("Training runs in " + name(dir), runs.size() + " training runs");
    }

    /** Several runs, or several suites, side by side. */
    private static Page several(List<Path> dirs) throws IOException {
        List<Path> runs = dirs.stream().filter(TrainedRun::isOne).toList();
        List<Path> suites = new ArrayList<>();
        for (Path dir : dirs) {
            if (new Results(dir).files().isEmpty()) {
                if (!runs.contains(dir)) {
                    throw new DataException(
                            dir + " is neither a training run (config.yaml and metrics.jsonl) nor a suite's"
                                    + " folder (results/*.json); to compare, give two or more of one kind");
                }
            } else {
                suites.add(dir);
            }
        }
        if (!suites.isEmpty() && !runs.isEmpty()) {
            throw new DataException(runs.get(0) + " is a training run and " + suites.get(0)
                    + " a suite's folder; to compare, give two or more of one kind");
        }
        Map<Path, String> names = distinct(dirs);
        if (suites.isEmpty()) {
            List<TrainedRun> read = runs.stream()
                    .map(run -> TrainedRun.read(run, names.get(run)))
                    .toList();
            return new PageBuilder(dirs.get(0), read, List.of(), List.of())
                    .runs(Findings.listed(List.copyOf(names.values())), read.size() + " training runs");
        }
        return SuitesBeside.page(names);
    }

    /** A name each, with as many folders above it as tell it from the others. */
    private static Map<Path, String> distinct(List<Path> dirs) {
        for (int depth = 1; ; depth++) {
            Map<Path, String> names = new LinkedHashMap<>();
            for (Path dir : dirs) {
                Path whole = dir.toAbsolutePath().normalize();
                int count = whole.getNameCount();
                names.put(
                        dir,
                        count == 0
                                ? whole.toString()
                                : whole.subpath(Math.max(0, count - depth), count)
                                        .toString());
            }
            if (Set.copyOf(names.values()).size() == dirs.size()) {
                return names;
            }
            int reach = depth;
            if (dirs.stream().allMatch(dir -> dir.toAbsolutePath().normalize().getNameCount() <= reach)) {
                throw new DataException("the same folder was given twice: "
                        + dirs.stream().map(Path::toString).collect(Collectors.joining(", "))
                        + "; give different ones to compare");
            }
        }
    }

    private static String name(Path dir) {
        Path name = dir.toAbsolutePath().normalize().getFileName();
        return name == null ? dir.toString() : name.toString();
    }

    private static List<TrainedRun> runs(Path dir) throws IOException {
        try (Stream<Path> children = Files.list(dir)) {
            return children.filter(TrainedRun::isOne)
                    .sorted()
                    .map(child -> TrainedRun.read(child, name(child)))
                    .toList();
        }
    }

    /** Every result that can be read. */
    static List<JsonReport<ExperimentResult>> experiments(Path dir, List<Page.Note> notes) throws IOException {
        List<JsonReport<ExperimentResult>> experiments = new ArrayList<>();
        for (Path file : new Results(dir).files()) {
            try {
                experiments.add(JsonReport.read(file, ExperimentResult.class));
            } catch (ConfigException e) {
                notes.add(Page.Note.missing(e.getMessage() + "; delete the file and run the suite again"));
            }
        }
        return experiments;
    }

    /** The trainings that experiments rest on, each once. */
    static List<TrainedRun> runsOf(List<JsonReport<ExperimentResult>> experiments, Path dir, String suite) {
        Results results = new Results(dir);
        Map<Path, String> labels = new LinkedHashMap<>();
        for (JsonReport<ExperimentResult> experiment : experiments) {
            for (ExperimentResult.Run run : experiment.body().runs()) {
                labels.putIfAbsent(
                        results.resolve(run.folder()).toAbsolutePath().normalize(),
                        (suite.isEmpty() ? "" : suite + ": ") + run.label() + ", seed " + run.seed());
            }
        }
        return labels.entrySet().stream()
                .map(entry -> TrainedRun.read(entry.getKey(), entry.getValue()))
                .toList();
    }

    private Page run() throws IOException {
        TrainedRun run = runs.get(0);
        Evaluations evaluations = new Evaluations(false);
        evaluations.read(run);
        section("found", "What was found", found(evaluations));
        examples(evaluations);
        tables(evaluations);
        section("curves", "Training curves", Curves.of(runs));
        List<Page.Block> overview = new ArrayList<>(run.notes());
        overview.addAll(evaluations.notes());
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("Model", run.method());
        facts.put("Seed", run.config().path("seed").asText("not recorded"));
        facts.put("Steps", String.format(Locale.ROOT, "%,d", run.steps()));
        run.state()
                .filter(state -> state.bestScore() != null)
                .ifPresent(state -> facts.put(
                        "Best validation score",
                        String.format(Locale.ROOT, "%.2f %% at step %,d", 100 * state.bestScore(), state.bestStep())));
        if (run.trainedOn() > 0) {
            facts.put("Photos trained on", String.format(Locale.ROOT, "%,d", run.trainedOn()));
        }
        run.times().forEach((stage, time) -> facts.put("Time " + stage, Methods.clock(time)));
        overview.add(new Page.Facts(facts));
        section("states", "State of the run", overview);
        provenance(evaluations.provenances());
        notePhotos();
        return new Page(
                run.method() + ": " + run.label(),
                "One training run: what it was measured to reach, its curves, and where all of it comes from.",
                sections);
    }

    /** Runs side by side. */
    private Page runs(String title, String what) throws IOException {
        Evaluations evaluations = new Evaluations(true);
        runs.forEach(evaluations::read);
        List<Side> sides = sides();
        List<Page.Block> found = new ArrayList<>();
        Map<String, Map<String, String>> configs = new LinkedHashMap<>();
        runs.forEach(run -> configs.put(run.label(), Settings.flat(run.config())));
        Map<String, List<String>> differing = Settings.differing(configs);
        if (runs.size() > 1) {
            found.add(new Page.Text(Settings.sentence(differing)
                    + (differing.keySet().equals(Set.of("seed"))
                            ? " What they reach differs by the seed alone: these differences are the spread of seeds."
                            : "")));
            found.addAll(Side.findings(sides, "differences"));
        }
        found.addAll(found(evaluations));
        section("found", "What was found", found);
        Settings.table("Settings in which the runs differ", List.copyOf(configs.keySet()), differing)
                .ifPresent(table ->
                        section("settings", "What differs in the configuration", List.of(new Page.Figures(table))));
        section("curves", "Training curves", Curves.of(runs));
        section("differences", "Tables with differences", Side.blocks(sides));
        examples(evaluations);
        tables(evaluations);
        List<Page.Block> states = new ArrayList<>();
        runs.forEach(run -> states.addAll(run.notes()));
        states.addAll(evaluations.notes());
        states.add(new Page.Figures(runsTable()));
        section("states", "States of the runs", states);
        provenance(evaluations.provenances());
        notePhotos();
        return new Page(
                title,
                what + " side by side: what they reach, what differs, their curves, the paper's tables with their rows,"
                        + " and where all of it comes from.",
                sections);
    }

    /** A side a configuration: runs that differ in their seed alone are one, unless that is all there is. */
    private List<Side> sides() {
        Map<Map<String, String>, List<Side>> byConfig = new LinkedHashMap<>();
        for (TrainedRun run : runs) {
            Evaluations own = new Evaluations(false);
            own.read(run);
            Map<String, List<ResultTable>> tables = new LinkedHashMap<>();
            byHeading(own)
                    .forEach((heading, some) ->
                            TableBlocks.of(heading, some, tables.computeIfAbsent(heading, fresh -> new ArrayList<>())));
            Map<Side.Place, Amount> figures =
                    new LinkedHashMap<>(Side.of(run.label(), tables).figures());
            for (String name : run.validationNames()) {
                boolean main = name.equals("meanAccuracy") || name.equals("meanRecallAt10");
                run.last("validation/" + name)
                        .ifPresent(value -> figures.put(
                                new Side.Place(
                                        "Validation",
                                        "At the end, in percent",
                                        "",
                                        "Last validation",
                                        Methods.words(name),
                                        main ? Methods.words(name) : null),
                                new Amount(100 * value, null)));
            }
            Map<String, String> config = Settings.flat(run.config());
            config.keySet()
                    .removeIf(key -> key.equals("seed") || key.equals("output.dir") || key.equals("rafclip.run"));
            byConfig.computeIfAbsent(config, fresh -> new ArrayList<>()).add(new Side(run.label(), figures));
        }
        if (byConfig.size() < 2) {
            return byConfig.values().stream().flatMap(List::stream).toList();
        }
        return byConfig.values().stream()
                .map(seeds -> seeds.size() == 1
                        ? seeds.get(0)
                        : Side.merged(
                                seeds.stream().map(Side::label).collect(Collectors.joining(", ")) + " (" + seeds.size()
                                        + " seeds)",
                                seeds))
                .toList();
    }

    private Table runsTable() {
        List<List<String>> rows = new ArrayList<>();
        for (TrainedRun run : runs) {
            Duration total = run.times().values().stream().reduce(Duration.ZERO, Duration::plus);
            rows.add(List.of(
                    run.label(),
                    run.method(),
                    run.config().path("seed").asText(Table.NONE),
                    String.format(Locale.ROOT, "%,d", run.steps()),
                    run.state()
                            .map(state -> state.bestScore())
                            .map(score -> String.format(Locale.ROOT, "%.2f", 100 * score))
                            .orElse(Table.NONE),
                    run.state().map(state -> state.finished() ? "yes" : "no").orElse("no"),
                    total.isZero() ? Table.NONE : Methods.clock(total)));
        }
        return new Table(
                "Runs",
                List.of("Run", "Model", "Seed", "Steps", "Best validation score, %", "Finished", "Wall time"),
                rows,
                List.of("The validation score is what the run's train.metric names"));
    }

    private Page suite(Path dir) throws IOException {
        Findings findings = new Findings();
        List<Page.Section> pictures = new ArrayList<>();
        List<Page.Section> tables = new ArrayList<>();
        Map<String, List<ExperimentResult.Confusion>> confusions = new LinkedHashMap<>();
        for (JsonReport<ExperimentResult> report : experiments) {
            ExperimentResult experiment = report.body();
            if (experiment.error() != null) {
                continue;
            }
            List<Page.Block> shown = pictures(experiment);
            if (!shown.isEmpty()) {
                pictures.add(new Page.Section(
                        experiment.id() + (experiment.tables().isEmpty() ? "" : "-pictures"),
                        experiment.title(),
                        shown));
            }
            List<ResultTable> read = new ArrayList<>();
            List<Page.Block> blocks = TableBlocks.of(experiment.title(), experiment.tables(), read);
            if (!blocks.isEmpty()) {
                tables.add(new Page.Section(experiment.id(), experiment.title(), blocks));
                findings.add(experiment.id(), experiment.title(), read, experiment.tables());
            }
            collect(experiment.confusions(), confusions);
        }
        List<Page.Block> found = new ArrayList<>();
        unfinished(dir).ifPresent(found::add);
        found.addAll(findings.blocks());
        if (found.isEmpty()) {
            found.add(new Page.Text("No table was made, so there are no figures to sum up; the pictures follow."));
        }
        section("found", "What was found", found);
        sections.addAll(pictures);
        sections.addAll(tables);
        section("confusions", "Confusion of attributes", confusions(confusions));
        section("curves", "Training curves", Curves.of(runs));
        List<Page.Block> states = new ArrayList<>(notes);
        runs.forEach(run -> states.addAll(run.notes()));
        for (JsonReport<ExperimentResult> experiment : experiments) {
            if (experiment.body().error() != null) {
                states.add(Page.Note.missing(experiment.body().title() + " could not be done: "
                        + experiment.body().error()));
            }
        }
        states.add(new Page.Figures(experimentsTable(dir)));
        section("states", "States of the experiments", states);
        section("times", "Wall time", List.of(new Page.Figures(stagesTable())));
        provenance(Map.of());
        notePhotos();
        return new Page(
                "Experiments in " + name(dir),
                "The paper's tables and figures as this code reproduces them here: what was found, pictures, our rows"
                        + " beside the paper's and the baselines, and where all of it comes from.",
                sections);
    }

    /** The pictures of a result, headed where its own heading does not do. */
    private List<Page.Block> pictures(ExperimentResult experiment) {
        List<Page.Block> blocks = new ArrayList<>();
        experiment
                .figures()
                .forEach(figure -> blocks.add(
                        Galleries.of(TableReader.below(experiment.title(), figure.title()), figure, results, photos)));
        if (experiment.gates() != null) {
            blocks.add(new Page.Heading("Gates of AGCN over all queries"));
            blocks.addAll(Gates.blocks(experiment.gates(), "gates-" + experiment.id()));
        }
        return blocks;
    }

    /** What a suite was to do and has not done, in a sentence. */
    private Optional<Page.Note> unfinished(Path dir) {
        List<String> failed = experiments.stream()
                .map(JsonReport::body)
                .filter(experiment -> experiment.error() != null)
                .map(ExperimentResult::title)
                .toList();
        List<String> missing = missing(dir).stream().map(PageBuilder::title).toList();
        if (failed.isEmpty() && missing.isEmpty()) {
            return Optional.empty();
        }
        return Optional.of(Page.Note.missing("Not all of the suite is here: "
                + Findings.listed(Stream.of(
                                failed.isEmpty() ? "" : Findings.listed(failed) + " failed",
                                missing.isEmpty() ? "" : Findings.listed(missing) + " was not done yet")
                        .filter(part -> !part.isEmpty())
                        .toList())
                + "; the states at the end say more."));
    }

    /** Experiments that the suite names and that have no result, by id. */
    private List<String> missing(Path dir) {
        Path suite = dir.resolve("suite.yaml");
        if (!Files.isRegularFile(suite)) {
            return List.of();
        }
        try {
            List<String> missing = new ArrayList<>();
            new YAMLMapper()
                    .readTree(Files.readString(suite))
                    .path("experiments")
                    .forEach(id -> missing.add(id.asText()));
            missing.removeIf(id -> Files.isRegularFile(results.file(id)));
            return missing;
        } catch (IOException e) {
            notes.add(Page.Note.missing(suite + " cannot be read, so that experiments without a result are not known: "
                    + e.getMessage().lines().findFirst().orElse("")));
            return List.of();
        }
    }

    private static String title(String id) {
        return Experiments.all().stream()
                .filter(experiment -> experiment.id().equals(id))
                .map(experiment -> experiment.title())
                .findFirst()
                .orElse(id);
    }

    /** Where photos cannot be shown, the states say so. */
    private void notePhotos() {
        if (!photos.problems().isEmpty()) {
            List<Page.Block> blocks = new ArrayList<>();
            photos.problems().forEach(problem -> blocks.add(Page.Note.missing("A photo cannot be shown. " + problem)));
            int at = IntStream.range(0, sections.size())
                    .filter(i -> sections.get(i).id().equals("states"))
                    .findFirst()
                    .orElseThrow();
            Page.Section overview = sections.get(at);
            blocks.addAll(overview.blocks());
            sections.set(at, new Page.Section(overview.id(), overview.title(), blocks));
        }
    }

    /** What evaluations kept to be shown. */
    private void examples(Evaluations evaluations) {
        List<Page.Block> blocks = new ArrayList<>();
        evaluations.examples().forEach(figure -> blocks.add(Galleries.of(figure.title(), figure, results, photos)));
        section("examples", "Examples", blocks);
        List<Page.Block> gates = new ArrayList<>();
        evaluations.gates().forEach((name, summary) -> {
            gates.add(new Page.Heading(name));
            gates.addAll(Gates.blocks(summary, "gates-" + gates.size()));
        });
        section("gates", "Gates", gates);
    }

    /** Experiments measure some trainings alike; each of those counts once. */
    private static void collect(
            List<ExperimentResult.Confusion> some, Map<String, List<ExperimentResult.Confusion>> byMethod) {
        for (ExperimentResult.Confusion confusion : some) {
            List<ExperimentResult.Confusion> known =
                    byMethod.computeIfAbsent(confusion.method(), fresh -> new ArrayList<>());
            boolean again = known.stream()
                    .anyMatch(other -> other.seed() == confusion.seed()
                            && other.group().equals(confusion.group())
                            && Arrays.deepEquals(other.counts(), confusion.counts()));
            if (!again) {
                known.add(confusion);
            }
        }
    }

    /** The seeds of a method together; the method's own matrices are shown, others fold away. */
    private static List<Page.Block> confusions(Map<String, List<ExperimentResult.Confusion>> byMethod) {
        List<Page.Block> blocks = new ArrayList<>();
        byMethod.forEach((method, all) -> {
            Map<String, Page.Confusion> sums = new LinkedHashMap<>();
            for (ExperimentResult.Confusion one : all) {
                sums.merge(
                        one.group(), new Page.Confusion(one.group(), one.attributes(), one.counts()), PageBuilder::sum);
            }
            int seeds = (int) all.stream()
                    .map(ExperimentResult.Confusion::seed)
                    .distinct()
                    .count();
            blocks.add(new Page.Confusions(
                    method + (seeds > 1 ? ", counts of " + seeds + " seeds together" : ""),
                    method.equals(METHOD) || byMethod.size() == 1,
                    List.copyOf(sums.values())));
        });
        if (!blocks.isEmpty()) {
            blocks.add(0, new Page.Text(CONFUSION));
        }
        return blocks;
    }

    private static Page.Confusion sum(Page.Confusion a, Page.Confusion b) {
        int k = a.counts().length;
        int[][] counts = new int[k][k];
        for (int label = 0; label < k; label++) {
            for (int answer = 0; answer < k; answer++) {
                counts[label][answer] = a.counts()[label][answer] + b.counts()[label][answer];
            }
        }
        return new Page.Confusion(a.title(), a.attributes(), counts);
    }

    private Table experimentsTable(Path dir) {
        List<List<String>> rows = new ArrayList<>();
        for (JsonReport<ExperimentResult> report : experiments) {
            ExperimentResult experiment = report.body();
            String seeds = experiment.runs().stream()
                    .map(ExperimentResult.Run::seed)
                    .distinct()
                    .sorted()
                    .map(String::valueOf)
                    .collect(Collectors.joining(", "));
            rows.add(List.of(
                    experiment.title(),
                    experiment.error() == null ? "done" : "failed",
                    seeds.isEmpty() ? Table.NONE : seeds));
        }
        missing(dir).forEach(id -> rows.add(List.of(title(id), "missing", Table.NONE)));
        return new Table("Experiments", List.of("Experiment", "State", "Seeds"), rows, List.of());
    }

    private Table stagesTable() {
        Map<String, ExperimentResult.Stage> once = new LinkedHashMap<>();
        experiments.forEach(
                experiment -> experiment.body().stages().forEach(stage -> once.putIfAbsent(stage.artefact(), stage)));
        List<List<String>> rows = new ArrayList<>();
        double total = 0;
        for (ExperimentResult.Stage stage : once.values()) {
            rows.add(List.of(stage.name(), seconds(stage.seconds())));
            total += stage.seconds();
        }
        rows.add(List.of("All stages", seconds(total)));
        return new Table(
                "What was computed",
                List.of("Stage", "Wall time"),
                rows,
                List.of("A stage that several experiments share is computed and counted once; the time is that of its"
                        + " computation, also where it was taken over from an earlier start"));
    }

    private static String seconds(double seconds) {
        return seconds < 60
                ? String.format(Locale.ROOT, "%.1f s", seconds)
                : Methods.clock(Duration.ofMillis(Math.round(1000 * seconds)));
    }

    private void section(String id, String title, List<? extends Page.Block> blocks) {
        if (!blocks.isEmpty()) {
            sections.add(new Page.Section(id, title, List.copyOf(blocks)));
        }
    }

    private void provenance(Map<String, Provenance> ofEvaluations) {
        section("provenance", "Provenance", Origins.of(runs, ofEvaluations, experiments));
    }

    /** What evaluations of runs come to, with a pointer where there are none. */
    private List<Page.Block> found(Evaluations evaluations) {
        Findings findings = new Findings();
        byHeading(evaluations).forEach((heading, tables) -> {
            List<ResultTable> read = new ArrayList<>();
            TableBlocks.of(heading, tables, read);
            findings.add("tables", heading, read, tables);
        });
        List<Page.Block> blocks = new ArrayList<>(findings.blocks());
        if (blocks.isEmpty()) {
            blocks.add(
                    Page.Note.missing("Nothing was measured yet: ./rafclip eval attributes, retrieval or composed with"
                            + " --json into the run's folder puts its tables here."));
        }
        return blocks;
    }

    /** Tables with those that continue them. */
    private static Map<String, List<Table>> byHeading(Evaluations evaluations) {
        Map<String, List<Table>> tables = new LinkedHashMap<>();
        String heading = "";
        for (Table table : evaluations.tables()) {
            if (heading.isEmpty() || table.title().matches("Table \\d+\\. .+|Attribute recognition: .+")) {
                heading = table.title().replaceFirst("(?<=.): .*", "");
            }
            tables.computeIfAbsent(heading, fresh -> new ArrayList<>()).add(table);
        }
        return tables;
    }

    private void tables(Evaluations evaluations) {
        List<Page.Block> blocks = new ArrayList<>();
        byHeading(evaluations).forEach((heading, tables) -> {
            blocks.add(new Page.Heading(heading));
            blocks.addAll(TableBlocks.of(heading, tables, new ArrayList<>()));
        });
        section("tables", "Tables", blocks);
        List<Page.Block> confusions = new ArrayList<>(evaluations.confusions());
        if (!confusions.isEmpty()) {
            confusions.add(0, new Page.Text(CONFUSION));
        }
        section("confusions", "Confusion of attributes", confusions);
    }
}
