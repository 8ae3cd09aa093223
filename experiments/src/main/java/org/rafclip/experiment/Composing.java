package org.rafclip.experiment;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.rafclip.agcn.compose.ComposerConfig;
import org.rafclip.agcn.eval.ComposedResult;
import org.rafclip.agcn.eval.ComposedTable;
import org.rafclip.agcn.eval.PublishedPeers;
import org.rafclip.eval.PaperTables.PaperTable;

/** Composers of the suite, and several of them as one table: what Tables 3 and 5 and Figure 6 share. */
final class Composing {

    private Composing() {}

    /** The composers of a kind, one a seed. */
    static List<Subject.Composer> kind(Lab lab, ComposerConfig.Kind kind) throws IOException {
        String key = kind.name().toLowerCase(Locale.ROOT).replace('_', '-');
        return lab.composers(kind.title(), List.of("composer.kind=" + key));
    }

    /** The encoder and the composers of several kinds. */
    static List<Subject> subjects(Lab lab, List<ComposerConfig.Kind> kinds) throws IOException {
        List<Subject> subjects = new ArrayList<>();
        subjects.add(lab.rafclip());
        for (ComposerConfig.Kind kind : kinds) {
            subjects.addAll(kind(lab, kind));
        }
        return subjects;
    }

    /**
     * Measures.
     *
     * @param methods a table's row each, one subject a seed; the sum of the first is measured too and stands first
     */
    static List<ComposedTable.Ours> rows(Lab lab, List<List<Subject.Composer>> methods)
            throws IOException, InterruptedException {
        Subject.Composer first = methods.get(0).get(0);
        String features = ", on features of RaF-CLIP, seed " + first.encoder().seed();
        String data = lab.composedData(first);
        List<ComposedTable.Ours> rows = new ArrayList<>();
        rows.add(new ComposedTable.Ours(
                ComposerConfig.Kind.SUM.title(), List.of(lab.sum(first)), "untrained" + features, data));
        for (List<Subject.Composer> method : methods) {
            List<ComposedResult> runs = new ArrayList<>();
            for (Subject.Composer subject : method) {
                runs.add(lab.composed(subject));
            }
            rows.add(new ComposedTable.Ours(
                    method.get(0).label(), runs, "trained from random weights" + features, data));
        }
        return rows;
    }

    static Experiment.Findings table(Lab lab, List<ComposerConfig.Kind> kinds, PaperTable paper, PublishedPeers peers)
            throws IOException, InterruptedException {
        List<List<Subject.Composer>> methods = new ArrayList<>();
        for (ComposerConfig.Kind kind : kinds) {
            methods.add(kind(lab, kind));
        }
        List<ComposedTable.Ours> rows = rows(lab, methods);
        return new Experiment.Findings(
                List.of(ComposedTable.recalls(rows, paper, peers), ComposedTable.details(rows)), List.of(), List.of());
    }
}
