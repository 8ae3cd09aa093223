package org.rafclip.experiment;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.cli.Main;
import org.rafclip.clip.ClipModel;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.data.text.Prompts;
import org.rafclip.eval.PhotoEvaluation;
import org.rafclip.eval.Retrieval;

/** Figure 3: category and attributes that RaF-CLIP sees in photos. */
public final class Figure3Recognition implements Experiment {

    static final String ID = "figure3";

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
        return "Figure 3. Category and attribute recognition";
    }

    @Override
    public List<Subject> subjects(Models models) throws IOException {
        return List.of(models.rafclip());
    }

    @Override
    public Findings run(Lab lab) throws IOException, InterruptedException {
        Subject.Encoder subject = lab.models().rafclip();
        SuiteConfig.Figures settings = lab.suite().figures();
        PhotoEvaluation photos = lab.photos(subject);
        FashionSplit split = lab.data().measured();
        List<Integer> drawn =
                Drawing.draw(settings.seed(), 3, photos.items().size(), settings.queries(), photo -> true);
        List<String> categories = photos.categories();
        List<Figure.Query> queries = new ArrayList<>();
        try (ClipModel model = lab.model(subject)) {
            boolean mirror = subject.config().data().mirror();
            INDArray crops = photos.images(model, PhotoEvaluation.Images.CROPS, mirror, lab.encoding("crops", photos));
            INDArray regions =
                    photos.images(model, PhotoEvaluation.Images.REGIONS, mirror, lab.encoding("regions", photos));
            for (int photo : drawn) {
                FashionItem item = photos.items().get(photo);
                List<Figure.Answer> answers = new ArrayList<>();
                String category = photos.category(photo);
                if (categories.size() > 1) {
                    List<String> texts = categories.stream()
                            .map(name -> Prompts.category(photos.color(photo).word(), name))
                            .toList();
                    answers.add(answer(
                            "category", categories, categories.indexOf(category), nearest(model, crops, photo, texts)));
                }
                for (int g = 0; g < split.taxonomy().groups().size(); g++) {
                    AttributeTaxonomy.Group group = split.taxonomy().group(g);
                    int label = item.attributes().get(g);
                    if (label != FashionItem.MISSING) {
                        List<String> texts = group.words().stream()
                                .map(words -> Prompts.attribute(words, category))
                                .toList();
                        answers.add(answer(group.name(), group.words(), label, nearest(model, regions, photo, texts)));
                    }
                }
                queries.add(
                        new Figure.Query(subject.label(), lab.picture(split, item), null, answers, List.of(), null));
            }
        }
        return new Findings(
                List.of(),
                List.of(new Figure(
                        title(),
                        queries,
                        List.of(
                                "Photos drawn by the seed from those measured, not chosen",
                                "The category is the nearest \"a photo of {color} {category}\" to the crop, an attribute"
                                        + " the nearest \"a photo of {attribute} {category}\" to the masked region, with"
                                        + " the labelled category",
                                categories.size() > 1
                                        ? "Categories: " + String.join(", ", categories)
                                        : "The data set has no categories"))),
                List.of());
    }

    private static Retrieval.Hit nearest(ClipModel model, INDArray images, int photo, List<String> texts) {
        try (INDArray candidates = model.encodeTexts(texts)) {
            return new Retrieval.Gallery(candidates)
                    .nearest(images.getRow(photo, true), 1)
                    .get(0);
        }
    }

    private static Figure.Answer answer(String group, List<String> words, int label, Retrieval.Hit near) {
        boolean right = near.index() == label;
        return new Figure.Answer(
                1, null, group + ": " + words.get(near.index()), near.cosine(), right, right ? null : words.get(label));
    }
}
