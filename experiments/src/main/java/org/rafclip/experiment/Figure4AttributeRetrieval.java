package org.rafclip.experiment;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.rafclip.measure.EncoderFigures;
import org.rafclip.measure.Figure;

/** Figure 4: images find images with an attribute of theirs, by several models. */
public final class Figure4AttributeRetrieval implements Experiment {

    static final String ID = "figure4";

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
        return "Figure 4. Attribute retrieval";
    }

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
        List<Subject.OfPhotos> methods = methods(lab.models());
        List<EncoderFigures.Attribute> asked = lab.figures()
                .attributes(lab.data().measured().taxonomy(), lab.data().items(methods.get(0)));
        List<List<Figure.Query>> byMethod = new ArrayList<>();
        for (Subject.OfPhotos subject : methods) {
            byMethod.add(lab.figures().attributeRetrieval(subject.label(), lab.evaluator(subject), asked));
        }
        List<Figure.Query> queries = new ArrayList<>();
        for (int i = 0; i < asked.size(); i++) {
            for (List<Figure.Query> method : byMethod) {
                queries.add(method.get(i));
            }
        }
        return Findings.of(new Figure(
                title(),
                queries,
                List.of(
                        "The nearest images to an image; right are those with the attribute that is named, of which"
                                + " the models are not told",
                        "The first attribute is the paper's where the data set has it, the others are drawn by the"
                                + " seed, each equally likely, then the photo; none is chosen")));
    }
}
