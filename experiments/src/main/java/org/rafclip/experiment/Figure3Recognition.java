package org.rafclip.experiment;

import java.io.IOException;
import java.util.List;

/** Figure 3: category and attributes that RaF-CLIP sees in photos. */
public final class Figure3Recognition implements Experiment {

    static final String ID = "figure3";

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
        return "Figure 3. Category and attribute recognition";
    }

    @Override
    public List<Subject> subjects(Models models) throws IOException {
        return List.of(models.rafclip());
    }

    @Override
    public Findings run(Lab lab) throws IOException, InterruptedException {
        Subject.Encoder subject = lab.models().rafclip();
        return Findings.of(lab.figures().recognition(title(), subject.label(), lab.evaluator(subject)));
    }
}
