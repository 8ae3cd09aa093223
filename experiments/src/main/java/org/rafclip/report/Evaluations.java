package org.rafclip.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.rafclip.eval.AttributeResult;
import org.rafclip.eval.AttributeTable;
import org.rafclip.eval.PaperTables;
import org.rafclip.eval.RetrievalResult;
import org.rafclip.eval.RetrievalTable;
import org.rafclip.eval.Setting;
import org.rafclip.eval.Table;
import org.rafclip.experiment.ComposedMeasurement;
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
            } catch (JsonProcessingException | IllegalArgumentException e) {
                String reason = e instanceof JsonProcessingException json ? json.getOriginalMessage() : e.getMessage();
                notes.add(Page.Note.missing(file + " is left out: it is not whole (" + reason.replaceAll("\\s+", " ")
                        + "); measure again"));
            }
        });
    }

    private boolean read(TrainedRun run, Path file, JsonNode tree, Map<Path, JsonNode> all)
            throws JsonProcessingException {
        if (tree.has("meanAccuracy") && tree.has("groups")) {
            AttributeTable.Ours row = attributes(run, name("RaF-CLIP", run, file, "groups", all), tree);
            JsonNode complete = tree.path("complete");
            if (complete.isObject()) {
                comparisons.add(attributes(run, name("Complete", run, file, "groups", all), complete));
                comparisons.add(row);
            } else {
                attributes.add(row);
            }
            trained(file, tree);
        } else if (tree.has("textToImage")) {
            RetrievalResult result = new RetrievalResult(
                    tree.path("photos").asInt(),
                    tree.path("distinctTexts").asInt(),
                    tree.path("distinctLabels").asInt(),
                    JSON.treeToValue(tree.get("textToImage"), RetrievalResult.Direction.class),
                    JSON.treeToValue(tree.path("imageToText"), RetrievalResult.Direction.class));
            String protocol = RetrievalTable.protocol(
                    preparation(tree, tree.path("images").asText().equals("crops") ? "crop" : "region"),
                    tree.path("mirror").asBoolean());
            retrievals.add(new RetrievalTable.Ours(
                    name("RaF-CLIP", run, file, "textToImage", all), result, setting(run, tree, protocol)));
            trained(file, tree);
        } else if (tree.has("methods")) {
            ComposedMeasurement measured = JSON.treeToValue(tree, ComposedMeasurement.class);
            composed.addAll(measured.tables());
            trained(file, tree);
        } else {
            return false;
        }
        return true;
    }

    private AttributeTable.Ours attributes(TrainedRun run, String method, JsonNode tree)
            throws JsonProcessingException {
        ObjectNode figures = tree.deepCopy();
        figures.put("images", tree.path("photos").asInt());
        AttributeResult result = JSON.treeToValue(figures, AttributeResult.class);
        confusions.add(new Page.Confusions(
                method,
                result.groups().stream()
                        .map(group -> new Page.Confusion(group.name(), group.attributes(), group.confusion()))
                        .toList()));
        String protocol = AttributeTable.protocol(
                preparation(tree, "region"), tree.path("mirror").asBoolean());
        return new AttributeTable.Ours(method, result, setting(run, tree, protocol));
    }

    private static String preparation(JsonNode tree, String branch) {
        return tree.at("/provenance/config/settings/data/evaluation/" + branch).asText("not recorded");
    }

    private static Setting setting(TrainedRun run, JsonNode tree, String protocol) {
        JsonNode weights = run.config().at("/model/weights");
        return new Setting(
                (weights.isTextual() ? "fine-tuned from " + weights.asText() : "trained from random weights") + " ("
                        + tree.path("model").asText() + ", "
                        + tree.path("checkpoint").asText() + ")",
                String.format(
                        Locale.ROOT,
                        "measured on %,d photos of split %s in %s%s",
                        tree.path("photos").asInt(),
                        tree.path("split").asText(),
                        tree.path("data").asText(),
                        heldOut(tree)),
                protocol,
                Math.max(0, run.trainedOn()));
    }

    private static String heldOut(JsonNode tree) {
        return tree.path("heldOut").asBoolean() ? ", held out of the training" : "";
    }

    /** Who a row is of: the run where there are several, the file where the run has several of the kind. */
    private String name(String method, TrainedRun run, Path file, String key, Map<Path, JsonNode> all) {
        boolean severalFiles =
                all.values().stream().filter(tree -> tree.has(key)).count() > 1;
        return method + (severalRuns ? ", " + run.label() : "") + (severalFiles ? ", " + stem(file) : "");
    }

    private static String stem(Path file) {
        return file.getFileName().toString().replaceFirst("\\.json$", "");
    }

    private void trained(Path file, JsonNode tree) {
        int trainedOn = tree.path("trainedOn").asInt();
        if (trainedOn > 0) {
            notes.add(Page.Note.caution(String.format(
                    Locale.ROOT,
                    "%s measures photos of which %,d were trained on, which flatters its figures; --held-out measures"
                            + " on those kept out.",
                    file.getFileName(),
                    trainedOn)));
        }
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
