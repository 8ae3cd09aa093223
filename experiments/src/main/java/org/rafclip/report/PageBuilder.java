package org.rafclip.report;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.rafclip.data.DataException;
import org.rafclip.eval.Table;
import org.rafclip.experiment.ExperimentResult;
import org.rafclip.experiment.Results;
import org.rafclip.run.ConfigException;
import org.rafclip.run.JsonReport;
import org.rafclip.run.Provenance;

/** Turns a folder into a page. */
final class PageBuilder {

    private static final int CURVES_TOGETHER = 6;
    private static final int SHORT = 12;

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
     * @throws DataException if there is nothing to report
     */
    static Page build(Path dir) throws IOException {
        if (!Files.isDirectory(dir)) {
            throw new DataException(
                    dir + ": there is no such folder; give a training run's output.dir, a folder of runs,"
                            + " or a suite's folder");
        }
        List<Page.Note> notes = new ArrayList<>();
        List<JsonReport<ExperimentResult>> experiments = experiments(dir, notes);
        if (!experiments.isEmpty() || !notes.isEmpty()) {
            return new PageBuilder(dir, runsOf(experiments, dir), experiments, notes).suite(dir);
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
        return new PageBuilder(dir, runs, List.of(), List.of()).runFolder(dir);
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
    private static List<JsonReport<ExperimentResult>> experiments(Path dir, List<Page.Note> notes) throws IOException {
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
    private static List<TrainedRun> runsOf(List<JsonReport<ExperimentResult>> experiments, Path dir) {
        Results results = new Results(dir);
        Map<Path, String> labels = new LinkedHashMap<>();
        for (JsonReport<ExperimentResult> experiment : experiments) {
            for (ExperimentResult.Run run : experiment.body().runs()) {
                labels.putIfAbsent(
                        results.resolve(run.folder()).toAbsolutePath().normalize(),
                        run.label() + ", seed " + run.seed());
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
                        String.format(Locale.ROOT, "%.4f at step %,d", state.bestScore(), state.bestStep())));
        if (run.trainedOn() > 0) {
            facts.put("Photos trained on", String.format(Locale.ROOT, "%,d", run.trainedOn()));
        }
        run.times().forEach((stage, time) -> facts.put("Time " + stage, Methods.clock(time)));
        overview.add(new Page.Facts(facts));
        section("overview", "Overview", overview);
        section("curves", "Training curves", curves());
        tables(evaluations);
        examples(evaluations);
        provenance(evaluations);
        notePhotos();
        return new Page(
                run.method() + ": " + run.label(),
                "One training run, its curves, what it was measured to reach, and where all of it comes from.",
                sections);
    }

    private Page runFolder(Path dir) throws IOException {
        Evaluations evaluations = new Evaluations(true);
        runs.forEach(evaluations::read);
        List<Page.Block> overview = new ArrayList<>();
        runs.forEach(run -> overview.addAll(run.notes()));
        overview.addAll(evaluations.notes());
        overview.add(new Page.Figures(runsTable()));
        section("overview", "Overview", overview);
        section("curves", "Training curves", curves());
        tables(evaluations);
        examples(evaluations);
        provenance(evaluations);
        notePhotos();
        return new Page(
                "Training runs in " + name(dir),
                runs.size()
                        + " training runs side by side: curves, the paper's tables with their rows, and where all of"
                        + " it comes from.",
                sections);
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
                            .map(score -> String.format(Locale.ROOT, "%.4f", score))
                            .orElse(Table.NONE),
                    run.state().map(state -> state.finished() ? "yes" : "no").orElse("no"),
                    total.isZero() ? Table.NONE : Methods.clock(total)));
        }
        return new Table(
                "Runs",
                List.of("Run", "Model", "Seed", "Steps", "Best validation score", "Finished", "Wall time"),
                rows,
                List.of("The validation score is what the run's train.metric names"));
    }

