package org.rafclip.experiment;

import java.io.IOException;
import java.util.List;
import org.rafclip.agcn.compose.ComposerConfig.Kind;
import org.rafclip.agcn.eval.PublishedPeers;
import org.rafclip.eval.PaperTables;

/** Table 3: search by image plus text, beside CLIP4Cir's combiner and the sum of both features. */
public final class Table3ComposedRetrieval implements Experiment {

    static final String ID = "table3";

    private static final List<Kind> KINDS = List.of(Kind.CLIP4CIR, Kind.AGCN);

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
        return "Table 3. Composed retrieval";
    }

    @Override
    public List<Subject> subjects(Models models) throws IOException {
        return Composing.subjects(models, KINDS);
    }

    @Override
    public Findings run(Lab lab) throws IOException, InterruptedException {
        return Composing.table(lab, KINDS, PaperTables.load().table(3), PublishedPeers.load());
    }
}
