package org.rafclip.experiment;

import java.io.IOException;
import java.util.List;
import org.rafclip.agcn.compose.ComposerConfig.Kind;
import org.rafclip.agcn.eval.PublishedPeers;
import org.rafclip.eval.PaperTables;

/** Table 5: what the parts of the composed network are worth. */
public final class Table5ComposedNetwork implements Experiment {

    static final String ID = "table5";

    private static final List<Kind> KINDS = List.of(Kind.ONLY_TEXT, Kind.ONLY_IMAGE, Kind.ADD, Kind.AGCN);

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
        return "Table 5. Parts of the composed network";
    }

    @Override
    public List<Subject> subjects(Models models) throws IOException {
        return Composing.subjects(models, KINDS);
    }

    @Override
    public Findings run(Lab lab) throws IOException, InterruptedException {
        return Composing.table(lab, KINDS, PaperTables.load().table(5), new PublishedPeers(List.of()));
    }
}
