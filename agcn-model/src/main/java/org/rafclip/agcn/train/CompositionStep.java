package org.rafclip.agcn.train;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import lombok.AccessLevel;
import lombok.Getter;
import lombok.RequiredArgsConstructor;
import lombok.experimental.Accessors;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.agcn.compose.Composer;
import org.rafclip.agcn.loss.CompositionLoss;
import org.rafclip.ops.Graph;
import org.rafclip.train.AdamW;
import org.rafclip.train.GradCache;

/** Loss and gradient of one batch of queries, whatever its size ({@link GradCache}). For one thread. */
public final class CompositionStep {

    private final GradCache gradCache;
    private final GradCache.Tower composing;
    private final CompositionLoss loss;
    private final List<String> inputNames;

    /**
     * @param graph of the composer
     * @param trainable names of the composer's parameters to differentiate
     * @param microBatch queries at most in one pass
     */
    public CompositionStep(
            Composer composer, Graph graph, CompositionLoss loss, List<String> trainable, int microBatch) {
        if (trainable.isEmpty()) {
            throw new IllegalArgumentException(
                    "composer " + composer.config().kind() + " has nothing to train: evaluate it as it is");
        }
        this.gradCache = new GradCache(graph, composer.parameters(), microBatch);
        this.composing = new GradCache.Tower(Composer.QUERY_EMBEDDING, Composer.QUERY_GRADIENT, trainable);
        this.loss = loss;
        this.inputNames = composer.inputs();
    }

    /**
     * The loss L_r of Eq. 13, NaN where queries are composed to what is no number, and, until it is closed, the gradient of
     * the composer's and the loss's parameters by name.
     */
    @RequiredArgsConstructor(access = AccessLevel.PRIVATE)
    public static final class Result implements AutoCloseable {

        @Getter
        @Accessors(fluent = true)
        private final double loss;

        private final GradCache.Gradients gradients;

        public Map<String, INDArray> gradients() {
            return gradients.byName();
        }

        @Override
        public void close() {
            gradients.close();
        }
    }

    /**
     * Loss and gradient.
     *
     * @param inputs {@link Composer#inputs()} by name, n queries each; others are ignored
     * @param targets embeddings of the distinct target images, of length 1, {@code [m, d]}
     * @param targetOfQuery for each query the row of its target
     * @param dropoutSeed at least 0, another one each step
     */
    public Result run(Map<String, INDArray> inputs, INDArray targets, int[] targetOfQuery, int dropoutSeed) {
        CompositionLoss.Value[] value = new CompositionLoss.Value[1];
        GradCache.Gradients gradients = gradCache.run(
                List.of(new GradCache.Rows(composing, needed(inputs, targetOfQuery.length))),
                dropoutSeed,
                embeddings -> {
                    value[0] = value(embeddings.get(Composer.QUERY_EMBEDDING), targets, targetOfQuery);
                    return Map.of(Composer.QUERY_GRADIENT, value[0].dQueries());
                });
        gradients.byName().putAll(value[0].gradients());
        return new Result(value[0].total(), gradients);
    }

    private Map<String, INDArray> needed(Map<String, INDArray> inputs, int n) {
        Map<String, INDArray> needed = new LinkedHashMap<>();
        for (String name : inputNames) {
            INDArray all = inputs.get(name);
            if (all == null || all.size(0) != n) {
                throw new IllegalArgumentException(name + " is " + (all == null ? "missing" : "of " + all.size(0))
                        + " where " + n + " queries have targets");
            }
            needed.put(name, all);
        }
        return needed;
    }

    /** Weights that have grown beyond all numbers give a loss that is none. */
    private CompositionLoss.Value value(INDArray queries, INDArray targets, int[] targetOfQuery) {
        if (Double.isFinite(AdamW.norm(Map.of(Composer.QUERY_EMBEDDING, queries)))) {
            return loss.evaluate(queries, targets, targetOfQuery);
        }
        Map<String, INDArray> none = new LinkedHashMap<>();
        loss.parameters().forEach((name, values) -> none.put(name, Nd4j.zeros(queries.dataType(), values.shape())));
        return new CompositionLoss.Value(Double.NaN, Nd4j.zeros(queries.dataType(), queries.shape()), none);
    }
}
