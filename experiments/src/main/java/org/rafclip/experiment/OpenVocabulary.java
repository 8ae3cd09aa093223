package org.rafclip.experiment;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.text.Prompts;
import org.rafclip.eval.AttributeResult;
import org.rafclip.eval.Table;
import org.rafclip.measure.EncoderEvaluator;
import org.rafclip.measure.EncoderFigures;
import org.rafclip.run.ConfigException;
import org.rafclip.train.RafClipConfig;

/**
 * The paper's "newly added attributes": attributes whose labels training never saw are asked for by name, beside the same
 * training with all labels.
 */
public final class OpenVocabulary implements Experiment {

    static final String ID = "ablation-open-vocabulary";

    /** Runs it alone; takes the arguments of {@code ./rafclip ablate}. */
    public static void main(String[] arguments) {
        ExperimentMain.of(ID, arguments);
    }

    @Override
    public String id() {
        return ID;
    }

    @Override
    public String title() {
        return "Open vocabulary: attributes that training did not see";
    }

    /**
     * What one model makes of one attribute.
     *
     * @param averagePrecision of the attribute's text over all measured photos
     * @param recall in its group, among all of the group's attributes
     */
    record Found(double averagePrecision, double recall) {}

    /** What was found for each of the suite's unseen attributes, in their order. */
    record All(List<Found> found) {}

    private record Asked(List<String> attributes) {}

    @Override
    public List<Subject> subjects(Models models) throws IOException {
        places(models);
        List<Subject> subjects = new ArrayList<>(models.rafclips());
        subjects.addAll(without(models));
        return subjects;
    }

    private static List<Subject.Encoder> without(Models models) throws IOException {
        return models.encoders(
                "Unseen",
                List.of("data.unseen=[" + String.join(", ", models.suite().unseen()) + "]"));
    }

    private static Map<String, EncoderFigures.Attribute> places(Models models) {
        AttributeTaxonomy taxonomy = models.photos().measured().taxonomy();
        Map<String, EncoderFigures.Attribute> places = new HashMap<>();
        for (int g = 0; g < taxonomy.groups().size(); g++) {
            for (int label = 0; label < taxonomy.group(g).size(); label++) {
                places.put(taxonomy.group(g).attributes().get(label), new EncoderFigures.Attribute(g, label));
            }
        }
        for (String attribute : models.suite().unseen()) {
            if (!places.containsKey(attribute)) {
                throw new ConfigException("unseen: the data set has no attribute '" + attribute + "'; it has "
                        + String.join(", ", places.keySet().stream().sorted().toList()));
            }
        }
        return places;
    }

    @Override
    public Findings run(Lab lab) throws IOException, InterruptedException {
        List<String> attributes = lab.suite().unseen();
        Map<String, EncoderFigures.Attribute> places = places(lab.models());
        List<FashionItem> items = lab.data().items(lab.models().rafclips().get(0));
        List<All> seen = found(lab, lab.models().rafclips(), places);
        List<All> unseen = found(lab, without(lab.models()), places);
        List<List<String>> rows = new ArrayList<>();
        for (int i = 0; i < attributes.size(); i++) {
            int index = i;
            EncoderFigures.Attribute place = places.get(attributes.get(i));
            double share =
                    (double) items.stream().filter(item -> place.of(item)).count() / items.size();
            double chance =
                    1.0 / lab.data().measured().taxonomy().group(place.group()).size();
            rows.add(List.of(
                    attributes.get(i).replace('_', ' '),
                    EncoderAblation.percent(List.of(share), value -> value),
                    EncoderAblation.percent(
                            unseen, all -> all.found().get(index).averagePrecision()),
                    EncoderAblation.percent(seen, all -> all.found().get(index).averagePrecision()),
                    EncoderAblation.percent(List.of(chance), value -> value),
                    EncoderAblation.percent(
                            unseen, all -> all.found().get(index).recall()),
                    EncoderAblation.percent(seen, all -> all.found().get(index).recall())));
        }
        RafClipConfig config = lab.models().base(lab.suite().seeds().get(0), List.of());
        boolean random = config.model().weights() == null;
        Table table = new Table(
                title(),
                List.of(
                        "Attribute",
                        "AP, chance, %",
                        "AP, unseen, %",
                        "AP, seen, %",
                        "Recall, chance, %",
                        "Recall, unseen, %",
                        "Recall, seen, %"),
                rows,
                List.of(
                        "AP: average precision of "
                                + Prompts.quoted(config.prompts().attribute())
                                + " over the measured photos, with each photo's category; a random order has the"
                                + " attribute's share of the photos",
                        "Recall: photos with the attribute that are answered with it, among all attributes of its group;"
                                + " chance is a uniform guess",
                        "Unseen: trained without any label of these attributes. Seen: the suite's RaF-CLIP",
                        random
                                ? "Trained from random weights, the text tower has met the words of an unseen attribute only"
                                        + " inside other attributes' names; with pre-trained weights it knows them"
                                : "The pre-trained text tower may know the words",
                        lab.wording()
                                .setting(lab.models().rafclips(), "regions")
                                .inWords()));
        List<Table> tables = new ArrayList<>(List.of(table));
        tables.add(others(lab, places));
        return Findings.of(tables);
    }