    private Page suite(Path dir) throws IOException {
        List<Page.Block> overview = new ArrayList<>(notes);
        runs.forEach(run -> overview.addAll(run.notes()));
        for (JsonReport<ExperimentResult> experiment : experiments) {
            if (experiment.body().error() != null) {
                overview.add(Page.Note.missing(experiment.body().title() + " could not be done: "
                        + experiment.body().error()));
            }
        }
        overview.add(new Page.Figures(experimentsTable()));
        section("overview", "Overview", overview);
        for (JsonReport<ExperimentResult> experiment : experiments) {
            if (experiment.body().error() == null) {
                section(experiment.body().id(), experiment.body().title(), experiment(experiment.body()));
            }
        }
        section("curves", "Training curves", curves());
        section("times", "Wall time", List.of(new Page.Figures(stagesTable())));
        provenance(new Evaluations(true));
        notePhotos();
        return new Page(
                "Experiments in " + name(dir),
                "The paper's tables and figures as this code reproduces them here: our rows beside the paper's and the"
                        + " baselines, with curves, examples, and where all of it comes from.",
                sections);
    }

    /** Where photos cannot be shown, the page says so first. */
    private void notePhotos() {
        if (!photos.problems().isEmpty()) {
            List<Page.Block> blocks = new ArrayList<>();
            photos.problems().forEach(problem -> blocks.add(Page.Note.missing("A photo cannot be shown. " + problem)));
            Page.Section overview = sections.get(0);
            blocks.addAll(overview.blocks());
            sections.set(0, new Page.Section(overview.id(), overview.title(), blocks));
        }
    }

    /** What evaluations kept to be shown. */
    private void examples(Evaluations evaluations) {
        List<Page.Block> blocks = new ArrayList<>();
        evaluations.examples().forEach(figure -> blocks.add(Galleries.of(figure, results, photos)));
        section("examples", "Examples", blocks);
        List<Page.Block> gates = new ArrayList<>();
        evaluations.gates().forEach((name, summary) -> {
            gates.add(new Page.Heading(name));
            gates.addAll(Gates.blocks(summary, "gates-" + gates.size()));
        });
        section("gates", "Gates", gates);
    }

    private List<Page.Block> experiment(ExperimentResult experiment) {
        List<Page.Block> blocks = new ArrayList<>();
        experiment.tables().forEach(table -> blocks.add(new Page.Figures(table)));
        experiment.figures().forEach(figure -> blocks.add(Galleries.of(figure, results, photos)));
        blocks.addAll(confusions(experiment.confusions()));
        if (experiment.gates() != null) {
            blocks.add(new Page.Heading("Gates of AGCN over all queries"));
            blocks.addAll(Gates.blocks(experiment.gates(), "gates-" + experiment.id()));
        }
        return blocks;
    }

