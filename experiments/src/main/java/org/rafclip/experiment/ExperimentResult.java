package org.rafclip.experiment;

import java.util.Arrays;
import java.util.List;
import org.rafclip.eval.Table;
import org.rafclip.measure.Figure;
import org.rafclip.measure.GateSummary;
import org.rafclip.run.ReportFormat;

/**
 * What one experiment came to: everything that a report shows of it. In JSON it has these components' names, and a
 * {@code provenance} beside them ({@link Results}). Folders and files are named as {@link Results#resolve} takes them.
 *
 * @param id such as {@code table1}, {@code figure6} or {@code ablation-alpha}
 * @param title as a heading
 * @param tables ours beside the paper's rows and the baselines, in reading order; may be empty
 * @param figures galleries, may be empty
 * @param runs the trainings that it rests on, with their metrics; may be empty
 * @param confusions of attribute recognition, one a method, seed and group; may be empty
 * @param gates how a composer's gates weigh its branches, null where that was not looked at
 * @param stages what was computed for it, in order, whether now or earlier
 * @param error what went wrong, in a line; null where the experiment is done. With an error the lists may be empty
 */
@ReportFormat(kind = "experiment", version = 2)
public record ExperimentResult(
        String id,
        String title,
        List<Table> tables,
        List<Figure> figures,
        List<Run> runs,
        List<Confusion> confusions,
        GateSummary gates,
        List<Stage> stages,
        String error) {

    /**
     * A training.
     *
     * @param label what it is called in tables, such as {@code RaF-CLIP}
     * @param kind {@code rafclip} or {@code agcn}: how its {@code config.yaml} is read
     * @param seed of the training
     * @param folder a {@link org.rafclip.train.RunFolder}: {@code metrics.jsonl} holds its curves
     */
    public record Run(String label, String kind, long seed, String folder) {}

    /**
     * How often which attribute was answered with which.
     *
     * @param method as in the tables
     * @param seed of the method's training
     * @param group of attributes
     * @param attributes of the group
     * @param counts rows are labels, columns answers, both in the order of {@code attributes}
     */
    public record Confusion(String method, long seed, String group, List<String> attributes, int[][] counts) {

        public Confusion {
            attributes = List.copyOf(attributes);
            int k = attributes.size();
            if (counts.length != k || Arrays.stream(counts).anyMatch(row -> row.length != k)) {
                throw new IllegalArgumentException(
                        "the confusion of group " + group + " needs " + k + " rows and columns, one an attribute");
            }
        }
    }

    /**
     * One artefact that the experiment rests on. Experiments share artefacts, so whoever adds up times counts each once.
     *
     * @param name such as {@code train RaF-CLIP, seed 1}
     * @param artefact names it among all of a suite: its kind and the SHA-256 of its inputs
     * @param seconds that it took when it was computed
     */
    public record Stage(String name, String artefact, double seconds) {}

    public ExperimentResult {
        tables = List.copyOf(tables);
        figures = List.copyOf(figures);
        runs = List.copyOf(runs);
        confusions = List.copyOf(confusions);
        stages = List.copyOf(stages);
    }

    /** An experiment that could not be done. */
    public static ExperimentResult failed(String id, String title, List<Stage> stages, String error) {
        return new ExperimentResult(id, title, List.of(), List.of(), List.of(), List.of(), null, stages, error);
    }
}
