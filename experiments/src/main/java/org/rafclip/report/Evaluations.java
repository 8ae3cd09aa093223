package org.rafclip.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.rafclip.eval.AttributeTable;
import org.rafclip.eval.PaperTables;
import org.rafclip.eval.RetrievalTable;
import org.rafclip.eval.Table;
import org.rafclip.measure.AttributeEvaluation;
import org.rafclip.measure.ComposedMeasurement;
import org.rafclip.measure.Figure;
import org.rafclip.measure.GateSummary;
import org.rafclip.measure.RetrievalEvaluation;
import org.rafclip.run.ConfigException;
import org.rafclip.run.JsonReport;
import org.rafclip.run.Provenance;

/** What {@code ./rafclip eval … --json} wrote into the folders of runs, brought together in the paper's tables. */
final class Evaluations {

    private static final ObjectMapper JSON =
            new ObjectMapper().disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);

    private final boolean severalRuns;
    private final List<AttributeTable.Ours> attributes = new ArrayList<>();
    private final List<AttributeTable.Ours> comparisons = new ArrayList<>();
    private final List<Page.Confusions> confusions = new ArrayList<>();
    private final List<RetrievalTable.Ours> retrievals = new ArrayList<>();
    private final List<Table> composed = new ArrayList<>();
    private final Map<String, Provenance> provenances = new LinkedHashMap<>();
    private final List<Page.Note> notes = new ArrayList<>();
    private final List<Figure> examples = new ArrayList<>();
    private final Map<String, GateSummary> gates = new LinkedHashMap<>();

    /** @param severalRuns whether rows have to say which run they are of */
    Evaluations(boolean severalRuns) {
        this.severalRuns = severalRuns;
    }

    /** What could not be read, or is easily misread. */
    List<Page.Note> notes() {
        return notes;
    }

    /** Where each evaluation comes from, by its name. */
    Map<String, Provenance> provenances() {
        return provenances;
    }

    /** Takes what lies in a run's folder. */
    void read(TrainedRun run) {
        Map<Path, JsonNode> trees = new LinkedHashMap<>();
        try {
            for (Path file : run.reports()) {
                try {
                    trees.put(file, JSON.readTree(Files.readString(file)));
                } catch (JsonProcessingException e) {
                    notes.add(Page.Note.missing(
                            file + " is left out: it is damaged (" + e.getOriginalMessage() + "); measure again"));
                }
            }
        } catch (IOException e) {
            notes.add(Page.Note.missing(run.folder().dir() + " cannot be read: " + e.getMessage()));
        }
        trees.forEach((file, tree) -> {
            try {
                if (!read(run, file, tree, trees)) {
                    notes.add(Page.Note.missing(file + " is left out: it is no report of ./rafclip eval attributes,"
                            + " retrieval or composed"));
                    return;
                }
                if (tree.has("provenance")) {
                    provenances.put(
                            run.label() + ", " + stem(file),
                            JSON.treeToValue(tree.get("provenance"), Provenance.class));
                }
            } catch (ConfigException e) {
                notes.add(Page.Note.missing("Left out: " + e.getMessage()));
            } catch (JsonProcessingException e) {
                notes.add(Page.Note.missing(file + " is left out: it is not whole ("
                        + e.getOriginalMessage().replaceAll("\\s+", " ") + "); measure again"));
            }
        });
    }

    private boolean read(TrainedRun run, Path file, JsonNode tree, Map<Path, JsonNode> all) {
        String kind = JsonReport.kind(tree);
        switch (kind) {
            case "attributes" -> {
                AttributeEvaluation read =
                        JsonReport.of(file, tree, AttributeEvaluation.class).body();
                AttributeTable.Ours row = attributes(read, name(read.measured().method(), run, file, kind, all));
                if (read.complete() != null) {
                    comparisons.add(attributes(read.complete(), name("Complete", run, file, kind, all)));
                    comparisons.add(row);
                } else {
                    attributes.add(row);
                }
                taken(file, read.measured().trainedOn(), read.examples());
            }
            case "retrieval" -> {
                RetrievalEvaluation read =
                        JsonReport.of(file, tree, RetrievalEvaluation.class).body();
                retrievals.add(read.row(name(read.measured().method(), run, file, kind, all)));
                taken(file, read.measured().trainedOn(), read.examples());
            }
            case "composed" -> {
                ComposedMeasurement read =
                        JsonReport.of(file, tree, ComposedMeasurement.class).body();
                composed.addAll(read.tables());
                for (ComposedMeasurement.Method method : read.methods()) {
                    for (ComposedMeasurement.Run measured : method.runs()) {
                        if (measured.gates() != null) {
                            gates.put(method.method() + ", seed " + measured.seed(), measured.gates());
                        }
                    }
                }
                taken(file, read.trainedOn(), read.examples());
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private AttributeTable.Ours attributes(AttributeEvaluation read, String method) {
        confusions.add(new Page.Confusions(
                method,
                true,
                read.result().groups().stream()
                        .map(group -> new Page.Confusion(group.name(), group.attributes(), group.confusion()))
                        .toList()));
        return read.row(method);
    }

    /** Who a row is of: the run where there are several, the file where the run has several of the kind. */
    private String name(String method, TrainedRun run, Path file, String kind, Map<Path, JsonNode> all) {
        boolean severalFiles = all.values().stream()
                        .filter(tree -> JsonReport.kind(tree).equals(kind))
                        .count()
                > 1;
        return method + (severalRuns ? ", " + run.label() : "") + (severalFiles ? ", " + stem(file) : "");
    }

    private static String stem(Path file) {
        return file.getFileName().toString().replaceFirst("\\.json$", "");
    }

    private void taken(Path file, Integer trainedOn, Figure shown) {
        if (trainedOn != null && trainedOn > 0) {
            notes.add(Page.Note.caution(String.format(
                    Locale.ROOT,
                    "%s measures photos of which %,d were trained on, which flatters its figures.",
                    file.getFileName(),
                    trainedOn)));
        }
        if (shown != null) {
            examples.add(shown);
        }
    }

    /** What evaluations show of their queries. */
    List<Figure> examples() {
        return examples;
    }

    /** How composers' gates weigh their branches, by the composers' names. */
    Map<String, GateSummary> gates() {
        return gates;
    }

    /** The paper's tables with our rows, as far as something was measured for them. */
    List<Table> tables() {
        PaperTables paper = PaperTables.load();
        List<Table> tables = new ArrayList<>();
        if (!attributes.isEmpty()) {
            tables.addAll(AttributeTable.of(attributes, paper.table(1)));
        }
        if (!retrievals.isEmpty()) {
            tables.addAll(RetrievalTable.of(retrievals, paper.table(2)));
        }
        if (!comparisons.isEmpty()) {
            tables.addAll(AttributeTable.of(comparisons, paper.table(4)));
        }
        tables.addAll(composed);
        return tables;
    }

    /** One block of matrices an evaluation of attribute recognition. */
    List<Page.Confusions> confusions() {
        return confusions;
    }
}
