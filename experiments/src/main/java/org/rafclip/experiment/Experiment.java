package org.rafclip.experiment;

import java.io.IOException;
import java.util.List;
import org.rafclip.eval.Table;
import org.rafclip.measure.Figure;
import org.rafclip.measure.GateSummary;

/** One table, figure or ablation: from the suite's settings to a typed result. */
public interface Experiment {

    /** Its name, such as {@code table1}, which its result's file has too. */
    String id();

    /** The heading of its results. */
    String title();

    /**
     * The models that it measures, the ones that others are made from first.
     *
     * @throws org.rafclip.run.ConfigException if the suite lacks what it needs
     */
    List<Subject> subjects(Models models) throws IOException;

    /** Measures the subjects, which are all made by now. */
    Findings run(Lab lab) throws IOException, InterruptedException;

    /** What came out, as {@link ExperimentResult} describes it. */
    record Findings(
            List<Table> tables, List<Figure> figures, List<ExperimentResult.Confusion> confusions, GateSummary gates) {

        public Findings {
            tables = List.copyOf(tables);
            figures = List.copyOf(figures);
            confusions = List.copyOf(confusions);
        }

        static Findings of(List<Table> tables) {
            return new Findings(tables, List.of(), List.of(), null);
        }

        static Findings of(Figure... figures) {
            return new Findings(List.of(), List.of(figures), List.of(), null);
        }
    }
}
