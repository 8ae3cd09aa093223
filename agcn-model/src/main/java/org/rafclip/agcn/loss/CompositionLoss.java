package org.rafclip.agcn.loss;

import java.util.List;
import java.util.Map;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.agcn.loss.CompositionLossConfig.Duplicates;
import org.rafclip.ops.Graph;
import org.rafclip.ops.JavaOps;
import org.rafclip.ops.kernel.Memory;
import org.rafclip.ops.op.InfoNce;

/**
 * The batch-based contrastive loss of composed retrieval with its gradient (Wang and Zhao 2024, Eq. 13 and 14):
 * {@code −1/B Σ_i log( exp(τ′ F_i·I_i) / Σ_j exp(τ′ F_i·I_j) )} over queries F and target images I of length 1. The paper
 * prints the same I_g above and below; the sum can only mean the j-th target.
 *
 * <p>Targets come as the distinct images of a batch with a table that says which one each query has, so that a target
 * shared by queries can be told apart from a wrong answer. For one thread.
 */
public final class CompositionLoss implements AutoCloseable {

    /** The name of ln τ′ among the {@link #parameters()}. */
    public static final String LOGIT_SCALE = "logit_scale";

    private static final String QUERIES = "queries";
    private static final String TARGETS = "targets";
    private static final String TARGET_OF_QUERY = "targetOfQuery";
    private static final String LOSS = "loss";
    private static final double LENGTH_TOLERANCE = 1e-3;

    private final CompositionLossConfig config;
    private final INDArray logitScale;
    private final Graph graph;

    /** @param type of the embeddings */
    public CompositionLoss(CompositionLossConfig config, DataType type) {
        this.config = config;
        JavaOps.install();
        this.logitScale = Nd4j.scalar(type, Math.log(config.temperature()));
        SameDiff sd = Graph.empty();
        SDVariable queries = sd.placeHolder(QUERIES, type, -1, -1);
        SDVariable targets = sd.placeHolder(TARGETS, type, -1, -1);
        SDVariable scale = sd.placeHolder(LOGIT_SCALE, type);
        SDVariable targetOfQuery = sd.placeHolder(TARGET_OF_QUERY, DataType.INT32, -1, -1);
        double exponent = config.duplicates() == Duplicates.LITERAL ? 1 : 0;
        new InfoNce(sd, queries, targets, scale, targetOfQuery, 0, exponent)
                .imageToText()
                .rename(LOSS);
        sd.setLossVariables(LOSS);
        this.graph = new Graph(sd);
    }

    /**
     * The loss of one batch and its gradients.
     *
     * @param total L_r of Eq. 13
     * @param dQueries with respect to the query embeddings, {@code [n, d]}
     * @param gradients with respect to the {@link #parameters()}, by name
     */
    public record Value(double total, INDArray dQueries, Map<String, INDArray> gradients) {}

    /** What is trained besides the composer: ln τ′ where the temperature is learnable, otherwise nothing. */
    public Map<String, INDArray> parameters() {
        return config.learnable() ? Map.of(LOGIT_SCALE, logitScale) : Map.of();
    }

    /** τ′ as it is now. */
    public double temperature() {
        return Math.exp(logitScale.getDouble(0));
    }

    /** Brings a learned temperature back to its limit; call it after each optimizer step. */
    public void clampTemperature() {
        double limit = Math.log(CompositionLossConfig.MAX_TEMPERATURE);
        if (config.learnable() && logitScale.getDouble(0) > limit) {
            logitScale.assign(limit);
        }
    }

    /**
     * @param queries composed queries of length 1, {@code [n, d]}
     * @param targets embeddings of the batch's distinct target images, of length 1, {@code [m, d]}
     * @param targetOfQuery for each query the row of its target
     * @throws IllegalArgumentException if a query has no target, or a row is not a finite vector of length 1
     */
    public Value evaluate(INDArray queries, INDArray targets, int[] targetOfQuery) {
        if (targetOfQuery.length != queries.size(0)) {
            throw new IllegalArgumentException(
                    targetOfQuery.length + " targets are named for " + queries.size(0) + " queries");
        }
        for (int i = 0; i < targetOfQuery.length; i++) {
            if (targetOfQuery[i] < 0 || targetOfQuery[i] >= targets.size(0)) {
                throw new IllegalArgumentException(
                        "query " + i + " has target " + targetOfQuery[i] + " of " + targets.size(0));
            }
        }
        checkLengths("query", queries);
        checkLengths("target", targets);
        Map<String, INDArray> inputs = Map.of(
                QUERIES,
                queries,
                TARGETS,
                targets,
                LOGIT_SCALE,
                logitScale,
                TARGET_OF_QUERY,
                Nd4j.createFromArray(new int[][] {targetOfQuery}));
        try (Graph.Outputs outputs = graph.gradients(inputs, List.of(QUERIES, LOGIT_SCALE), List.of(LOSS))) {
            return new Value(
                    outputs.get(LOSS).getDouble(0),
                    outputs.get(QUERIES).dup('c'),
                    config.learnable()
                            ? Map.of(LOGIT_SCALE, outputs.get(LOGIT_SCALE).dup('c'))
                            : Map.of());
        }
    }

    private static void checkLengths(String what, INDArray rows) {
        Memory values = Memory.of(Memory.dense(rows));
        long width = rows.size(1);
        for (long row = 0; row < rows.size(0); row++) {
            double sum = 0;
            for (long i = row * width; i < (row + 1) * width; i++) {
                sum += values.get(i) * values.get(i);
            }
            double length = Math.sqrt(sum);
            if (!(Math.abs(length - 1) < LENGTH_TOLERANCE)) {
                throw new IllegalArgumentException("the embedding of " + what + " " + row + " has length " + length
                        + ", not 1: NaN or infinity in its features, or it was not normalised");
            }
        }
    }

    @Override
    public void close() {
        graph.close();
    }
}
