package org.rafclip.sweep;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import org.deeplearning4j.arbiter.optimize.api.data.DataProvider;
import org.deeplearning4j.arbiter.optimize.api.data.DataSource;
import org.deeplearning4j.arbiter.optimize.api.score.ScoreFunction;
import org.nd4j.shade.jackson.annotation.JsonCreator;
import org.nd4j.shade.jackson.annotation.JsonProperty;
import org.rafclip.data.DataException;
import org.rafclip.train.MetricsLog;
import org.rafclip.train.RunFolder;

/** Scores a finished run ({@link RunFolder}) by the best of its validations, which its {@code metrics.jsonl} holds. */
public final class ValidationScore implements ScoreFunction {

    private static final long serialVersionUID = 1;

    private final String metric;
    private final boolean minimize;

    /** @param metric as the log names it */
    @JsonCreator
    public ValidationScore(@JsonProperty("metric") String metric, @JsonProperty("minimize") boolean minimize) {
        this.metric = metric;
        this.minimize = minimize;
    }

    /**
     * The line of the best validation, of equal ones the first.
     *
     * @throws DataException if the run has not validated or a line is damaged
     */
    public MetricsLog.Entry best(RunFolder run) {
        Path file = run.metricsFile();
        Optional<MetricsLog.Entry> best = Optional.empty();
        try {
            for (MetricsLog.Entry entry : Files.exists(file) ? MetricsLog.read(file) : List.<MetricsLog.Entry>of()) {
                Double value = entry.values().get(metric);
                if (value != null
                        && !value.isNaN()
                        && (best.isEmpty() || better(value, best.get().values().get(metric)))) {
                    best = Optional.of(entry);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be read", e);
        }
        return best.orElseThrow(
                () -> new DataException(file + " has no " + metric + ": the run has never been validated"));
    }

    private boolean better(double value, double than) {
        return minimize ? value < than : value > than;
    }

    private double score(Object model) {
        return best((RunFolder) model).values().get(metric);
    }

    @Override
    @SuppressWarnings("deprecation")
    public double score(Object model, DataProvider dataProvider, Map<String, Object> dataParameters) {
        return score(model);
    }

    @Override
    public double score(Object model, Class<? extends DataSource> dataSource, Properties dataSourceProperties) {
        return score(model);
    }

    @Override
    public boolean minimize() {
        return minimize;
    }

    @Override
    public List<Class<?>> getSupportedModelTypes() {
        return List.of(RunFolder.class);
    }

    @Override
    public List<Class<?>> getSupportedDataTypes() {
        return List.of();
    }
}
