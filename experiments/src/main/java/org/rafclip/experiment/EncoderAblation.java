package org.rafclip.experiment;

import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import org.rafclip.data.segment.ExactSegmenter;
import org.rafclip.data.table.PhotoTable;
import org.rafclip.eval.AttributeResult;
import org.rafclip.eval.RetrievalResult;
import org.rafclip.eval.Spread;
import org.rafclip.eval.Table;
import org.rafclip.photos.SegmenterChoice;
import org.rafclip.run.ConfigException;
import org.rafclip.train.RafClipConfig;

/**
 * RaF-CLIP trained with one setting in several values, everything else equal. The paper has no such tables.
 *
 * @param id of the experiment
 * @param title as a heading
 * @param variants a table's row each
 * @param notes below the table
 */
public record EncoderAblation(
        String id, String title, Function<RafClipConfig, List<Variant>> variants, List<String> notes)
        implements Experiment {

    /**
     * One value.
     *
     * @param label the row's name
     * @param overrides {@code key.path=value} each; none for the suite's own setting
     */
    public record Variant(String label, List<String> overrides) {}

    /** α of Eq. 5, from the category branch alone to the attribute branch alone. */
    public static EncoderAblation alpha() {
        return new EncoderAblation(
                "ablation-alpha",
                "The share α of the attribute branch",
                config -> List.of(
                        value("α = 0 (category branch alone)", "loss.alpha=0"),
                        value("α = 0.25", "loss.alpha=0.25"),
                        value("α = 0.5 (paper)", "loss.alpha=0.5"),
                        value("α = 0.75", "loss.alpha=0.75"),
                        value("α = 0.9", "loss.alpha=0.9"),
                        value("α = 1 (attribute branch alone)", "loss.alpha=1")),
                List.of());
    }

    /** What a text means that several images of a batch share. */
    public static EncoderAblation positives() {
        return new EncoderAblation(
                "ablation-positives",
                "Positives: images of a batch that share a text",
                config -> List.of(
                        value("identity (paper)", "loss.positives=identity"),
                        value("same text", "loss.positives=same-text"),
                        value("weighted, γ = 0.35", "loss.positives=weighted", "loss.duplicate-exponent=0.35"),
                        value("weighted, γ = 0", "loss.positives=weighted", "loss.duplicate-exponent=0")),
                List.of("identity and same text have the same loss and gradient, so that their rows are equal"));
    }

    /** What finds the garment, and what stands where the garment is not. */
    public static EncoderAblation masks() {
        return new EncoderAblation(
                "ablation-masks",
                "Masks: what finds the garment, and what fills the rest",
                EncoderAblation::masks,
                List.of("Each row is trained and measured with its own masks"));
    }

    private static List<Variant> masks(RafClipConfig config) {
        List<Variant> variants = new ArrayList<>();
        variants.add(
                new Variant("no mask", Pipelines.overrides(config.data(), line -> Pipelines.without(line, "mask"))));
        boolean exact = Files.isRegularFile(PhotoTable.folder(config.data().place())
                .resolve(ExactSegmenter.FOLDER)
                .resolve(ExactSegmenter.INDEX));
        for (SegmenterChoice choice : SegmenterChoice.values()) {
            boolean lacksExact = choice == SegmenterChoice.EXACT && !exact;
            boolean lacksNetworks =
                    choice == SegmenterChoice.SAM && config.data().sam() == null;
            if (lacksExact || lacksNetworks) {
                continue;
            }
            String name = choice.name().toLowerCase(Locale.ROOT).replace('_', '-');
            List<String> overrides =
                    new ArrayList<>(Pipelines.ofRegions(config.data(), line -> Pipelines.masked(line, "mean")));
            overrides.add("data.segmenter=" + name);
            variants.add(new Variant(name + ", mean color", overrides));
        }
        for (String fill : List.of("black", "white")) {
            variants.add(new Variant(
                    "as the suite, " + fill, Pipelines.ofRegions(config.data(), line -> Pipelines.masked(line, fill))));
        }
        return variants;
    }

    /** How much of a text the text tower reads. */
    public static EncoderAblation textContext() {
        return new EncoderAblation(
                "ablation-text-context",
                "Text context: tokens that the text tower reads",
                config -> {
                    if (config.model().clip() == null) {
                        throw new ConfigException("the text context can only be changed where the configuration writes"
                                + " the architecture out, as model.clip; leave ablation-text-context out");
                    }
                    return List.of(
                            value("5 tokens", "model.clip.text.context-length=5"),
                            value("6 tokens", "model.clip.text.context-length=6"),
                            value("8 tokens", "model.clip.text.context-length=8"),
                            value("77 tokens (CLIP's)", "model.clip.text.context-length=77"));
                },
                List.of(
                        "Start and end token count; longer texts lose their last words. Texts are encoded up to their end"
                                + " only, so that a context no text fills costs nothing"));
    }

    /** Sentences with all labels of a garment beside the two branches. */
    public static EncoderAblation sentences() {
        return new EncoderAblation(
                "ablation-sentences",
                "Sentences: all labels of a garment in one text, beside the two branches",
                config -> List.of(
                        value("none (paper)", "loss.sentence.weight=0"),
                        sentences("regions, w = 0.25", "region", "0.25"),
                        sentences("regions, w = 0.5", "region", "0.5"),
                        sentences("regions, w = 1", "region", "1"),
                        sentences("crops, w = 0.5", "crop", "0.5"),
                        sentences("both, w = 0.5", "both", "0.5")),
                List.of("Retrieval asks with texts of the same form"));
    }

    private static Variant sentences(String label, String image, String weight) {
        return value(label, "loss.sentence.image=" + image, "loss.sentence.weight=" + weight);
    }

    private static Variant value(String label, String... overrides) {
        return new Variant(label, List.of(overrides));
    }

    @Override
    public List<Subject> subjects(Models models) throws IOException {
        List<Subject> subjects = new ArrayList<>();
        for (Variant variant : variants(models)) {
            subjects.addAll(models.encoders(variant.label(), variant.overrides()));
        }
        return subjects;
    }

    private List<Variant> variants(Models models) {
        return variants.apply(models.base(models.suite().seeds().get(0), List.of()));
    }

    private record Row(String label, List<AttributeResult> attributes, List<RetrievalResult> retrieval) {}

    @Override
    public Findings run(Lab lab) throws IOException, InterruptedException {
        List<Row> rows = new ArrayList<>();
        List<Subject.Encoder> first = List.of();
        for (Variant variant : variants(lab.models())) {
            List<Subject.Encoder> encoders = lab.models().encoders(variant.label(), variant.overrides());
            first = first.isEmpty() ? encoders : first;
            List<AttributeResult> attributes = new ArrayList<>();
            List<RetrievalResult> retrieval = new ArrayList<>();
            for (Subject.Encoder encoder : encoders) {
                attributes.add(lab.attributes(encoder));
                retrieval.add(lab.retrieval(encoder));
            }
            rows.add(new Row(variant.label(), attributes, retrieval));
        }
        List<String> below = new ArrayList<>(notes);
        below.add(lab.wording().setting(first, "all groups, regions").inWords());
        below.add("Retrieval at label level: every image with the same labels is right");
        below.add(
                rows.get(0).attributes().size() == 1
                        ? "One seed"
                        : "Mean ± sample standard deviation over "
                                + rows.get(0).attributes().size() + " seeds");
        return Findings.of(List.of(means(rows, below), groups(rows)));
    }

    private Table means(List<Row> rows, List<String> notes) {
        List<List<String>> cells = new ArrayList<>();
        for (Row row : rows) {
            cells.add(List.of(
                    row.label(),
                    percent(row.attributes(), AttributeResult::meanAccuracy),
                    percent(row.attributes(), AttributeResult::meanBalancedAccuracy),
                    percent(row.attributes(), AttributeResult::meanMacroF1),
                    percent(
                            row.retrieval(),
                            result -> result.textToImage().label().at(10).recall()),
                    percent(
                            row.retrieval(),
                            result -> result.imageToText().label().at(10).recall())));
        }
        Row first = rows.get(0);
        cells.add(List.of(
                "Majority class",
                percent(first.attributes(), AttributeResult::meanMajorityAccuracy),
                Table.NONE,
                Table.NONE,
                Table.NONE,
                Table.NONE));
        cells.add(List.of(
                "Chance",
                percent(first.attributes(), AttributeResult::meanChance),
                percent(first.attributes(), AttributeResult::meanChance),
                Table.NONE,
                percent(
                        first.retrieval(),
                        result -> result.textToImage().label().at(10).chance()),
                percent(
                        first.retrieval(),
                        result -> result.imageToText().label().at(10).chance())));
        return new Table(
                title,
                List.of(
                        "Training",
                        "Mean accuracy, %",
                        "Balanced accuracy, %",
                        "Macro F1, %",
                        "T2I R@10, %",
                        "I2T R@10, %"),
                cells,
                notes);
    }

    private Table groups(List<Row> rows) {
        List<String> columns = new ArrayList<>(List.of("Training"));
        List<AttributeResult.Group> groups = rows.get(0).attributes().get(0).groups();
        groups.forEach(group -> columns.add(group.name()));
        List<List<String>> cells = new ArrayList<>();
        for (Row row : rows) {
            List<String> line = new ArrayList<>(List.of(row.label()));
            for (int g = 0; g < groups.size(); g++) {
                int index = g;
                line.add(percent(
                        row.attributes(), result -> result.groups().get(index).accuracy()));
            }
            cells.add(line);
        }
        return new Table(title + ", continued. Accuracy by group in percent", columns, cells, List.of());
    }

    static <T> String percent(List<T> runs, ToDoubleFunction<T> figure) {
        return Spread.of(runs.stream().mapToDouble(figure).toArray()).percent();
    }
}
