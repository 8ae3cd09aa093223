package org.rafclip.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.clip.DualEncoder;
import org.rafclip.loss.RafLoss;
import org.rafclip.loss.RafLossConfig;
import org.rafclip.ops.Graph;
import org.rafclip.text.Encoded;

/** Steps of an encoder on the same drawn images and texts. */
final class TrainedBatch implements AutoCloseable {

    private final DualEncoder encoder;
    private final int[][] textOfImage;
    private final Encoded.Padded texts;
    private final INDArray images;
    private final Graph graph;
    private final RafLoss loss;
    private final ContrastiveStep step;

    /** @param textOfImage of each branch: the text that each image belongs to, −1 for none */
    TrainedBatch(
            DualEncoder encoder,
            DataType type,
            RafLossConfig settings,
            int[][] textOfImage,
            Encoded.Padded texts,
            int microBatch) {
        this.encoder = encoder;
        this.textOfImage = textOfImage;
        this.texts = texts;
        int size = encoder.config().vision().imageSize();
        Nd4j.getRandom().setSeed(4);
        images = Nd4j.randn(DataType.DOUBLE, textOfImage[0].length, 3, size, size)
                .castTo(type);
        graph = new Graph(encoder.graph());
        loss = new RafLoss(settings, 1, type);
        step = new ContrastiveStep(
                encoder, graph, loss, List.copyOf(encoder.parameters().keySet()), microBatch);
    }

    private double loss() {
        try (ContrastiveStep.Result done = step.run(images, texts, textOfImage, 1)) {
            return done.loss().total();
        }
    }

    Map<String, INDArray> gradients() {
        Map<String, INDArray> gradients = new LinkedHashMap<>();
        try (ContrastiveStep.Result done = step.run(images, texts, textOfImage, 1)) {
            done.gradients().forEach((name, gradient) -> gradients.put(name, gradient.dup('c')));
        }
        return gradients;
    }

    /**
     * Holds gradients in double precision against central differences, at the first, the middle and the last number of each
     * parameter.
     *
     * @param h what the loss is asked for on both sides of
     */
    void requireCentralDifferences(Predicate<String> parameters, double h) {
        Map<String, INDArray> gradients = gradients();
        assertThat(gradients.keySet()).containsAll(encoder.parameters().keySet());
        encoder.parameters().forEach((name, parameter) -> {
            if (!parameters.test(name)) {
                return;
            }
            for (long at : new long[] {0, parameter.length() / 2, parameter.length() - 1}) {
                double there = parameter.getDouble(at);
                parameter.putScalar(at, there + h);
                double above = loss();
                parameter.putScalar(at, there - h);
                double below = loss();
                parameter.putScalar(at, there);
                assertThat(gradients.get(name).getDouble(at))
                        .as("%s[%d]", name, at)
                        .isCloseTo((above - below) / (2 * h), within(1e-7));
            }
        });
    }

    @Override
    public void close() {
        loss.close();
        graph.close();
    }
}
