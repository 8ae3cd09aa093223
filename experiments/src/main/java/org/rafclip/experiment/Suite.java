package org.rafclip.experiment;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipModel;
import org.rafclip.data.DataException;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.drawn.DrawnData;
import org.rafclip.io.AtomicFiles;
import org.rafclip.io.FolderLock;
import org.rafclip.io.Sha256;
import org.rafclip.measure.FigureConfig;
import org.rafclip.ops.JavaOps;
import org.rafclip.run.Configs;
import org.rafclip.run.TaskCluster;
import org.rafclip.search.SuiteModels;
import org.rafclip.train.RafClipConfig;

/**
 * Experiments of one suite, one after the other. What earlier calls computed is reused; an experiment that fails is
 * recorded with its error, and the others go on.
 */
public final class Suite implements Closeable {

    private static final String CONFIG = "suite.yaml";
    private static final String LOCK = ".lock";
    private static final String FINDINGS = "findings";
    private static final String MODEL = "model ";
    private static final String MEASURED = "measured ";

    private final SuiteConfig config;
    private final Lab lab;
    private final Lab.Watcher watcher;
    private final FolderLock lock;
    private final Path temporary;
    private final Map<String, String> failedElsewhere = new HashMap<>();

    /**
     * Takes the suite's folder for this process, and draws photos where the suite has none and they are not there yet.
     *
     * @param file the suite's own, beside which the configurations lie that it names
     * @throws DataException if another process works in the folder
     */
    public Suite(SuiteConfig config, Path file, Lab.Origin origin, Lab.Watcher watcher)
            throws IOException, InterruptedException {
        // Whoever reads the first photo decides which library multiplies.
        JavaOps.install();
        this.watcher = watcher;
        Path dir = Files.createDirectories(config.output().dir());
        this.lock = FolderLock.take(dir.resolve(LOCK), "works in " + dir);
        try {
            AtomicFiles.writeString(dir.resolve(CONFIG), Configs.toYaml(config));
            Optional<SuiteConfig> ready = ready(config);
            this.config = ready.isPresent() ? ready.get() : config.withPhotos(draw(config));
        } catch (IOException | InterruptedException | RuntimeException e) {
            lock.close();
            throw e;
        }
        this.temporary = null;
        this.lab = new Lab(this.config, file, origin, watcher);
    }

    private Suite(SuiteConfig config, Path temporary, Path file, Lab.Origin origin, Lab.Watcher watcher) {
        this.config = config;
        this.temporary = temporary;
        this.lock = null;
        this.watcher = watcher;
        this.lab = new Lab(config, file, origin, watcher);
    }

    /**
     * A suite that can {@link #plan} and nothing else: it writes nothing into the suite's folder. Photos that are still to be
     * drawn are listed in a temporary folder until it is closed.
     *
     * @param file the suite's own, beside which the configurations lie that it names
     */
    public static Suite planning(SuiteConfig config, Path file, Lab.Origin origin, Lab.Watcher watcher)
            throws IOException {
        JavaOps.install();
        Optional<SuiteConfig> ready = ready(config);
        if (ready.isPresent()) {
            return new Suite(ready.get(), null, file, origin, watcher);
        }
        Path temporary = Files.createTempDirectory("rafclip-plan");
        try {
            DrawnData.outline(temporary, config.data().generated().drawing());
            return new Suite(config.withPhotos(temporary), temporary, file, origin, watcher);
        } catch (IOException | RuntimeException e) {
            AtomicFiles.deleteDirectory(temporary);
            throw e;
        }
    }

    /**
     * A suite that does {@link #tasks} of one that another process holds, and nothing else.
     *
     * @param file the suite's own, beside which the configurations lie that it names
     * @throws DataException if its photos are not there
     */
    static Suite helping(SuiteConfig config, Path file, Lab.Origin origin, Lab.Watcher watcher) {
        JavaOps.install();
        SuiteConfig ready = ready(config)
                .orElseThrow(() -> new DataException(
                        drawn(config).toAbsolutePath() + ": the suite's photos are not there; put its output.dir into a"
                                + " folder that all machines share"));
        return new Suite(ready, null, file, origin, watcher);
    }