    /** The seeds of a method together. */
    private static List<Page.Confusions> confusions(List<ExperimentResult.Confusion> confusions) {
        Map<String, List<ExperimentResult.Confusion>> byMethod = confusions.stream()
                .collect(Collectors.groupingBy(
                        ExperimentResult.Confusion::method, LinkedHashMap::new, Collectors.toList()));
        List<Page.Confusions> blocks = new ArrayList<>();
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
                    "Confusion of attributes, " + method
                            + (seeds > 1 ? ", counts of " + seeds + " seeds together" : ""),
                    List.copyOf(sums.values())));
        });
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

    private Table experimentsTable() {
        List<List<String>> rows = experiments.stream()
                .map(JsonReport::body)
                .map(experiment -> List.of(
                        experiment.title(),
                        experiment.error() == null ? "done" : "failed",
                        Integer.toString(experiment.tables().size()),
                        Integer.toString(experiment.figures().size()),
                        experiment.runs().stream()
                                .map(run -> Long.toString(run.seed()))
                                .collect(Collectors.toCollection(TreeSet::new))
                                .stream()
                                .collect(Collectors.joining(", "))))
                .toList();
        return new Table("Experiments", List.of("Experiment", "State", "Tables", "Figures", "Seeds"), rows, List.of());
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

    private List<Page.Block> curves() {
        List<Page.Block> blocks = new ArrayList<>();
        curves(runs.stream().filter(run -> !run.composer()).toList(), "RaF-CLIP", "rafclip", blocks);
        curves(runs.stream().filter(TrainedRun::composer).toList(), "Composers", "composer", blocks);
        return blocks;
    }

    private void curves(List<TrainedRun> some, String what, String id, List<Page.Block> blocks) {
        List<TrainedRun> logged =
                some.stream().filter(run -> !run.metrics().isEmpty()).toList();
        for (int from = 0; from < logged.size(); from += CURVES_TOGETHER) {
            List<TrainedRun> together = logged.subList(from, Math.min(logged.size(), from + CURVES_TOGETHER));
            String part = logged.size() > CURVES_TOGETHER ? "-" + (1 + from / CURVES_TOGETHER) : "";
            if (!runs.equals(logged) || logged.size() > CURVES_TOGETHER) {
                blocks.add(new Page.Heading(
                        what + (part.isEmpty() ? "" : ", runs " + (from + 1) + " to " + (from + together.size()))));
            }
            String name = together.size() == 1 ? together.get(0).method() : what;
            losses(together, name, id + part, blocks);
            validations(together, name, id + part, blocks);
        }
    }

    private static void losses(List<TrainedRun> some, String what, String id, List<Page.Block> blocks) {
        List<Charts.Curve> curves = new ArrayList<>();
        if (some.size() == 1) {
            for (String name : List.of("loss", "categoryLoss", "attributeLoss")) {
                curves.add(some.get(0).curve(name, Methods.words(name)));
            }
        } else {
            some.forEach(run -> curves.add(run.curve("loss", run.label())));
        }
        curves.removeIf(curve -> curve.x().length == 0);
        if (curves.isEmpty()) {
            return;
        }
        int averaged = curves.stream().mapToInt(Charts.Curve::averaged).max().orElse(1);
        blocks.add(Charts.curves(
                id + "-loss",
                "step",
                "loss",
                curves.stream().map(Charts.Curve::thinned).toList(),
                describe("Training loss of " + what, curves),
                "Training loss over optimizer steps"
                        + (averaged > 1 ? ", up to " + averaged + " steps averaged to a point." : ".")));
    }

    private static void validations(List<TrainedRun> some, String what, String id, List<Page.Block> blocks) {
        if (some.size() == 1) {
            TrainedRun run = some.get(0);
            List<Charts.Curve> curves = run.validationNames().stream()
                    .map(name -> run.validation(name, Methods.words(name)))
                    .filter(curve -> curve.x().length > 0)
                    .toList();
            validation(curves, "share", id + "-validation", "Validation of " + what, blocks);
            return;
        }
        List<String> names = some.stream()
                .flatMap(run -> run.validationNames().stream())
                .distinct()
                .toList();
        for (String name : names) {
            List<Charts.Curve> curves = some.stream()
                    .map(run -> run.validation(name, run.label()))
                    .filter(curve -> curve.x().length > 0)
                    .toList();
            validation(curves, Methods.words(name), id + "-" + name, "Validation, " + Methods.words(name), blocks);
        }
    }

    private static void validation(
            List<Charts.Curve> curves, String yTitle, String id, String title, List<Page.Block> blocks) {
        if (!curves.isEmpty()) {
            blocks.add(Charts.curves(
                    id,
                    "step",
                    yTitle,
                    curves,
                    describe(title, curves),
                    title + ", on photos that were not trained on."));
        }
    }

    private static String describe(String what, List<Charts.Curve> curves) {
        return what + " over steps. "
                + curves.stream()
                        .map(curve -> String.format(
                                Locale.ROOT,
                                "%s goes from %.3f to %.3f",
                                curve.name(),
                                curve.y()[0],
                                curve.y()[curve.y().length - 1]))
                        .collect(Collectors.joining("; "))
                + ".";
    }

    private void tables(Evaluations evaluations) {
        List<Page.Block> blocks = new ArrayList<>();
        evaluations.tables().forEach(table -> blocks.add(new Page.Figures(table)));
        if (blocks.isEmpty()) {
            blocks.add(
                    Page.Note.missing("Nothing was measured yet: ./rafclip eval attributes, retrieval or composed with"
                            + " --json into the run's folder puts its tables here."));
        }
        section("tables", "Tables", blocks);
        List<Page.Block> confusions = new ArrayList<>(evaluations.confusions());
        if (!confusions.isEmpty()) {
            confusions.add(
                    0,
                    new Page.Text(
                            "Rows are labels, columns what was answered. The stronger a cell, the larger its share"
                                    + " of the row; the frame marks right answers."));
        }
        section("confusions", "Confusion of attributes", confusions);
    }

    private void provenance(Evaluations evaluations) {
        Map<String, Provenance> known = new LinkedHashMap<>();
        runs.forEach(run -> run.provenance().ifPresent(provenance -> known.put(run.label(), provenance)));
        known.putAll(evaluations.provenances());
        experiments.forEach(experiment -> Optional.ofNullable(experiment.provenance())
                .ifPresent(provenance -> known.put(experiment.body().title(), provenance)));
        List<Page.Block> blocks = new ArrayList<>();
        Map<Map<String, String>, List<String>> machines = new LinkedHashMap<>();
        known.forEach((name, provenance) -> machines.computeIfAbsent(machine(provenance), fresh -> new ArrayList<>())
                .add(name));
        machines.forEach((machine, names) -> {
            if (machines.size() > 1) {
                blocks.add(new Page.Heading("Machine of " + String.join(", ", names)));
            }
            blocks.add(new Page.Facts(machine));
        });
        Map<String, Long> commits = known.values().stream()
                .collect(Collectors.groupingBy(PageBuilder::code, TreeMap::new, Collectors.counting()));
        if (commits.size() > 1) {
            blocks.add(Page.Note.caution("Not all of this was computed by the same code: "
                    + commits.entrySet().stream()
                            .map(commit -> commit.getValue() + " by " + commit.getKey())
                            .collect(Collectors.joining(", "))
                    + ". Trainings are taken over whatever the commit, measurements are not; where what changed"
                    + " concerns a training, make it again in another folder."));
        }
        if (!known.isEmpty()) {
            blocks.add(new Page.Figures(originsTable(known)));
        }
        runs.stream()
                .filter(run -> !run.configText().isEmpty())
                .forEach(run -> blocks.add(new Page.Listing("Configuration of " + run.label(), run.configText())));
        section("provenance", "Provenance", blocks);
    }

    private static Map<String, String> machine(Provenance provenance) {
        Map<String, String> machine = new LinkedHashMap<>();
        machine.put("Operating system", provenance.os());
        machine.put("Processors", provenance.processors() + ", " + provenance.threads() + " threads used");
        machine.put("Java", provenance.jvm());
        machine.put("Java heap", String.format(Locale.ROOT, "%,d MiB at most", provenance.maxHeapMiB()));
        new TreeMap<>(provenance.libraries()).forEach((name, version) -> machine.put(library(name), version));
        return machine;
    }

    private static String library(String name) {
        return switch (name) {
            case "nd4j" -> "ND4J";
            case "blas" -> "Matrix library";
            case "vectorApi" -> "Vector API";
            case "processor" -> "Processor";
            default -> name;
        };
    }

    private static Table originsTable(Map<String, Provenance> known) {
        List<List<String>> rows = new ArrayList<>();
        known.forEach((name, provenance) -> rows.add(List.of(
                name,
                provenance.started().replaceFirst("\\.\\d+Z$", "Z"),
                Long.toString(provenance.seed()),
                code(provenance),
                start(provenance.dataFingerprint()),
                start(provenance.configFingerprint()),
                String.join(" ", provenance.commandLine()))));
        return new Table(
                "Where everything comes from",
                List.of("What", "Started (UTC)", "Seed", "Code", "Data", "Configuration", "Command line"),
                rows,
                List.of("Code is the git commit; data and configuration are the starts of their SHA-256, equal where"
                        + " they are the same"));
    }

    private static String code(Provenance provenance) {
        return start(provenance.code().commit())
                + (Boolean.TRUE.equals(provenance.code().dirty()) ? " with changes" : "");
    }

    private static String start(String hash) {
        return hash == null ? Table.NONE : hash.substring(0, Math.min(SHORT, hash.length()));
    }
}
