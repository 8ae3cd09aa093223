package org.rafclip.bench;

import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.agcn.compose.ComposerConfig;
import org.rafclip.agcn.loss.CompositionLossConfig;
import org.rafclip.clip.ClipConfig.Pool;
import org.rafclip.ops.Precision;
import org.rafclip.run.ConfigException;
import org.rafclip.train.TrainConfig;

/** Another library that trains the same composer, to compare with; like {@link Peer}, only with {@code -Ppeer}. */
public interface ComposerPeer extends AutoCloseable {

    /** The class that the profile adds. */
    String PYTORCH = "org.rafclip.bench.peer.TorchComposerPeer";

    /** The library with its version and threads, for people. */
    String description();

    /**
     * Builds the composer with given weights and fresh optimizer state.
     *
     * @param parameters by name, those of the loss too; copied
     * @param precision of matrix products
     */
    void load(
            Network network,
            CompositionLossConfig loss,
            Map<String, INDArray> parameters,
            TrainConfig train,
            Precision precision);

    /** Takes a batch into the library's own arrays; further calls compute on it. */
    void prepare(Batch batch);

    /** The loss without dropout. */
    double loss();

    /** One step with dropout: loss, gradient, clipping of its norm, AdamW. */
    void step(double lr);

    /** Frees what {@link #load} took. */
    @Override
    void close();

    /**
     * What is trained.
     *
     * @param width d of the encoder
     * @param pool of the encoder
     */
    record Network(ComposerConfig composer, int width, Pool pool) {}

    /**
     * A batch, copied by {@link #prepare}.
     *
     * @param inputs placeholders of the composer by name; texts are filled up to the longest
     * @param targets embeddings of the distinct targets, of length 1, {@code [m, d]}
     * @param targetOfQuery for each query the row of its target
     */
    record Batch(Map<String, INDArray> inputs, INDArray targets, int[] targetOfQuery) {}

    /**
     * PyTorch, with as many threads as this program uses.
     *
     * @throws ConfigException if it is not on the class path
     */
    static ComposerPeer pytorch() {
        return Peers.pytorch(PYTORCH, ComposerPeer.class);
    }
}
