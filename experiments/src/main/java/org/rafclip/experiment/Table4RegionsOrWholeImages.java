package org.rafclip.experiment;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.rafclip.eval.PaperTables;

/** Table 4: regions or whole images to train on. */
public final class Table4RegionsOrWholeImages implements Experiment {

    static final String ID = "table4";

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
        return "Table 4. Regions or whole images";
    }

    @Override
    public List<Subject> subjects(Models models) throws IOException {
        List<Subject> subjects = new ArrayList<>(models.completes());
        subjects.addAll(models.rafclips());
        return subjects;
    }

    @Override
    public Findings run(Lab lab) throws IOException, InterruptedException {
        return Recognition.of(
                lab,
                List.of(lab.models().completes(), lab.models().rafclips()),
                PaperTables.load().table(4));
    }
}
