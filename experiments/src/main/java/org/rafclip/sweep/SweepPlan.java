package org.rafclip.sweep;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.rafclip.agcn.train.AgcnConfig;
import org.rafclip.data.DataException;
import org.rafclip.eval.Table;
import org.rafclip.io.Sha256;
import org.rafclip.launch.Training;
import org.rafclip.run.ConfigException;
import org.rafclip.run.Configs;
import org.rafclip.run.OverrideException;
import org.rafclip.train.RafClipConfig;

/**
 * A sweep before it runs: its settings and every trial of it.
 *
 * @param file of the sweep
 * @param config its settings
 * @param base what trials vary
 * @param baseOverrides of the base: those of the settings, then those of the command line
 * @param trials all of them, in the order in which they run
 */
public record SweepPlan(Path file, SweepConfig config, Path base, List<String> baseOverrides, List<Trial> trials) {

    private static final Pattern TRIAL_FOLDER = Pattern.compile("trial-(\\d{4,})-[0-9a-f]{8}");
    private static final ObjectMapper JSON = new ObjectMapper();

    /**
     * Reads a sweep and lays out its trials; reads no data.
     *
     * @param overrides {@code key.path=value} each: of the sweep where the path begins with a key of it, else of its base
     * @throws ConfigException if a file cannot be read, a key or the metric is unknown, a value has the wrong type, or no
     *     trial's values go together
     */
    public static SweepPlan load(Path file, List<String> overrides) {
        Set<String> ownKeys = new LinkedHashSet<>();
        Configs.keys(SweepConfig.class).forEach(key -> ownKeys.add(key.path().split("\\.")[0]));
        Map<Boolean, List<String>> owners = overrides.stream()
                .collect(Collectors.partitioningBy(override -> ownKeys.contains(override.split("[.=]", 2)[0].strip())));
        requireKnown(owners.get(false), ownKeys);
        SweepConfig config = Configs.load(file, owners.get(true), SweepConfig.class);
        boolean baseGiven = owners.get(true).stream()
                .anyMatch(override -> override.split("=", 2)[0].strip().equals("base"));
        Path base = baseGiven ? config.base() : file.toAbsolutePath().resolveSibling(config.base());
        List<String> baseOverrides = new ArrayList<>(config.overrides());
        baseOverrides.addAll(owners.get(false));
        SweepPlan plan = new SweepPlan(file, config, base, List.copyOf(baseOverrides), List.of());
        List<Trial> trials = new ArrayList<>();
        for (Map<String, Object> values : Candidates.of(config)) {
            trials.add(plan.trial(trials.size() + 1, values));
        }
        plan.requireUsable(trials);
        return new SweepPlan(file, config, base, plan.baseOverrides, List.copyOf(trials));
    }

    /** What is no key of a sweep is one of what it trains, which is not known before the sweep is read. */
    private static void requireKnown(List<String> overrides, Set<String> ownKeys) {
        Set<String> known = new LinkedHashSet<>(ownKeys);
        for (Class<? extends Record> trained : List.of(RafClipConfig.class, AgcnConfig.class)) {
            Configs.keys(trained).forEach(key -> known.add(key.path().split("\\.")[0]));
        }
        for (String override : overrides) {
            String key = override.split("[.=]", 2)[0].strip();
            if (!known.contains(key)) {
                List<String> near = Configs.nearest(key, known);
                throw new OverrideException(
                        "override '" + override + "': " + key + ": unknown key."
                                + (near.isEmpty() ? "" : " Did you mean " + String.join(" or ", near) + "?")
                                + " Keys of a sweep: " + String.join(", ", ownKeys),
                        null);
            }
        }
    }

