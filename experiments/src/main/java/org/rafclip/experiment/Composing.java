package org.rafclip.experiment;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.rafclip.agcn.compose.ComposerConfig;
import org.rafclip.agcn.eval.ComposedResult;
import org.rafclip.agcn.eval.ComposedTable;
import org.rafclip.agcn.eval.PublishedPeers;
import org.rafclip.eval.PaperTables.PaperTable;
import org.rafclip.eval.Table;

/** Composers of the suite, and several of them as one table: what Tables 3 and 5 and Figure 6 share. */
final class Composing {

    private Composing() {}

    /** The composers of a kind, one a seed. */
    static List<Subject.Composer> kind(Models models, ComposerConfig.Kind kind) throws IOException {
        String key = kind.name().toLowerCase(Locale.ROOT).replace('_', '-');
        return models.composers(kind.title(), List.of("composer.kind=" + key));
    }

    /** The composers of several kinds, and the encoders that they need. */
    static List<Subject> subjects(Models models, List<ComposerConfig.Kind> kinds) throws IOException {
        List<Subject.Composer> composers = new ArrayList<>();
        for (ComposerConfig.Kind kind : kinds) {
            composers.addAll(kind(models, kind));
        }
        return Models.withEncoders(composers);
    }

    /**
     * Measures composers.
     *
     * @param methods a table's row each, one subject a seed; the sum of the first's features is measured too, one an
     *     encoder, and stands first
     */
    static List<ComposedTable.Ours> rows(Lab lab, List<List<Subject.Composer>> methods)
            throws IOException, InterruptedException {
        Map<Subject.Encoder, Subject.Composer> firsts = new LinkedHashMap<>();
        methods.get(0).forEach(composer -> firsts.putIfAbsent(composer.encoder(), composer));
        List<String> seeds = firsts.keySet().stream()
                .map(encoder -> Long.toString(encoder.seed()))
                .toList();
        String features =
                ", on features of RaF-CLIP, seed" + (seeds.size() == 1 ? " " : "s ") + String.join(", ", seeds);
        String data = lab.wording().queries(methods.get(0).get(0));
        List<ComposedResult> sums = new ArrayList<>();
        for (Subject.Composer composer : firsts.values()) {
            sums.add(lab.sum(composer));
        }
        List<ComposedTable.Ours> rows = new ArrayList<>();
        rows.add(new ComposedTable.Ours(ComposerConfig.Kind.SUM.title(), sums, "untrained" + features, data));
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

    /** @param kinds AGCN is one of them */
    static Experiment.Findings table(Lab lab, List<ComposerConfig.Kind> kinds, PaperTable paper, PublishedPeers peers)
            throws IOException, InterruptedException {
        List<List<Subject.Composer>> methods = new ArrayList<>();
        for (ComposerConfig.Kind kind : kinds) {
            methods.add(kind(lab.models(), kind));
        }
        List<ComposedTable.Ours> rows = rows(lab, methods);
        List<Table> tables = new ArrayList<>(List.of(ComposedTable.recalls(rows, paper, peers)));
        List<ComposedTable.Ours> others = new ArrayList<>(rows);
        ComposedTable.Ours agcn = others.remove(1 + kinds.indexOf(ComposerConfig.Kind.AGCN));
        tables.add(ComposedTable.marginTable(ComposedTable.margins(agcn, others)));
        tables.add(ComposedTable.details(rows));
        return Experiment.Findings.of(tables);
    }
}