    /** The suite with photos, where it has some or they have been drawn. */
    private static Optional<SuiteConfig> ready(SuiteConfig config) {
        if (config.data().place() != null) {
            return Optional.of(config);
        }
        Path photos = drawn(config);
        return DrawnData.isWhole(photos, config.data().generated().drawing())
                ? Optional.of(config.withPhotos(photos))
                : Optional.empty();
    }

    private static Path drawn(SuiteConfig suite) {
        SuiteConfig.Generated wanted = suite.data().generated();
        return suite.output().dir().resolve("photos-%d-%d-%d".formatted(wanted.images(), wanted.size(), wanted.seed()));
    }

    private Path draw(SuiteConfig suite) throws InterruptedException {
        SuiteConfig.Generated wanted = suite.data().generated();
        Path photos = drawn(suite);
        DrawnData.write(
                photos,
                wanted.drawing(),
                Runtime.getRuntime().availableProcessors(),
                watcher.stage("drawing photos", wanted.images()));
        return photos;
    }

    /**
     * A model that is needed.
     *
     * @param experiments the ids of those that need it
     * @param done whether it is there already
     * @param seconds that it will take, roughly; 0 where it is there
     */
    public record Planned(Subject subject, List<String> experiments, boolean done, double seconds) {

        /** One line of a plan. */
        public String line() {
            String time = done
                    ? "done"
                    : seconds < 60
                            ? "under a minute"
                            : String.format(Locale.ROOT, "about %.0f min", Math.ceil(seconds / 60));
            return String.format(
                    Locale.ROOT, "%-44s %-16s for %s", subject.stage(), time, String.join(", ", experiments));
        }
    }

    /** What an experiment needs, or why that cannot be said; without measuring anything. */
    private record Needs(Experiment experiment, List<Subject> subjects, Exception error) {}

    private Needs needs(Experiment experiment) {
        try {
            return new Needs(experiment, experiment.subjects(lab.models()), null);
        } catch (IOException | RuntimeException e) {
            return new Needs(experiment, List.of(), e);
        }
    }

    /**
     * What will be done.
     *
     * @param models that are needed, in the order in which they will be made
     * @param problems why an experiment cannot be done, by its id
     */
    public record Plan(List<Planned> models, Map<String, String> problems) {

        /** Seconds that the missing models will take, roughly. */
        public double seconds() {
            return models.stream().mapToDouble(Planned::seconds).sum();
        }
    }

    /**
     * Says what experiments need, without making anything.
     *
     * @throws DataException if the photos' annotations cannot be read
     */
    public Plan plan(List<Experiment> experiments) throws IOException {
        lab.data().split(config.data().split());
        Map<String, String> problems = new LinkedHashMap<>();
        Map<String, Subject> subjects = new LinkedHashMap<>();
        Map<String, List<String>> users = new LinkedHashMap<>();
        for (Experiment experiment : experiments) {
            Needs needs = needs(experiment);
            if (needs.error() != null) {
                problems.put(experiment.id(), message(needs.error()));
            }
            for (Subject subject : needs.subjects()) {
                String name = subject.inputs().name();
                subjects.putIfAbsent(name, subject);
                List<String> ids = users.computeIfAbsent(name, fresh -> new ArrayList<>());
                if (!ids.contains(experiment.id())) {
                    ids.add(experiment.id());
                }
            }
        }
        Map<String, Boolean> there = new HashMap<>();
        for (Map.Entry<String, Subject> entry : subjects.entrySet()) {
            there.put(entry.getKey(), lab.has(entry.getValue()));
        }
        Estimate estimate = there.containsValue(false) ? Estimate.measure() : null;
        List<Planned> plan = new ArrayList<>();
        for (Map.Entry<String, Subject> entry : subjects.entrySet()) {
            boolean done = there.get(entry.getKey());
            plan.add(new Planned(
                    entry.getValue(), users.get(entry.getKey()), done, done ? 0 : seconds(estimate, entry.getValue())));
        }
        return new Plan(List.copyOf(plan), problems);
    }

