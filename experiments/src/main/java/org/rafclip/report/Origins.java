package org.rafclip.report;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.rafclip.eval.Table;
import org.rafclip.experiment.ExperimentResult;
import org.rafclip.run.JsonReport;
import org.rafclip.run.Provenance;

/** Where everything on a page comes from. */
final class Origins {

    private static final int SHORT = 12;

    private Origins() {}

    /** Machines, a table of origins, and the configurations of runs. */
    static List<Page.Block> of(
            List<TrainedRun> runs,
            Map<String, Provenance> ofEvaluations,
            List<JsonReport<ExperimentResult>> experiments) {
        Map<String, Provenance> known = new LinkedHashMap<>();
        runs.forEach(run -> run.provenance().ifPresent(provenance -> known.put(run.label(), provenance)));
        known.putAll(ofEvaluations);
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
                .collect(Collectors.groupingBy(Origins::code, TreeMap::new, Collectors.counting()));
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
        return blocks;
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

    /** The commit, shortened. */
    static String code(Provenance provenance) {
        return start(provenance.code().commit())
                + (Boolean.TRUE.equals(provenance.code().dirty()) ? " with changes" : "");
    }

    private static String start(String hash) {
        return hash == null ? Table.NONE : hash.substring(0, Math.min(SHORT, hash.length()));
    }
}
