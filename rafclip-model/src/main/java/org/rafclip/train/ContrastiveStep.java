package org.rafclip.train;

import java.util.List;
import java.util.Map;
import lombok.AccessLevel;
import lombok.Getter;
import lombok.RequiredArgsConstructor;
import lombok.experimental.Accessors;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.clip.ClipModel;
import org.rafclip.clip.DualEncoder;
import org.rafclip.loss.RafLoss;
import org.rafclip.ops.Graph;
import org.rafclip.text.Encoded;

/** Loss and gradient of one batch of images and texts, whatever its size ({@link GradCache}). For one thread. */
public final class ContrastiveStep {

    /** CLIP keeps τ at most 100 (Radford et al. 2021, section 2.5). */
    private static final double MAX_LOGIT_SCALE = Math.log(100);

    private final GradCache gradCache;
    private final Peers peers;
    private final GradCache.Tower visual;
    private final GradCache.Tower textual;
    private final RafLoss loss;
    private final INDArray logitScale;
    private final INDArray logitBias;
    private final boolean temperatureTrains;
    private final boolean biasTrains;

    /**
     * @param trainable names of the parameters to differentiate
     * @param microBatch images, and texts, at most in one pass
     */
    public ContrastiveStep(DualEncoder encoder, Graph graph, RafLoss loss, List<String> trainable, int microBatch) {
        this(encoder, graph, loss, trainable, microBatch, Peers.ALONE);
    }

    /** Shares every batch with others, see {@link GradCache}. */
    public ContrastiveStep(
            DualEncoder encoder, Graph graph, RafLoss loss, List<String> trainable, int microBatch, Peers peers) {
        this.loss = loss;
        this.peers = peers;
        Map<String, INDArray> arrays = encoder.parameters();
        arrays.putAll(encoder.adapters());
        this.gradCache = new GradCache(graph, arrays, microBatch, peers);
        this.logitScale = encoder.parameters().get(DualEncoder.LOGIT_SCALE);
        this.logitBias = encoder.parameters().get(DualEncoder.LOGIT_BIAS);
        if (loss.config().sigmoid() && logitBias == null) {
            throw new IllegalArgumentException("the sigmoid loss needs a model with a logit bias");
        }
        this.biasTrains = trainable.contains(DualEncoder.LOGIT_BIAS);
        this.temperatureTrains = trainable.contains(DualEncoder.LOGIT_SCALE);
        this.visual = new GradCache.Tower(
                DualEncoder.IMAGE_EMBEDDING,
                DualEncoder.IMAGE_GRADIENT,
                trainable.stream().filter(DualEncoder::isVisual).toList());
        this.textual = new GradCache.Tower(
                DualEncoder.TEXT_EMBEDDING,
                DualEncoder.TEXT_GRADIENT,
                trainable.stream().filter(DualEncoder::isTextual).toList());
    }

    /** The loss and, until it is closed, the gradient by parameter name. */
    @RequiredArgsConstructor(access = AccessLevel.PRIVATE)
    public static final class Result implements AutoCloseable {

        @Getter
        @Accessors(fluent = true)
        private final RafLoss.Value loss;

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
     * @param images normalised pixels {@code [n, 3, size, size]}
     * @param texts the distinct texts
     * @param textOfImage {@code [terms][n]}, see {@link RafLoss#evaluate}
     * @param dropoutSeed at least 0
     */
    public Result run(INDArray images, Encoded.Padded texts, int[][] textOfImage, int dropoutSeed) {
        return run(new GradCache.Rows(visual, Map.of(DualEncoder.IMAGES, images)), texts, textOfImage, dropoutSeed);
    }

    /**
     * Loss and gradient of a batch of which this process has its {@link #share} of the images.
     *
     * @param images normalised pixels {@code [share, 3, size, size]}
     * @param count of all images
     * @param texts the distinct texts, all of them
     */
    public Result runShare(INDArray images, int count, Encoded.Padded texts, int[][] textOfImage, int dropoutSeed) {
        return run(
                new GradCache.Rows(
                        visual,
                        Map.of(DualEncoder.IMAGES, images),
                        count,
                        share(count).from()),
                texts,
                textOfImage,
                dropoutSeed);
    }

    /** Which of so many images this process embeds. */
    public GradCache.Share share(int count) {
        return gradCache.share(count);
    }

    private Result run(GradCache.Rows images, Encoded.Padded texts, int[][] textOfImage, int dropoutSeed) {
        RafLoss.Value[] value = new RafLoss.Value[1];
        GradCache.Gradients gradients = gradCache.run(
                List.of(images, new GradCache.Rows(textual, ClipModel.textInputs(texts))), dropoutSeed, embeddings -> {
                    value[0] = loss.evaluate(
                            embeddings.get(DualEncoder.IMAGE_EMBEDDING),
                            embeddings.get(DualEncoder.TEXT_EMBEDDING),
                            logitScale.getDouble(0),
                            logitBias == null ? 0 : logitBias.getDouble(0),
                            textOfImage);
                    return Map.of(
                            DualEncoder.IMAGE_GRADIENT, value[0].dImages(),
                            DualEncoder.TEXT_GRADIENT, value[0].dTexts());
                });
        if (temperatureTrains) {
            gradients.byName().put(DualEncoder.LOGIT_SCALE, firsts(logitScale, value[0].dLogitScale()));
        }
        if (biasTrains) {
            gradients.byName().put(DualEncoder.LOGIT_BIAS, firsts(logitBias, value[0].dLogitBias()));
        }
        return new Result(value[0], gradients);
    }

    /** All have a gradient from the whole loss; processors that differ are to take one's. */
    private INDArray firsts(INDArray parameter, double gradient) {
        INDArray common = Nd4j.scalar(parameter.dataType(), peers.rank() == 0 ? gradient : 0);
        if (peers.size() > 1) {
            peers.sum(List.of(common));
        }
        return common;
    }

    /** Brings the temperature back into CLIP's limits, 1 to 100, if it trains; the sigmoid loss has none. */
    public void clampTemperature() {
        if (temperatureTrains && !loss.config().sigmoid()) {
            logitScale.putScalar(0, Math.max(0, Math.min(MAX_LOGIT_SCALE, logitScale.getDouble(0))));
        }
    }
}