    private double seconds(Estimate estimate, Subject subject) throws IOException {
        if (subject instanceof Subject.Composer composer) {
            return estimate.composer(
                    composer.config(),
                    architecture(composer.encoder().config()),
                    trained(composer.encoder().config()).size());
        }
        if (subject instanceof Subject.Encoder encoder) {
            return estimate.encoder(
                    encoder.config(),
                    architecture(encoder.config()),
                    trained(encoder.config()).size());
        }
        return 1;
    }

    private List<FashionItem> trained(RafClipConfig config) {
        return lab.data().parts(config).train();
    }

    private static ClipConfig architecture(RafClipConfig config) throws IOException {
        RafClipConfig.Model model = config.model();
        if (model.weights() != null) {
            return Configs.load(model.weights().resolve(ClipModel.CONFIG_FILE), List.of(), ClipConfig.class);
        }
        return model.preset() != null ? ClipConfig.named(model.preset()) : model.clip();
    }

    /** Everything that an experiment's findings depend on, besides its subjects. */
    private record Asked(
            String id,
            String data,
            String fashioniq,
            String measured,
            String checkpoint,
            FigureConfig figures,
            List<String> unseen) {}

    /** Does experiments and writes their results; a failure is one of them. */
    public List<ExperimentResult> run(List<Experiment> experiments) throws IOException, InterruptedException {
        List<ExperimentResult> results = new ArrayList<>();
        for (Experiment experiment : experiments) {
            long begin = System.nanoTime();
            ExperimentResult result = run(experiment);
            lab.results().write(result, lab.provenance(config, Sha256.of(experiment.id())));
            watcher.say(
                    result.error() == null
                            ? String.format(
                                    Locale.ROOT,
                                    "%s: done in %.0f s",
                                    experiment.id(),
                                    (System.nanoTime() - begin) / 1e9)
                            : experiment.id() + ": FAILED: " + result.error());
            results.add(result);
        }
        Optional<SuiteModels> models = models();
        if (models.isPresent()) {
            models.get().writeTo(config.output().dir());
        }
        return results;
    }

    /** The photos' folder or table. */
    public Path photos() {
        return config.data().place();
    }

    /** Whether anything had to be computed, rather than taken from what was there. */
    public boolean made() {
        return lab.made();
    }

    /** The first RaF-CLIP, with the AGCN on its features, as far as they are there. */
    public Optional<SuiteModels> models() throws IOException {
        Subject.Encoder rafclip = lab.models().rafclip();
        if (!lab.has(rafclip)) {
            return Optional.empty();
        }
        Path agcn = null;
        if (config.agcn() != null) {
            Subject.Composer first = lab.models().composers("AGCN", List.of()).get(0);
            agcn = lab.has(first) ? first.folder() : null;
        }
        return Optional.of(new SuiteModels(rafclip.folder(), agcn));
    }

    private ExperimentResult run(Experiment experiment) throws InterruptedException {
        lab.stages();
        if (failedElsewhere.containsKey(experiment.id())) {
            return ExperimentResult.failed(
                    experiment.id(), experiment.title(), lab.stages(), failedElsewhere.get(experiment.id()));
        }
        try {
            Needs needs = needs(experiment);
            if (needs.error() != null) {
                throw needs.error();
            }
            for (Subject subject : needs.subjects()) {
                if (lab.make(subject)) {
                    watcher.say(subject.stage() + ": reused " + subject.folder());
                }
            }
            Experiment.Findings findings = findings(experiment, needs.subjects());
            return new ExperimentResult(
                    experiment.id(),
                    experiment.title(),
                    findings.tables(),
                    findings.figures(),
                    needs.subjects().stream()
                            .map(lab::run)
                            .flatMap(Optional::stream)
                            .toList(),
                    findings.confusions(),
                    findings.gates(),
                    lab.stages(),
                    null);
        } catch (InterruptedException e) {
            throw e;
        } catch (Exception | OutOfMemoryError e) {
            watcher.failed(experiment.id(), e);
            return ExperimentResult.failed(experiment.id(), experiment.title(), lab.stages(), message(e));
        }
    }

