package org.rafclip.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.rafclip.data.DataException;
import org.rafclip.run.ConfigException;
import org.rafclip.run.JsonReport;
import org.rafclip.run.Provenance;
import org.rafclip.train.Checkpoints;
import org.rafclip.train.MetricsLog;
import org.rafclip.train.RunFolder;

/**
 * What can be read of a training run, finished or not, damaged or not.
 *
 * @param folder of the run
 * @param label what the page calls it
 * @param config as a tree with the keys of its YAML file; missing where neither that nor the provenance can be read
 * @param configText the file's text, empty where it cannot be read
 * @param provenance empty where it cannot be read
 * @param metrics in the order of steps
 * @param state of the last checkpoint, empty where there is none
 * @param trainedOn photos, -1 where that is not known
 * @param notes what is missing
 */
record TrainedRun(
        RunFolder folder,
        String label,
        JsonNode config,
        String configText,
        Optional<Provenance> provenance,
        List<MetricsLog.Entry> metrics,
        Optional<Checkpoints.State> state,
        int trainedOn,
        List<Page.Note> notes) {

    private static final String VALIDATION = "validation/";
    private static final int PROBLEMS_NAMED = 3;

    /** What {@code provenance.json} says besides the provenance is not needed here. */
    private record Nothing() {}

    /** Whether a folder is that of a training run. */
    static boolean isOne(Path dir) {
        RunFolder run = new RunFolder(dir);
        return Files.isRegularFile(run.configFile())
                && (Files.isRegularFile(run.metricsFile()) || Files.isRegularFile(run.provenanceFile()));
    }

    static TrainedRun read(Path dir, String label) {
        RunFolder folder = new RunFolder(dir);
        List<Page.Note> notes = new ArrayList<>();
        Optional<Provenance> provenance = provenance(folder, label, notes);
        String configText = configText(folder, label, notes);
        JsonNode config = config(folder, configText, label, notes)
                .or(() -> provenance.map(Provenance::config))
                .orElse(MissingNode.getInstance());
        List<MetricsLog.Entry> metrics = metrics(folder, label, notes);
        Optional<Checkpoints.State> state = state(folder, label, notes);
        int epochs = config.at("/train/epochs").asInt();
        if (!metrics.isEmpty() && !state.map(Checkpoints.State::finished).orElse(false)) {
            MetricsLog.Entry last = metrics.get(metrics.size() - 1);
            notes.add(Page.Note.missing(String.format(
                    Locale.ROOT,
                    "%s has not finished: %,d steps are logged, it is in epoch %,d%s. The page shows what there is;"
                            + " write it again later.",
                    label,
                    last.step(),
                    last.epoch() + 1,
                    epochs > 0 ? String.format(Locale.ROOT, " of %,d", epochs) : "")));
        }
        return new TrainedRun(
                folder,
                label,
                config,
                configText,
                provenance,
                metrics,
                state,
                trainedOn(folder, label, notes),
                List.copyOf(notes));
    }

    private static Optional<Provenance> provenance(RunFolder folder, String label, List<Page.Note> notes) {
        try {
            return Optional.ofNullable(
                    JsonReport.read(folder.provenanceFile(), Nothing.class).provenance());
        } catch (ConfigException e) {
            notes.add(Page.Note.missing(label + " has no provenance that can be read: " + e.getMessage()));
            return Optional.empty();
        }
    }

    private static String configText(RunFolder folder, String label, List<Page.Note> notes) {
        try {
            return Files.readString(folder.configFile());
        } catch (IOException e) {
            notes.add(Page.Note.missing(label + " has no configuration that can be read: " + e.getMessage()));
            return "";
        }
    }

    private static Optional<JsonNode> config(RunFolder folder, String text, String label, List<Page.Note> notes) {
        try {
            JsonNode tree = new YAMLMapper().readTree(text);
            return tree.isObject() ? Optional.of(tree) : Optional.empty();
        } catch (IOException e) {
            notes.add(Page.Note.missing(
                    label + ": " + folder.configFile() + " is no YAML any more; the provenance's copy is shown"));
            return Optional.empty();
        }
    }

    private static List<MetricsLog.Entry> metrics(RunFolder folder, String label, List<Page.Note> notes) {
        List<DataException> damaged = new ArrayList<>();
        List<MetricsLog.Entry> metrics = List.of();
        try {
            metrics = MetricsLog.read(folder.metricsFile(), damaged::add);
        } catch (NoSuchFileException e) {
            notes.add(Page.Note.missing(label + " has not logged a step yet: there is no " + folder.metricsFile()));
            return metrics;
        } catch (IOException e) {
            notes.add(Page.Note.missing(label + ": " + folder.metricsFile() + " cannot be read: " + e.getMessage()));
            return metrics;
        }
        for (DataException problem : damaged.subList(0, Math.min(PROBLEMS_NAMED, damaged.size()))) {
            notes.add(Page.Note.missing(label + ": left out of the curves: " + problem.getMessage()));
        }
        if (damaged.size() > PROBLEMS_NAMED) {
            notes.add(Page.Note.missing(String.format(
                    Locale.ROOT,
                    "%s: %,d further lines of %s are damaged too",
                    label,
                    damaged.size() - PROBLEMS_NAMED,
                    folder.metricsFile())));
        }
        if (metrics.isEmpty() && damaged.isEmpty()) {
            notes.add(Page.Note.missing(label + " has not logged a step yet: " + folder.metricsFile() + " is empty"));
        }
        return metrics;
    }

    private static Optional<Checkpoints.State> state(RunFolder folder, String label, List<Page.Note> notes) {
        try {
            Optional<Path> last = folder.checkpoints().find(Checkpoints.Which.LAST);
            return last.isPresent() ? Optional.of(Checkpoints.verify(last.get()).state()) : Optional.empty();
        } catch (DataException | IOException e) {
            notes.add(Page.Note.missing(label + " has no last checkpoint that can be read: " + e.getMessage()));
            return Optional.empty();
        }
    }

    private static int trainedOn(RunFolder folder, String label, List<Page.Note> notes) {
        try {
            return folder.trainedOn().size();
        } catch (NoSuchFileException e) {
            return -1;
        } catch (DataException | IOException e) {
            notes.add(Page.Note.missing(label + ": which photos it trained on cannot be read: " + e.getMessage()));
            return -1;
        }
    }

    /** The same under another name. */
    TrainedRun named(String other) {
        return new TrainedRun(folder, other, config, configText, provenance, metrics, state, trainedOn, notes);
    }

    /** Whether a composer was trained, not an encoder. */
    boolean composer() {
        return config.has("composer");
    }

    /** What was trained, as tables call it. */
    String method() {
        return composer() ? Methods.name(config.at("/composer/kind").asText("agcn")) : "RaF-CLIP";
    }

    /** What is trained to what end: the names of validation figures without their prefix, in the order of the log. */
    List<String> validationNames() {
        return metrics.stream()
                .flatMap(entry -> entry.values().keySet().stream())
                .filter(name -> name.startsWith(VALIDATION))
                .map(name -> name.substring(VALIDATION.length()))
                .distinct()
                .toList();
    }

    /** A validation figure, a share, over the steps in percent; not finite values are left out. */
    Charts.Curve validation(String name, String curve) {
        Charts.Curve shares = curve(VALIDATION + name, curve);
        return new Charts.Curve(
                curve,
                shares.x(),
                Arrays.stream(shares.y()).map(share -> 100 * share).toArray());
    }

    /** A logged figure over the steps; not finite values are left out. */
    Charts.Curve curve(String name, String curve) {
        List<MetricsLog.Entry> entries = metrics.stream()
                .filter(entry -> entry.values().containsKey(name)
                        && Double.isFinite(entry.values().get(name)))
                .toList();
        return new Charts.Curve(
                curve,
                entries.stream().mapToDouble(MetricsLog.Entry::step).toArray(),
                entries.stream().mapToDouble(entry -> entry.values().get(name)).toArray());
    }

    /** The last value of a figure, empty where it was never logged. */
    Optional<Double> last(String name) {
        return metrics.stream()
                .map(entry -> entry.values().get(name))
                .filter(value -> value != null && Double.isFinite(value))
                .reduce((before, after) -> after);
    }

    long steps() {
        return metrics.isEmpty() ? 0 : metrics.get(metrics.size() - 1).step();
    }

    /** Wall time by stage, in order; what cannot be known is left out. */
    Map<String, Duration> times() {
        Map<String, Duration> times = new LinkedHashMap<>();
        if (metrics.isEmpty()) {
            return times;
        }
        Instant first = metrics.get(0).time();
        Instant last = metrics.get(metrics.size() - 1).time();
        started()
                .filter(start -> start.isBefore(first))
                .ifPresent(start -> times.put("until the first step", Duration.between(start, first)));
        Duration pauses = pauses();
        times.put("training with validation", Duration.between(first, last).minus(pauses));
        if (!pauses.isZero()) {
            times.put("interrupted", pauses);
        }
        return times;
    }

    private Optional<Instant> started() {
        try {
            return provenance.map(known -> Instant.parse(known.started()));
        } catch (DateTimeParseException e) {
            return Optional.empty();
        }
    }

    /** Gaps between lines that are far longer than the others: the run was stopped and resumed. */
    private Duration pauses() {
        long[] gaps = new long[metrics.size() - 1];
        for (int i = 0; i < gaps.length; i++) {
            gaps[i] = Duration.between(metrics.get(i).time(), metrics.get(i + 1).time())
                    .toMillis();
        }
        long[] sorted = gaps.clone();
        Arrays.sort(sorted);
        long usual = sorted.length == 0 ? 0 : sorted[(int) (0.98 * (sorted.length - 1))];
        long limit = Math.max(Duration.ofMinutes(2).toMillis(), 20 * usual);
        return Duration.ofMillis(Arrays.stream(gaps).filter(gap -> gap > limit).sum());
    }

    /** The run's other JSON files: evaluations, if they were written here. */
    List<Path> reports() throws IOException {
        try (Stream<Path> files = Files.list(folder.dir())) {
            return files.filter(file -> file.toString().endsWith(".json")
                            && !file.getFileName()
                                    .equals(folder.provenanceFile().getFileName()))
                    .sorted()
                    .toList();
        }
    }
}
