package org.rafclip.experiment;

import java.io.IOException;
import java.util.List;
import org.rafclip.eval.PhotoEvaluation.Images;
import org.rafclip.measure.EncoderEvaluator;

/** Figure 5: texts find images and images find texts. */
public final class Figure5TextImageRetrieval implements Experiment {

    static final String ID = "figure5";

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
        return "Figure 5. Text-image retrieval";
    }

    @Override
    public List<Subject> subjects(Models models) throws IOException {
        return List.of(models.rafclip());
    }

    @Override
    public Findings run(Lab lab) throws IOException, InterruptedException {
        Subject.Encoder subject = lab.models().rafclip();
        EncoderEvaluator evaluator = lab.evaluator(subject);
        return Findings.of(
                lab.figures().textToImage(title(), subject.label(), evaluator, Images.REGIONS),
                lab.figures().imageToText(title(), subject.label(), evaluator, Images.REGIONS));
    }
}