    private Asked asked(Experiment experiment) {
        return new Asked(
                experiment.id(),
                config.data().place().toString(),
                String.valueOf(config.data().fashioniq()),
                String.valueOf(config.data().measured()),
                config.checkpoint().name(),
                config.figures(),
                config.unseen());
    }

    /** Measures subjects that are all made. */
    private Experiment.Findings findings(Experiment experiment, List<Subject> subjects)
            throws IOException, InterruptedException {
        return lab.value(
                experiment.id() + ": " + experiment.title(),
                FINDINGS,
                asked(experiment),
                Lab.names(subjects),
                Experiment.Findings.class,
                () -> experiment.run(lab));
    }

    /**
     * What experiments lack, each a task for a process of its own: the models, then the measurements, each after the models that
     * it measures. Where two measurements want the same figures, one makes them and the other waits.
     */
    public List<TaskCluster.Task> tasks(List<Experiment> experiments) throws IOException {
        Map<String, TaskCluster.Task> tasks = new LinkedHashMap<>();
        for (Experiment experiment : experiments) {
            List<Subject> subjects = needs(experiment).subjects();
            Set<String> models = new LinkedHashSet<>();
            for (Subject subject : subjects) {
                if (!lab.has(subject)) {
                    String name = MODEL + subject.inputs().name();
                    models.add(name);
                    tasks.putIfAbsent(name, new TaskCluster.Task(name, subject.stage(), before(subject)));
                }
            }
            boolean measured = models.isEmpty() && lab.hasValue(FINDINGS, asked(experiment), Lab.names(subjects));
            if (!subjects.isEmpty() && !measured) {
                String name = MEASURED + experiment.id();
                tasks.put(name, new TaskCluster.Task(name, experiment.id() + ": " + experiment.title(), models));
            }
        }
        return List.copyOf(tasks.values());
    }

    /** What a model is made from, as far as it is not there. */
    private Set<String> before(Subject subject) throws IOException {
        return subject instanceof Subject.Composer composer && !lab.has(composer.encoder())
                ? Set.of(MODEL + composer.encoder().inputs().name())
                : Set.of();
    }

    /** Does one of the {@link #tasks} of these experiments. */
    void doTask(String name, List<Experiment> experiments) throws IOException, InterruptedException {
        for (Experiment experiment : experiments) {
            List<Subject> subjects = needs(experiment).subjects();
            if (name.equals(MEASURED + experiment.id())) {
                findings(experiment, subjects);
                return;
            }
            for (Subject subject : subjects) {
                if (name.equals(MODEL + subject.inputs().name())) {
                    lab.make(subject);
                    return;
                }
            }
        }
        throw new DataException("the suite is another one here: it has no '" + name
                + "'; have all machines share one folder with its files and the program");
    }

    /**
     * Takes it that tasks failed: {@link #run} does not try them again.
     *
     * @param failures why, by task
     */
    public void failedElsewhere(List<Experiment> experiments, Map<String, String> failures) {
        for (Experiment experiment : experiments) {
            for (Subject subject : needs(experiment).subjects()) {
                String why = failures.get(MODEL + subject.inputs().name());
                if (why != null) {
                    lab.failedElsewhere(subject, why);
                }
            }
            String why = failures.get(MEASURED + experiment.id());
            if (why != null) {
                failedElsewhere.put(experiment.id(), why);
            }
        }
    }

    private static String message(Throwable e) {
        String message = e.getMessage() == null ? e.toString() : e.getMessage();
        return e instanceof OutOfMemoryError ? "out of memory: " + message : message;
    }

    @Override
    public void close() throws IOException {
        lab.close();
        if (lock != null) {
            lock.close();
        }
        if (temporary != null) {
            AtomicFiles.deleteDirectory(temporary);
        }
    }
}
