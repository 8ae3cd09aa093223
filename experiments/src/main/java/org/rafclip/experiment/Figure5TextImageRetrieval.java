package org.rafclip.experiment;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.cli.Main;
import org.rafclip.clip.ClipModel;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.eval.PhotoEvaluation;
import org.rafclip.eval.Retrieval;

/** Figure 5: texts find images and images find texts. */
public final class Figure5TextImageRetrieval implements Experiment {

    static final String ID = "figure5";

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
        return "Figure 5. Text-image retrieval";
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
        List<FashionItem> items = photos.items();
        List<String> textOf = photos.queries();
        List<String> texts = textOf.stream().distinct().toList();
        List<Figure.Query> textToImage = new ArrayList<>();
        List<Figure.Query> imageToText = new ArrayList<>();
        try (ClipModel model = lab.model(subject);
                INDArray images = photos.images(
                        model,
                        PhotoEvaluation.Images.REGIONS,
                        subject.config().data().mirror(),
                        lab.encoding("regions", photos));
                INDArray embeddedTexts = model.encodeTexts(texts)) {
            Retrieval.Gallery imageGallery = new Retrieval.Gallery(images);
            Retrieval.Gallery textGallery = new Retrieval.Gallery(embeddedTexts);
            for (int photo : Drawing.draw(settings.seed(), 51, items.size(), settings.queries(), i -> true)) {
                String text = textOf.get(photo);
                List<Figure.Answer> answers = new ArrayList<>();
                for (Retrieval.Hit near :
                        imageGallery.nearest(embeddedTexts.getRow(texts.indexOf(text), true), settings.answers())) {
                    answers.add(new Figure.Answer(
                            answers.size() + 1,
                            lab.picture(split, items.get(near.index())),
                            null,
                            near.cosine(),
                            textOf.get(near.index()).equals(text),
                            null));
                }
                textToImage.add(new Figure.Query(subject.label(), null, text, answers, List.of(), null));
            }
            for (int photo : Drawing.draw(settings.seed(), 52, items.size(), settings.queries(), i -> true)) {
                String right = textOf.get(photo);
                List<Figure.Answer> answers = new ArrayList<>();
                for (Retrieval.Hit near : textGallery.nearest(images.getRow(photo, true), settings.answers())) {
                    String text = texts.get(near.index());
                    boolean found = text.equals(right);
                    answers.add(new Figure.Answer(
                            answers.size() + 1, null, text, near.cosine(), found, found ? null : right));
                }
                imageToText.add(new Figure.Query(
                        subject.label(), lab.picture(split, items.get(photo)), null, answers, List.of(), null));
            }
        }
        String drawn =
                "Queries drawn by the seed from the photos measured, not chosen; right is what has the same color,"
                        + " category and attributes";
        return new Findings(
                List.of(),
                List.of(
                        new Figure(title() + ": texts find images", textToImage, List.of(drawn)),
                        new Figure(title() + ": images find texts", imageToText, List.of(drawn))),
                List.of());
    }
}
