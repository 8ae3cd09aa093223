package org.rafclip.experiment;

import java.io.IOException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.cli.Main;
import org.rafclip.clip.ClipModel;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.eval.PhotoEvaluation;
import org.rafclip.eval.Retrieval;

/** Figure 4: images find images with an attribute of theirs, by several models. */
public final class Figure4AttributeRetrieval implements Experiment {

    static final String ID = "figure4";

    /** The attribute of the paper's figure. */
    private static final String PAPER_ATTRIBUTE = "v_neckline";

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
        return "Figure 4. Attribute retrieval";
    }

    /** A group's attribute. */
    private record Attribute(int group, int label) {}

    @Override
    public List<Subject> subjects(Models models) throws IOException {
        return List.copyOf(methods(models));
    }

    private static List<Subject.OfPhotos> methods(Models models) throws IOException {
        return List.of(
                models.starts().get(0),
                models.completes().get(0),
                models.rafclips().get(0));
    }

    @Override
    public Findings run(Lab lab) throws IOException, InterruptedException {
        SuiteConfig.Figures settings = lab.suite().figures();
        FashionSplit split = lab.data().measured();
        List<FashionItem> items = lab.data().measured(methods(lab.models()).get(0));
        List<Attribute> asked = attributes(split.taxonomy(), items, settings);
        List<List<Figure.Query>> byAttribute = new ArrayList<>();
        asked.forEach(attribute -> byAttribute.add(new ArrayList<>()));
        for (Subject.OfPhotos subject : methods(lab.models())) {
            PhotoEvaluation photos = lab.photos(subject);
            try (ClipModel model = lab.model(subject);
                    INDArray images = photos.images(
                            model,
                            PhotoEvaluation.Images.REGIONS,
                            subject.config().data().mirror(),
                            lab.encoding("regions", photos))) {
                Retrieval.Gallery gallery = new Retrieval.Gallery(images);
                for (int i = 0; i < asked.size(); i++) {
                    Attribute attribute = asked.get(i);
                    int query = Drawing.draw(
                                    settings.seed(), 40 + i, items.size(), 1, photo -> has(items.get(photo), attribute))
                            .get(0);
                    List<Figure.Answer> answers = new ArrayList<>();
                    BitSet itself = new BitSet();
                    itself.set(query);
                    for (Retrieval.Hit near : gallery.nearest(images.getRow(query, true), settings.answers(), itself)) {
                        FashionItem item = items.get(near.index());
                        answers.add(new Figure.Answer(
                                answers.size() + 1,
                                lab.picture(split, item),
                                null,
                                near.cosine(),
                                has(item, attribute),
                                null));
                    }
                    byAttribute
                            .get(i)
                            .add(new Figure.Query(
                                    subject.label(),
                                    lab.picture(split, items.get(query)),
                                    split.taxonomy().group(attribute.group()).words(attribute.label()),
                                    answers,
                                    List.of(),
                                    null));
                }
            }
        }
        return new Findings(
                List.of(),
                List.of(new Figure(
                        title(),
                        byAttribute.stream().flatMap(List::stream).toList(),
                        List.of(
                                "The nearest images to an image; right are those with the attribute that is named, of which"
                                        + " the models are not told",
                                "The first attribute is the paper's where the data set has it, the others are drawn by the"
                                        + " seed, each equally likely, then the photo; none is chosen"))),
                List.of());
    }

    private static boolean has(FashionItem item, Attribute attribute) {
        return item.attributes().get(attribute.group()) == attribute.label();
    }

    private static List<Attribute> attributes(
            AttributeTaxonomy taxonomy, List<FashionItem> items, SuiteConfig.Figures settings) {
        List<Attribute> possible = new ArrayList<>();
        Attribute first = null;
        for (int g = 0; g < taxonomy.groups().size(); g++) {
            for (int label = 0; label < taxonomy.group(g).size(); label++) {
                Attribute attribute = new Attribute(g, label);
                if (items.stream().filter(item -> has(item, attribute)).count() > 1) {
                    boolean paper = taxonomy.group(g).attributes().get(label).equals(PAPER_ATTRIBUTE);
                    first = paper ? attribute : first;
                    possible.add(attribute);
                }
            }
        }
        List<Attribute> asked = new ArrayList<>();
        if (first != null) {
            asked.add(first);
            possible.remove(first);
        }
        Drawing.draw(settings.seed(), 4, possible.size(), settings.queries() - asked.size(), attribute -> true)
                .forEach(attribute -> asked.add(possible.get(attribute)));
        return asked;
    }
}
