package org.rafclip.train;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import lombok.AccessLevel;
import lombok.Getter;
import lombok.RequiredArgsConstructor;
import lombok.experimental.Accessors;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.rafclip.nn.Scope;
import org.rafclip.ops.Graph;
import org.rafclip.ops.kernel.Kernels;
import org.rafclip.ops.kernel.Memory;

/**
 * Gradients of a loss that compares all embeddings of a batch with each other. A batch that fits is one pass; a larger one
 * is embedded chunk by chunk without keeping activations, the loss is taken on all embeddings, and each chunk is computed
 * again to carry its part of the gradient back (Gao et al. 2021, "Scaling Deep Contrastive Learning Batch Size under Memory
 * Limited Setup"). Both give the gradient of the whole batch. For one thread.
 */
public final class GradCache {

    /** What does not fit is computed twice, in chunks of this size at most: larger ones take more memory and no less time. */
    private static final int CHUNK = 64;

    private final Graph graph;
    private final Map<String, INDArray> parameters;
    private final int microBatch;
    private final int chunk;
    private final Map<String, INDArray> sums = new LinkedHashMap<>();

    /**
     * @param graph of all towers
     * @param parameters that towers train, and maybe others
     * @param microBatch rows of a tower at most in one pass
     */
    public GradCache(Graph graph, Map<String, INDArray> parameters, int microBatch) {
        if (microBatch < 1) {
            throw new IllegalArgumentException("micro-batch must be at least 1, not " + microBatch);
        }
        this.graph = graph;
        this.parameters = parameters;
        this.microBatch = microBatch;
        this.chunk = Math.min(microBatch, CHUNK);
    }

    /**
     * A part of the graph that makes embeddings.
     *
     * @param embedding variable {@code [rows, d]}
     * @param gradient placeholder of the loss's gradient on them, of the same shape
     * @param trainable names of the parameters to differentiate
     */
    public record Tower(String embedding, String gradient, List<String> trainable) {

        public Tower {
            trainable = List.copyOf(trainable);
        }
    }

    /**
     * What goes through a tower.
     *
     * @param inputs its placeholders, the seed of dropout excepted; the first dimension of each is the rows
     */
    public record Rows(Tower tower, Map<String, INDArray> inputs) {

        long count() {
            return inputs.values().iterator().next().size(0);
        }
    }

    /** The loss of a batch. */
    @FunctionalInterface
    public interface Loss {

        /**
         * @param embeddings by {@link Tower#embedding}, valid until this returns
         * @return the loss's gradient on each, by {@link Tower#gradient}
         */
        Map<String, INDArray> gradients(Map<String, INDArray> embeddings);
    }

    /** Gradients by parameter name, until this is closed or the next batch is run. */
    @RequiredArgsConstructor(access = AccessLevel.PRIVATE)
    public static final class Gradients implements AutoCloseable {

        @Getter
        @Accessors(fluent = true)
        private final Map<String, INDArray> byName;

        private final Runnable release;

        @Override
        public void close() {
            release.run();
        }
    }

    /**
     * The gradient of a batch.
     *
     * @param dropoutSeed at least 0, another one each step
     */
    public Gradients run(List<Rows> batch, int dropoutSeed, Loss loss) {
        return batch.stream().allMatch(rows -> rows.count() <= microBatch)
                ? inOnePass(batch, dropoutSeed, loss)
                : inChunks(batch, dropoutSeed, loss);
    }

    private Gradients inOnePass(List<Rows> batch, int dropoutSeed, Loss loss) {
        Map<String, INDArray> inputs = new HashMap<>();
        List<String> names = new ArrayList<>();
        List<String> embeddings = new ArrayList<>();
        for (Rows rows : batch) {
            inputs.putAll(rows.inputs());
            names.addAll(rows.tower().trainable());
            embeddings.add(rows.tower().embedding());
        }
        inputs.put(Scope.DROPOUT_SEED, chunkSeed(dropoutSeed, 0));
        Graph.Outputs outputs = graph.gradients(inputs, names, embeddings, loss::gradients);
        Map<String, INDArray> gradients = new LinkedHashMap<>();
        names.forEach(name -> gradients.put(name, Memory.dense(outputs.get(name))));
        return new Gradients(gradients, outputs::close);
    }

    private Gradients inChunks(List<Rows> batch, int dropoutSeed, Loss loss) {
        List<List<Map<String, INDArray>>> chunks =
                batch.stream().map(rows -> chunks(rows, dropoutSeed)).toList();
        Map<String, INDArray> embeddings = new HashMap<>();
        for (int i = 0; i < batch.size(); i++) {
            String name = batch.get(i).tower().embedding();
            embeddings.put(name, embed(chunks.get(i), name, batch.get(i).count()));
        }
        Map<String, INDArray> ofLoss = loss.gradients(embeddings);
        sums.values().forEach(sum -> Memory.of(sum).zero());
        for (int i = 0; i < batch.size(); i++) {
            Tower tower = batch.get(i).tower();
            carryBack(chunks.get(i), tower, ofLoss.get(tower.gradient()));
        }
        return new Gradients(new LinkedHashMap<>(sums), () -> {});
    }

    private List<Map<String, INDArray>> chunks(Rows rows, int dropoutSeed) {
        List<Map<String, INDArray>> chunks = new ArrayList<>();
        long count = rows.count();
        for (long first = 0; first < count; first += chunk) {
            long from = first;
            long to = Math.min(count, from + chunk);
            Map<String, INDArray> part = new HashMap<>();
            rows.inputs().forEach((name, all) -> part.put(name, slice(all, from, to)));
            part.put(Scope.DROPOUT_SEED, chunkSeed(dropoutSeed, chunks.size()));
            chunks.add(part);
        }
        return chunks;
    }

    private static INDArray slice(INDArray all, long from, long to) {
        return from == 0 && to == all.size(0) ? all : Memory.dense(all.get(NDArrayIndex.interval(from, to)));
    }

    private INDArray embed(Collection<Map<String, INDArray>> chunks, String name, long rows) {
        INDArray all = null;
        long at = 0;
        for (Map<String, INDArray> chunk : chunks) {
            try (Graph.Outputs outputs = graph.run(chunk, name)) {
                INDArray part = outputs.get(name);
                if (all == null) {
                    all = Nd4j.createUninitializedDetached(part.dataType(), 'c', rows, part.size(1));
                }
                Memory.of(all).copyFrom(Memory.of(part), 0, at, part.length());
                at += part.length();
            }
        }
        return all;
    }

    private void carryBack(List<Map<String, INDArray>> chunks, Tower tower, INDArray gradient) {
        if (tower.trainable().isEmpty()) {
            return;
        }
        for (int i = 0; i < chunks.size(); i++) {
            long from = (long) i * chunk;
            Map<String, INDArray> part = chunks.get(i);
            part.put(tower.gradient(), slice(gradient, from, Math.min(gradient.size(0), from + chunk)));
            graph.gradients(part, tower.trainable(), (name, added) -> add(name, Memory.dense(added)));
        }
    }

    private void add(String name, INDArray part) {
        DataType type = part.dataType();
        INDArray sum = sums.computeIfAbsent(
                name, added -> Nd4j.zeros(type, parameters.get(name).shape()));
        Memory to = Memory.of(sum);
        Kernels.of(type).axpy(1, Memory.of(part), 0, to, 0, to.length());
    }

    /** Another for each chunk, and never negative, which would turn dropout off. */
    private static INDArray chunkSeed(int dropoutSeed, int chunk) {
        return Nd4j.scalar(DataType.INT32, dropoutSeed + 31 * chunk & Integer.MAX_VALUE);
    }
}
