package org.rafclip.train;

import java.util.ArrayList;
import java.util.Arrays;
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
import org.rafclip.clip.ClipModel;
import org.rafclip.clip.DualEncoder;
import org.rafclip.loss.RafLoss;
import org.rafclip.nn.Scope;
import org.rafclip.ops.Graph;
import org.rafclip.ops.kernel.Kernels;
import org.rafclip.ops.kernel.Memory;
import org.rafclip.text.Encoded;

/**
 * Loss and gradient of one batch. A batch that fits is one pass; a larger one is embedded chunk by chunk without keeping
 * activations, the loss is taken on all embeddings, and each chunk is computed again to carry its part of the gradient
 * back (Gao et al. 2021, GradCache). Both give the gradient of the whole batch.
 */
public final class ContrastiveStep {

    private final Graph graph;
    private final RafLoss loss;
    private final int microBatch;
    private final int width;
    private final INDArray logitScale;
    private final List<String> visual = new ArrayList<>();
    private final List<String> textual = new ArrayList<>();
    private final boolean temperatureTrains;
    private final DataType type;
    private final Map<String, INDArray> sums = new LinkedHashMap<>();
    private final Map<String, INDArray> parameters;

    /**
     * @param trainable names of the parameters to differentiate
     * @param microBatch images, and texts, at most in one pass
     */
    public ContrastiveStep(DualEncoder encoder, Graph graph, RafLoss loss, List<String> trainable, int microBatch) {
        this.graph = graph;
        this.loss = loss;
        this.microBatch = microBatch;
        this.width = encoder.config().embedWidth();
        this.parameters = encoder.parameters();
        this.logitScale = parameters.get(DualEncoder.LOGIT_SCALE);
        this.type = logitScale.dataType();
        this.temperatureTrains = trainable.contains(DualEncoder.LOGIT_SCALE);
        for (String name : trainable) {
            if (DualEncoder.isVisual(name)) {
                visual.add(name);
            } else if (!name.equals(DualEncoder.LOGIT_SCALE)) {
                textual.add(name);
            }
        }
    }

    /** The loss and, until it is closed, the gradient by parameter name. */
    @RequiredArgsConstructor(access = AccessLevel.PRIVATE)
    public static final class Result implements AutoCloseable {

        @Getter
        @Accessors(fluent = true)
        private final RafLoss.Value loss;

        @Getter
        @Accessors(fluent = true)
        private final Map<String, INDArray> gradients;

        private final Runnable release;

        @Override
        public void close() {
            release.run();
        }
    }

    /**
     * Loss and gradient.
     *
     * @param images normalised pixels {@code [n, 3, size, size]}
     * @param texts the distinct texts
     * @param textOfImage {@code [1 + groups][n]}
     * @param dropoutSeed at least 0
     */
    public Result run(INDArray images, Encoded.Padded texts, int[][] textOfImage, int dropoutSeed) {
        boolean onePass = images.size(0) <= microBatch && texts.ids().length <= microBatch;
        return onePass
                ? inOnePass(images, texts, textOfImage, dropoutSeed)
                : inChunks(images, texts, textOfImage, dropoutSeed);
    }

    private Result inOnePass(INDArray images, Encoded.Padded texts, int[][] textOfImage, int dropoutSeed) {
        Map<String, INDArray> inputs = new HashMap<>(ClipModel.textInputs(texts));
        inputs.put(DualEncoder.IMAGES, images);
        inputs.put(Scope.DROPOUT_SEED, seed(dropoutSeed));
        List<String> names = new ArrayList<>(visual);
        names.addAll(textual);
        RafLoss.Value[] value = new RafLoss.Value[1];
        Graph.Outputs outputs = graph.gradients(
                inputs, names, List.of(DualEncoder.IMAGE_EMBEDDING, DualEncoder.TEXT_EMBEDDING), known -> {
                    value[0] = loss.evaluate(
                            known.get(DualEncoder.IMAGE_EMBEDDING),
                            known.get(DualEncoder.TEXT_EMBEDDING),
                            logitScale.getDouble(0),
                            textOfImage);
                    return Map.of(
                            DualEncoder.IMAGE_GRADIENT, value[0].dImages(),
                            DualEncoder.TEXT_GRADIENT, value[0].dTexts());
                });
        Map<String, INDArray> gradients = new LinkedHashMap<>();
        names.forEach(name -> gradients.put(name, Memory.dense(outputs.get(name))));
        addTemperature(gradients, value[0]);
        return new Result(value[0], gradients, outputs::close);
    }

