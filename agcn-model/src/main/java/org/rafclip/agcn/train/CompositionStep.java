package org.rafclip.agcn.train;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.rafclip.agcn.compose.Composer;
import org.rafclip.agcn.loss.CompositionLoss;
import org.rafclip.nn.Scope;
import org.rafclip.ops.Graph;
import org.rafclip.ops.kernel.Kernels;
import org.rafclip.ops.kernel.Memory;
import org.rafclip.train.AdamW;

/**
 * Loss and gradient of one batch of queries. A batch that fits is one pass; a larger one is composed chunk by chunk
 * without keeping activations, the loss is taken on all queries, and each chunk is computed again to carry its part of
 * the gradient back (Gao et al. 2021, GradCache). Both give the gradient of the whole batch. For one thread.
 */
public final class CompositionStep {

    private final Graph graph;
    private final CompositionLoss loss;
    private final int microBatch;
    private final int width;
    private final DataType type;
    private final List<String> inputNames;
    private final List<String> names;
    private final Map<String, INDArray> sums = new LinkedHashMap<>();

    /**
     * @param graph of the composer
     * @param microBatch queries at most in one pass
     */
    public CompositionStep(Composer composer, Graph graph, CompositionLoss loss, int microBatch) {
        if (microBatch < 1) {
            throw new IllegalArgumentException("micro-batch must be at least 1, not " + microBatch);
        }
        this.graph = graph;
        this.loss = loss;
        this.microBatch = microBatch;
        this.width = composer.width();
        this.type = composer.graph().getVariable(Composer.QUERY_EMBEDDING).dataType();
        this.inputNames = composer.inputs();
        this.names = List.copyOf(composer.parameters().keySet());
        composer.parameters().forEach((name, values) -> sums.put(name, Nd4j.zeros(type, values.shape())));
        if (names.isEmpty()) {
            throw new IllegalArgumentException(
                    "composer " + composer.config().kind() + " has nothing to train: evaluate it as it is");
        }
    }

    /**
     * What a step gives.
     *
     * @param loss L_r of Eq. 13; NaN where queries are composed to what is no number
     * @param gradients of the composer's and the loss's parameters by name, valid until the next step
     */
    public record Result(double loss, Map<String, INDArray> gradients) {}

    /**
     * Loss and gradient.
     *
     * @param inputs {@link Composer#inputs()} by name, n queries each; others are ignored
     * @param targets embeddings of the distinct target images, of length 1, {@code [m, d]}
     * @param targetOfQuery for each query the row of its target
     * @param dropoutSeed at least 0, another one each step
     */
    public Result run(Map<String, INDArray> inputs, INDArray targets, int[] targetOfQuery, int dropoutSeed) {
        int n = targetOfQuery.length;
        List<Map<String, INDArray>> chunks = chunks(inputs, n, dropoutSeed);
        sums.values().forEach(sum -> Memory.of(sum).zero());
        CompositionLoss.Value value = chunks.size() == 1
                ? inOnePass(chunks.get(0), targets, targetOfQuery)
                : inChunks(chunks, targets, targetOfQuery);
        Map<String, INDArray> gradients = new LinkedHashMap<>(sums);
        gradients.putAll(value.gradients());
        return new Result(value.total(), gradients);
    }

    private List<Map<String, INDArray>> chunks(Map<String, INDArray> inputs, int n, int dropoutSeed) {
        List<Map<String, INDArray>> chunks = new ArrayList<>();
        for (int from = 0; from < n; from += microBatch) {
            int to = Math.min(n, from + microBatch);
            Map<String, INDArray> chunk = new HashMap<>();
            for (String name : inputNames) {
                INDArray all = inputs.get(name);
                if (all == null || all.size(0) != n) {
                    throw new IllegalArgumentException(name + " is " + (all == null ? "missing" : "of " + all.size(0))
                            + " where " + n + " queries have targets");
                }
                chunk.put(name, n <= microBatch ? all : Memory.dense(all.get(NDArrayIndex.interval(from, to))));
            }
            chunk.put(Scope.DROPOUT_SEED, Nd4j.scalar(DataType.INT32, dropoutSeed + 31 * chunks.size()));
            chunks.add(chunk);
        }
        return chunks;
    }

    private CompositionLoss.Value inOnePass(Map<String, INDArray> chunk, INDArray targets, int[] targetOfQuery) {
        CompositionLoss.Value[] value = new CompositionLoss.Value[1];
        try (Graph.Outputs outputs = graph.gradients(chunk, names, List.of(Composer.QUERY_EMBEDDING), known -> {
            value[0] = value(known.get(Composer.QUERY_EMBEDDING), targets, targetOfQuery);
            return Map.of(Composer.QUERY_GRADIENT, value[0].dQueries());
        })) {
            add(outputs);
        }
        return value[0];
    }

    private CompositionLoss.Value inChunks(List<Map<String, INDArray>> chunks, INDArray targets, int[] targetOfQuery) {
        INDArray queries = Nd4j.createUninitializedDetached(type, 'c', targetOfQuery.length, width);
        long at = 0;
        for (Map<String, INDArray> chunk : chunks) {
            try (Graph.Outputs outputs = graph.run(chunk, Composer.QUERY_EMBEDDING)) {
                INDArray part = outputs.get(Composer.QUERY_EMBEDDING);
                Memory.of(queries).copyFrom(Memory.of(part), 0, at, part.length());
                at += part.length();
            }
        }
        CompositionLoss.Value value = value(queries, targets, targetOfQuery);
        for (int c = 0; c < chunks.size(); c++) {
            int from = c * microBatch;
            int to = Math.min(targetOfQuery.length, from + microBatch);
            Map<String, INDArray> chunk = chunks.get(c);
            chunk.put(Composer.QUERY_GRADIENT, Memory.dense(value.dQueries().get(NDArrayIndex.interval(from, to))));
            try (Graph.Outputs outputs = graph.gradients(chunk, names, List.of())) {
                add(outputs);
            }
        }
        return value;
    }

    /** Weights that have grown beyond all numbers give a loss that is none. */
    private CompositionLoss.Value value(INDArray queries, INDArray targets, int[] targetOfQuery) {
        if (Double.isFinite(AdamW.norm(Map.of(Composer.QUERY_EMBEDDING, queries)))) {
            return loss.evaluate(queries, targets, targetOfQuery);
        }
        Map<String, INDArray> none = new LinkedHashMap<>();
        loss.parameters().forEach((name, values) -> none.put(name, Nd4j.zeros(type, values.shape())));
        return new CompositionLoss.Value(Double.NaN, Nd4j.zeros(type, queries.shape()), none);
    }

    private void add(Graph.Outputs outputs) {
        for (String name : names) {
            Memory sum = Memory.of(sums.get(name));
            Kernels.of(type).axpy(1, Memory.of(Memory.dense(outputs.get(name))), 0, sum, 0, sum.length());
        }
    }
}
