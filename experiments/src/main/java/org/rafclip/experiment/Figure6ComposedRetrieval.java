package org.rafclip.experiment;

import java.io.IOException;
import java.util.List;
import java.util.Optional;
import org.rafclip.agcn.compose.ComposerConfig.Kind;
import org.rafclip.agcn.compose.ComposerModel;
import org.rafclip.measure.ComposedFigures;
import org.rafclip.measure.ComposedQueries;
import org.rafclip.measure.Figure;
import org.rafclip.measure.GateSummary;
import org.rafclip.open.OpenedEncoder;

/** Figure 6: an image and a text find images; with the weights of AGCN's branches, and where text and image look. */
public final class Figure6ComposedRetrieval implements Experiment {

    static final String ID = "figure6";

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
        return "Figure 6. Composed retrieval";
    }

    @Override
    public List<Subject> subjects(Models models) throws IOException {
        return Models.withEncoders(List.of(agcn(models)));
    }

    private static Subject.Composer agcn(Models models) throws IOException {
        return Composing.kind(models, Kind.AGCN).get(0);
    }

    @Override
    public Findings run(Lab lab) throws IOException, InterruptedException {
        Subject.Composer subject = agcn(lab.models());
        ComposedQueries queries = lab.queries(subject);
        try (ComposerModel model = lab.composer(subject);
                OpenedEncoder encoder = lab.encoder(subject)) {
            Figure figure = new ComposedFigures(lab.suite().figures(), lab.results()::name)
                    .of(
                            title(),
                            subject.label(),
                            model,
                            queries,
                            encoder.model().tokenizer(),
                            false);
            Optional<GateSummary> gates = lab.gates(model, queries);
            return new Findings(List.of(), List.of(figure), List.of(), gates.orElse(null));
        }
    }
}