    /** What the other attributes lose by it. */
    private Table others(Lab lab, Map<String, EncoderFigures.Attribute> places)
            throws IOException, InterruptedException {
        List<List<String>> rows = new ArrayList<>();
        for (List<Subject.Encoder> method : List.of(lab.models().rafclips(), without(lab.models()))) {
            List<AttributeResult> runs = new ArrayList<>();
            for (Subject.Encoder encoder : method) {
                runs.add(lab.attributes(encoder));
            }
            rows.add(List.of(
                    method.get(0).label().equals("Unseen") ? "Without labels of the unseen" : "With all labels",
                    EncoderAblation.percent(
                            runs, run -> recallOfOthers(run, lab.suite().unseen(), places)),
                    EncoderAblation.percent(runs, AttributeResult::meanAccuracy),
                    EncoderAblation.percent(runs, AttributeResult::meanBalancedAccuracy)));
        }
        return new Table(
                title() + ", continued. What the others lose",
                List.of(
                        "Training",
                        "Mean recall of the other attributes, %",
                        "Mean accuracy, %",
                        "Balanced accuracy, %"),
                rows,
                List.of());
    }

    private static double recallOfOthers(
            AttributeResult result, List<String> unseen, Map<String, EncoderFigures.Attribute> places) {
        List<EncoderFigures.Attribute> left = unseen.stream().map(places::get).toList();
        double sum = 0;
        int count = 0;
        for (int g = 0; g < result.groups().size(); g++) {
            List<AttributeResult.Attribute> attributes = result.groups().get(g).perAttribute();
            for (int label = 0; label < attributes.size(); label++) {
                if (attributes.get(label).support() > 0 && !left.contains(new EncoderFigures.Attribute(g, label))) {
                    sum += attributes.get(label).recall();
                    count++;
                }
            }
        }
        return sum / count;
    }

    private List<All> found(Lab lab, List<Subject.Encoder> encoders, Map<String, EncoderFigures.Attribute> places)
            throws IOException, InterruptedException {
        List<All> all = new ArrayList<>();
        for (Subject.Encoder encoder : encoders) {
            AttributeResult recognised = lab.attributes(encoder);
            all.add(lab.measure(
                    "query unseen attributes by name: " + encoder.stage(),
                    "unseen",
                    encoder,
                    new Asked(lab.suite().unseen()),
                    All.class,
                    () -> found(lab, encoder, recognised, places)));
        }
        return all;
    }

    private static All found(
            Lab lab, Subject.Encoder encoder, AttributeResult recognised, Map<String, EncoderFigures.Attribute> places)
            throws IOException, InterruptedException {
        EncoderEvaluator evaluator = lab.evaluator(encoder);
        List<FashionItem> items = evaluator.photos().items();
        List<Found> found = new ArrayList<>();
        for (String attribute : lab.suite().unseen()) {
            EncoderFigures.Attribute place = places.get(attribute);
            Map<String, List<String>> textOf = evaluator.photos().categories().stream()
                    .collect(Collectors.toMap(
                            category -> category,
                            category -> evaluator.prompts().attribute(attribute.replace('_', ' '), category)));
            Set<Integer> right = IntStream.range(0, items.size())
                    .filter(i -> place.of(items.get(i)))
                    .boxed()
                    .collect(Collectors.toSet());
            found.add(new Found(
                    evaluator.averagePrecision(textOf, right),
                    recognised
                            .groups()
                            .get(place.group())
                            .perAttribute()
                            .get(place.label())
                            .recall()));
        }
        return new All(found);
    }
}
