package org.rafclip.experiment;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.rafclip.eval.PaperTables;

/** Table 1: attribute recognition before and after the training. */
public final class Table1AttributeRecognition implements Experiment {

    static final String ID = "table1";

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
        return "Table 1. Attribute recognition";
    }

    @Override
    public List<Subject> subjects(Models models) throws IOException {
        List<Subject> subjects = new ArrayList<>(models.starts());
        subjects.addAll(models.rafclips());
        return subjects;
    }

    @Override
    public Findings run(Lab lab) throws IOException, InterruptedException {
        return Recognition.of(
                lab,
                List.of(lab.models().starts(), lab.models().rafclips()),
                PaperTables.load().table(1));
    }
}
