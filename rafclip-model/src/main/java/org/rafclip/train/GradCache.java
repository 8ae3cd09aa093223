package org.rafclip.train;

import java.util.ArrayList;
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
    private final Peers peers;
    private final Map<String, INDArray> sums = new LinkedHashMap<>();

    /**
     * @param graph of all towers
     * @param parameters that towers train, and maybe others
     * @param microBatch rows of a tower at most in one pass
     */
    public GradCache(Graph graph, Map<String, INDArray> parameters, int microBatch) {
        this(graph, parameters, microBatch, Peers.ALONE);
    }

    /**
     * Shares the chunks of every batch with others; all end with the same gradients.
     *
     * @param peers that call {@link #run} with the same batches, each with its {@link #share} of the rows at least
     */
    public GradCache(Graph graph, Map<String, INDArray> parameters, int microBatch, Peers peers) {
        if (microBatch < 1) {
            throw new IllegalArgumentException("micro-batch must be at least 1, not " + microBatch);
        }
        this.graph = graph;
        this.parameters = parameters;
        this.microBatch = microBatch;
        this.chunk = chunk(microBatch);
        this.peers = peers;
    }

    private static int chunk(int microBatch) {
        return Math.min(microBatch, CHUNK);
    }

    /** Into how many chunks a tower's rows are cut where they are not one pass: no more peers can have one each. */
    static int chunks(long rows, int microBatch) {
        return Math.toIntExact((rows + chunk(microBatch) - 1) / chunk(microBatch));
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
     * @param count rows of the whole batch
     * @param first which of them is the inputs' first
     */
    public record Rows(Tower tower, Map<String, INDArray> inputs, long count, long first) {

        /** All of them. */
        public Rows(Tower tower, Map<String, INDArray> inputs) {
            this(tower, inputs, inputs.values().iterator().next().size(0), 0);
        }
    }

    /** Rows that are neighbours, from one to before another. */
    public record Share(long from, long to) {}

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
        return peers.size() == 1 && batch.stream().allMatch(rows -> rows.count() <= microBatch)
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
        List<List<Chunk>> chunks =
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
        if (peers.size() > 1) {
            List<INDArray> all = new ArrayList<>();
            batch.forEach(rows -> rows.tower().trainable().forEach(name -> all.add(sum(name))));
            peers.sum(all);
        }
        return new Gradients(new LinkedHashMap<>(sums), () -> {});
    }

    /**
     * What this process embeds of some rows: whole chunks, as many as others, or one more.
     *
     * @param count of all rows
     */
    public Share share(long count) {
        long all = chunks(count, microBatch);
        return new Share(
                Math.min(count, all * peers.rank() / peers.size() * chunk),
                Math.min(count, all * (peers.rank() + 1) / peers.size() * chunk));
    }

    private List<Chunk> chunks(Rows rows, int dropoutSeed) {
        List<Chunk> chunks = new ArrayList<>();
        Share share = share(rows.count());
        for (long at = share.from(); at < share.to(); at += chunk) {
            long from = at;
            long to = Math.min(share.to(), from + chunk);
            Map<String, INDArray> inputs = new HashMap<>();
            rows.inputs()
                    .forEach((name, given) -> inputs.put(name, slice(given, from - rows.first(), to - rows.first())));
            inputs.put(Scope.DROPOUT_SEED, chunkSeed(dropoutSeed, Math.toIntExact(from / chunk)));
            chunks.add(new Chunk(from, to, inputs));
        }
        return chunks;
    }

    /** Rows of a tower that make one pass. */
    private record Chunk(long from, long to, Map<String, INDArray> inputs) {}

    private static INDArray slice(INDArray all, long from, long to) {
        return from == 0 && to == all.size(0) ? all : Memory.dense(all.get(NDArrayIndex.interval(from, to)));
    }

    private INDArray embed(List<Chunk> chunks, String name, long rows) {
        INDArray mine = null;
        long at = 0;
        long count =
                chunks.stream().mapToLong(chunk -> chunk.to() - chunk.from()).sum();
        for (Chunk chunk : chunks) {
            try (Graph.Outputs outputs = graph.run(chunk.inputs(), name)) {
                INDArray part = outputs.get(name);
                if (mine == null) {
                    mine = Nd4j.createUninitializedDetached(part.dataType(), 'c', count, part.size(1));
                }
                Memory.of(mine).copyFrom(Memory.of(part), 0, at, part.length());
                at += part.length();
            }
        }
        return peers.gather(mine, rows);
    }

    private void carryBack(List<Chunk> chunks, Tower tower, INDArray gradient) {
        if (tower.trainable().isEmpty()) {
            return;
        }
        for (Chunk part : chunks) {
            part.inputs().put(tower.gradient(), slice(gradient, part.from(), part.to()));
            graph.gradients(part.inputs(), tower.trainable(), (name, added) -> add(name, Memory.dense(added)));
        }
    }

    private INDArray sum(String name) {
        INDArray parameter = parameters.get(name);
        return sums.computeIfAbsent(name, added -> Nd4j.zeros(parameter.dataType(), parameter.shape()));
    }

    private void add(String name, INDArray part) {
        Memory to = Memory.of(sum(name));
        Kernels.of(part.dataType()).axpy(1, Memory.of(part), 0, to, 0, to.length());
    }

    /** Another for each chunk, and never negative, which would turn dropout off. */
    private static INDArray chunkSeed(int dropoutSeed, int chunk) {
        return Nd4j.scalar(DataType.INT32, dropoutSeed + 31 * chunk & Integer.MAX_VALUE);
    }
}
