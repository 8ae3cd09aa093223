package org.rafclip.experiment;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.agcn.compose.ComposerConfig.Kind;
import org.rafclip.agcn.compose.ComposerModel;
import org.rafclip.agcn.compose.Explanation;
import org.rafclip.agcn.features.EncodedData;
import org.rafclip.agcn.features.Features;
import org.rafclip.cli.Main;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.data.fashioniq.FashionIq;
import org.rafclip.data.fashioniq.QuerySet;
import org.rafclip.eval.Retrieval;

/** Figure 6: an image and a text find images; with the weights of AGCN's branches, and where the text looks. */
public final class Figure6ComposedRetrieval implements Experiment {

    static final String ID = "figure6";

    /** Runs it alone; takes the arguments of {@code ./rafclip ablate}. */
    public static void main(String[] arguments) {
        Main.experiment(ID, arguments);
    }

    @Override
    public String id() {
        return ID;
    }

    @Override
    public String title() {
        return "Figure 6. Composed retrieval";
    }

    @Override
    public List<Subject> subjects(Models models) throws IOException {
        return Models.withEncoders(List.of(agcn(models)));
    }

    private static Subject.Composer agcn(Models models) throws IOException {
        return Composing.kind(models, Kind.AGCN).get(0);
    }

    @Override
    public Findings run(Lab lab) throws IOException, InterruptedException {
        Subject.Composer subject = agcn(lab.models());
        Function<String, Figure.Picture> pictures = pictures(lab);
        List<Figure.Query> queries = new ArrayList<>();
        try (ComposerModel model = lab.composer(subject)) {
            List<QuerySet> sets = lab.queries(subject).sets();
            for (int set = 0; set < sets.size(); set++) {
                queries.addAll(queries(lab, subject, model, sets.get(set), set, pictures));
            }
        }
        return new Findings(
                List.of(),
                List.of(new Figure(
                        title(),
                        queries,
                        List.of(
                                "Queries drawn by the seed from those measured, not chosen; right is every image with the"
                                        + " wanted labels, or the one target where the data set has no labels",
                                "Gates: the weights a and b of Eq. 12; of vector gates the mean"))),
                List.of());
    }

    private static List<Figure.Query> queries(
            Lab lab,
            Subject.Composer subject,
            ComposerModel model,
            QuerySet set,
            int place,
            Function<String, Figure.Picture> pictures)
            throws IOException {
        SuiteConfig.Figures settings = lab.suite().figures();
        EncodedData features = lab.queries(subject).features();
        List<QuerySet.Query> drawn =
                Drawing.draw(settings.seed(), 600 + place, set.queries().size(), settings.queries(), i -> true).stream()
                        .map(i -> set.queries().get(i))
                        .toList();
        Features references =
                features.images(drawn.stream().map(QuerySet.Query::reference).toList());
        Features texts = features.texts(drawn.stream().map(QuerySet.Query::text).toList());
        ComposerModel.Explained explained = model.explain(references, texts);
        List<Figure.Query> queries = new ArrayList<>();
        try (INDArray composed = explained.queries();
                INDArray images = features.embeddings(set.gallery())) {
            Retrieval.Gallery gallery = new Retrieval.Gallery(images);
            for (int i = 0; i < drawn.size(); i++) {
                QuerySet.Query query = drawn.get(i);
                List<Figure.Answer> answers = new ArrayList<>();
                for (Retrieval.Hit near : gallery.nearest(composed.getRow(i, true), settings.answers())) {
                    answers.add(new Figure.Answer(
                            answers.size() + 1,
                            pictures.apply(set.gallery().get(near.index())),
                            null,
                            near.cosine(),
                            query.right().contains(near.index()),
                            null));
                }
                queries.add(new Figure.Query(
                        subject.label(),
                        pictures.apply(query.reference()),
                        query.text(),
                        answers,
                        gates(explained.explanations().get(i)),
                        attention(explained.explanations().get(i).patches())));
            }
        }
        return queries;
    }

    private static List<Figure.Measure> gates(Explanation explanation) {
        List<Figure.Measure> gates = new ArrayList<>();
        mean(explanation.imageGate()).forEach(value -> gates.add(new Figure.Measure("image gate a", value)));
        mean(explanation.textGate()).forEach(value -> gates.add(new Figure.Measure("text gate b", value)));
        return gates;
    }

    private static List<Double> mean(List<Double> values) {
        return values.isEmpty()
                ? List.of()
                : List.of(values.stream()
                        .mapToDouble(Double::doubleValue)
                        .average()
                        .orElseThrow());
    }

    /** Encoders see square images. */
    private static Figure.Attention attention(List<Double> patches) {
        int side = (int) Math.round(Math.sqrt(patches.size()));
        return patches.isEmpty() ? null : new Figure.Attention(side, side, patches);
    }

    private static Function<String, Figure.Picture> pictures(Lab lab) {
        if (lab.suite().data().fashioniq() != null) {
            FashionIq data = FashionIq.open(lab.suite().data().fashioniq());
            return id -> new Figure.Picture(
                    lab.results()
                            .name(data.images()
                                    .folder()
                                    .resolve(data.images().entry(id).orElseThrow())),
                    null,
                    List.of());
        }
        FashionSplit split = lab.data().measured();
        Map<String, FashionItem> items =
                split.items().stream().collect(Collectors.toMap(FashionItem::id, Function.identity()));
        return id -> lab.picture(split, items.get(id));
    }
}
