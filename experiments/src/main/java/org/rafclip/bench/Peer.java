package org.rafclip.bench;

import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.clip.ClipConfig;
import org.rafclip.ops.Precision;
import org.rafclip.run.ConfigException;
import org.rafclip.train.TrainConfig;

/**
 * Another library that does the same training step, to compare with. Implementations are compiled and loaded only where
 * that library is asked for ({@code -Ppeer}).
 */
public interface Peer extends AutoCloseable {

    /** The class that the profile adds. */
    String PYTORCH = "org.rafclip.bench.peer.TorchPeer";

    /** The library with its version and threads, for people. */
    String description();

    /**
     * Builds the model with given weights and fresh optimizer state.
     *
     * @param parameters by state-dict name; copied
     * @param precision of matrix products
     */
    void load(ClipConfig config, Map<String, INDArray> parameters, TrainConfig train, Precision precision);

    /**
     * One step: loss, gradient, clipping of its norm, AdamW.
     *
     * @param t steps so far, this one included
     * @return the loss before the update
     */
    double step(Batch batch, double lr, long t);

    /** Frees what {@link #load} took. */
    @Override
    void close();

    /**
     * A batch as plain arrays.
     *
     * @param pixels {@code [images, 3, size, size]}
     * @param imageCount images
     * @param tokens {@code [texts][length]}
     * @param ends {@code [texts]}, positions of the end tokens
     * @param terms of the loss
     */
    record Batch(float[] pixels, int imageCount, int[][] tokens, int[] ends, List<Term> terms) {}

    /**
     * One term of {@link org.rafclip.loss.RafLoss}: {@code weight · (I2T + T2I)}, each a mean of cross-entropies over the
     * images that take part, as {@link org.rafclip.ops.op.InfoNce} defines them.
     *
     * @param images which take part
     * @param texts distinct ones that these have
     * @param targets for each image the place in {@code texts}
     * @param logWeights for each text, added to its logits as a candidate in I2T
     */
    record Term(double weight, int[] images, int[] texts, int[] targets, float[] logWeights) {}

    /**
     * PyTorch, with as many threads as this program uses.
     *
     * @throws ConfigException if it is not on the class path
     */
    static Peer pytorch() {
        return Peers.pytorch(PYTORCH, Peer.class);
    }
}