    private Trial trial(int number, Map<String, Object> values) {
        List<String> given = new ArrayList<>();
        values.forEach((key, value) -> given.add(key + "=" + yaml(value)));
        String name = "trial-%04d-%s"
                .formatted(number, Sha256.of(String.join("\n", given)).substring(0, 8));
        Path dir = dir().resolve(name);
        List<String> all = new ArrayList<>(baseOverrides);
        all.addAll(given);
        all.add(SweepConfig.OUTPUT_DIR + "=" + yaml(dir.toString()));
        try {
            return new Trial(number, values, dir, Training.load(base, all), null);
        } catch (ConfigException e) {
            // A record refuses values that do not go together, and that exception has a cause. All else is wrong in
            // every
            // trial.
            if (e.getCause() == null && e instanceof OverrideException) {
                throw e;
            }
            if (e.getCause() == null) {
                throw new ConfigException(file + ": " + e.getMessage(), e);
            }
            return new Trial(number, values, dir, null, e.getMessage());
        }
    }

    /** A value as JSON, which is YAML too. */
    private static String yaml(Object value) {
        try {
            return JSON.writeValueAsString(value);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("a value that YAML cannot hold: " + value, e);
        }
    }

    private void requireUsable(List<Trial> trials) {
        Training first = trials.stream()
                .filter(trial -> trial.training() != null)
                .findFirst()
                .map(Trial::training)
                .orElseThrow(() -> new ConfigException(
                        file + ": no trial can run; the first: " + trials.get(0).refusal()));
        if (!first.validationMetrics().contains(config.metric())) {
            throw new ConfigException(file + ": metric: " + config.metric() + " is no figure of a validation; known: "
                    + String.join(", ", first.validationMetrics()));
        }
    }

    /** The sweep's folder. */
    public Path dir() {
        return config.output().dir();
    }

    /**
     * Checks that what the folder holds are trials of this sweep.
     *
     * @throws DataException if one has other values or another configuration
     */
    void requireSame() throws IOException {
        if (!Files.isDirectory(dir())) {
            return;
        }
        List<String> names;
        try (Stream<Path> entries = Files.list(dir())) {
            names = entries.map(entry -> entry.getFileName().toString())
                    .sorted()
                    .toList();
        }
        for (String name : names) {
            Matcher folder = TRIAL_FOLDER.matcher(name);
            int number = folder.matches() ? Integer.parseInt(folder.group(1)) : 0;
            boolean planned = number >= 1 && number <= trials.size();
            if (planned
                    && !trials.get(number - 1).dir().getFileName().toString().equals(name)) {
                throw new DataException(dir() + " holds another sweep: " + name + " has other values than trial "
                        + number + " of " + file + "; give it the same spaces, search and seed to go on, or choose"
                        + " another output.dir");
            }
        }
        for (Trial trial : trials) {
            if (trial.training() != null) {
                trial.training().folder().requireSame(trial.training().config());
            }
        }
    }

    /** The trials with their values and what has become of each so far. */
    public Table toTable() {
        List<String> keys = List.copyOf(config.spaces().keySet());
        List<String> columns = new ArrayList<>(List.of("trial"));
        columns.addAll(SweepResult.shortNames(keys).values());
        columns.add("state");
        List<List<String>> rows = new ArrayList<>();
        for (Trial trial : trials) {
            List<String> cells = new ArrayList<>();
            cells.add(trial.dir().getFileName().toString());
            trial.values().values().forEach(value -> cells.add(SweepResult.text(value)));
            cells.add(state(trial));
            rows.add(cells);
        }
        String score = (config.goal() == SweepConfig.Goal.MAX ? "highest " : "lowest ") + config.metric();
        return new Table(
                trials.size() + " trials of " + base.getFileName() + ", for the " + score,
                columns,
                rows,
                Arrays.asList("Folder: " + dir()));
    }

    private static String state(Trial trial) {
        if (trial.outcome().isPresent()) {
            return trial.outcome().get().failed() ? "failed" : "done";
        }
        if (trial.training() == null) {
            return "refused: " + trial.refusal();
        }
        return Files.exists(trial.training().folder().configFile()) ? "begun" : "to do";
    }
}