    private Result inChunks(INDArray images, Encoded.Padded texts, int[][] textOfImage, int dropoutSeed) {
        List<Map<String, INDArray>> imageChunks = new ArrayList<>();
        for (int from = 0; from < images.size(0); from += microBatch) {
            int to = (int) Math.min(images.size(0), from + microBatch);
            Map<String, INDArray> chunk = new HashMap<>();
            chunk.put(
                    DualEncoder.IMAGES, Memory.dense(images.get(NDArrayIndex.interval(from, to), NDArrayIndex.all())));
            chunk.put(Scope.DROPOUT_SEED, chunkSeed(dropoutSeed, imageChunks.size()));
            imageChunks.add(chunk);
        }
        List<Map<String, INDArray>> textChunks = new ArrayList<>();
        for (int from = 0; from < texts.ids().length; from += microBatch) {
            int to = Math.min(texts.ids().length, from + microBatch);
            Encoded.Padded part = new Encoded.Padded(
                    Arrays.copyOfRange(texts.ids(), from, to), Arrays.copyOfRange(texts.endPositions(), from, to));
            Map<String, INDArray> chunk = new HashMap<>(ClipModel.textInputs(part));
            chunk.put(Scope.DROPOUT_SEED, chunkSeed(dropoutSeed, textChunks.size()));
            textChunks.add(chunk);
        }
        INDArray imageEmbeddings = embed(imageChunks, DualEncoder.IMAGE_EMBEDDING, images.size(0));
        INDArray textEmbeddings = embed(textChunks, DualEncoder.TEXT_EMBEDDING, texts.ids().length);
        RafLoss.Value value = loss.evaluate(imageEmbeddings, textEmbeddings, logitScale.getDouble(0), textOfImage);
        sums.values().forEach(sum -> Memory.of(sum).zero());
        carryBack(imageChunks, visual, DualEncoder.IMAGE_GRADIENT, value.dImages());
        carryBack(textChunks, textual, DualEncoder.TEXT_GRADIENT, value.dTexts());
        Map<String, INDArray> gradients = new LinkedHashMap<>(sums);
        addTemperature(gradients, value);
        return new Result(value, gradients, () -> {});
    }

    private INDArray embed(List<Map<String, INDArray>> chunks, String output, long rows) {
        INDArray all = Nd4j.createUninitializedDetached(type, 'c', rows, width);
        long from = 0;
        for (Map<String, INDArray> chunk : chunks) {
            try (Graph.Outputs outputs = graph.run(chunk, output)) {
                INDArray part = outputs.get(output);
                Memory.of(all).copyFrom(Memory.of(part), 0, from * width, part.length());
                from += part.size(0);
            }
        }
        return all;
    }

    private void carryBack(
            List<Map<String, INDArray>> chunks, List<String> names, String placeholder, INDArray gradient) {
        if (names.isEmpty()) {
            return;
        }
        long from = 0;
        for (Map<String, INDArray> chunk : chunks) {
            String input = placeholder.equals(DualEncoder.IMAGE_GRADIENT) ? DualEncoder.IMAGES : DualEncoder.TOKENS;
            long rows = chunk.get(input).size(0);
            chunk.put(
                    placeholder,
                    Memory.dense(gradient.get(NDArrayIndex.interval(from, from + rows), NDArrayIndex.all())));
            from += rows;
            try (Graph.Outputs outputs = graph.gradients(chunk, names, List.of())) {
                for (String name : names) {
                    add(name, Memory.dense(outputs.get(name)));
                }
            }
        }
    }

    private void add(String name, INDArray part) {
        INDArray sum = sums.computeIfAbsent(
                name, added -> Nd4j.zeros(type, parameters.get(name).shape()));
        Memory to = Memory.of(sum);
        Kernels.of(type).axpy(1, Memory.of(part), 0, to, 0, to.length());
    }

    private void addTemperature(Map<String, INDArray> gradients, RafLoss.Value value) {
        if (temperatureTrains) {
            gradients.put(DualEncoder.LOGIT_SCALE, Nd4j.scalar(type, value.dLogitScale()));
        }
    }

    /** Another for each chunk, and never negative, which would turn dropout off. */
    private static INDArray chunkSeed(int dropoutSeed, int chunk) {
        return seed(dropoutSeed + 31 * chunk & Integer.MAX_VALUE);
    }

    private static INDArray seed(int value) {
        return Nd4j.scalar(DataType.INT32, value);
    }
}
