package org.rafclip.experiment;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.rafclip.eval.AttributeResult;
import org.rafclip.eval.AttributeTable;
import org.rafclip.eval.PaperTables.PaperTable;
import org.rafclip.train.RafClipConfig;

/** Attribute recognition of several methods as one table: what Tables 1 and 4 share. */
final class Recognition {

    private Recognition() {}

    /**
     * Measures encoders.
     *
     * @param methods a table's row each, one subject a seed
     */
    static Experiment.Findings of(Lab lab, List<? extends List<? extends Subject.OfPhotos>> methods, PaperTable paper)
            throws IOException, InterruptedException {
        List<AttributeTable.Ours> rows = new ArrayList<>();
        List<ExperimentResult.Confusion> confusions = new ArrayList<>();
        for (List<? extends Subject.OfPhotos> method : methods) {
            String label = method.get(0).label();
            List<AttributeResult> runs = new ArrayList<>();
            for (Subject.OfPhotos subject : method) {
                AttributeResult result = lab.attributes(subject);
                runs.add(result);
                for (AttributeResult.Group group : result.groups()) {
                    confusions.add(new ExperimentResult.Confusion(
                            label, subject.seed(), group.name(), group.attributes(), group.confusion()));
                }
            }
            RafClipConfig config = method.get(0).config();
            String protocol = AttributeTable.protocol(
                    config.prompts().attribute(),
                    config.data().evaluation().region(),
                    config.data().mirror());
            rows.add(new AttributeTable.Ours(label, runs, lab.wording().setting(method, protocol)));
        }
        return new Experiment.Findings(AttributeTable.of(rows, paper), List.of(), confusions, null);
    }
}
