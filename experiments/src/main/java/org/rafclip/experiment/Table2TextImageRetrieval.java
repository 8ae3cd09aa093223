package org.rafclip.experiment;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.rafclip.eval.PaperTables;
import org.rafclip.eval.RetrievalResult;
import org.rafclip.eval.RetrievalTable;
import org.rafclip.train.RafClipConfig;

/** Table 2: texts find images and images find texts, before and after the training. */
public final class Table2TextImageRetrieval implements Experiment {

    static final String ID = "table2";

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
        return "Table 2. Text-image retrieval";
    }

    @Override
    public List<Subject> subjects(Models models) throws IOException {
        List<Subject> subjects = new ArrayList<>(models.starts());
        subjects.addAll(models.rafclips());
        return subjects;
    }

    @Override
    public Findings run(Lab lab) throws IOException, InterruptedException {
        List<RetrievalTable.Ours> rows = new ArrayList<>();
        for (List<? extends Subject.OfPhotos> method :
                List.of(lab.models().starts(), lab.models().rafclips())) {
            List<RetrievalResult> runs = new ArrayList<>();
            for (Subject.OfPhotos subject : method) {
                runs.add(lab.retrieval(subject));
            }
            RafClipConfig config = method.get(0).config();
            String protocol = RetrievalTable.protocol(
                    config.prompts().retrieval(),
                    config.data().evaluation().region(),
                    config.data().mirror());
            rows.add(new RetrievalTable.Ours(
                    method.get(0).label(), runs, lab.wording().setting(method, protocol)));
        }
        return Findings.of(RetrievalTable.of(rows, PaperTables.load().table(2)));
    }
}
