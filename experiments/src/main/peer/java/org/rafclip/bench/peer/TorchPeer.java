package org.rafclip.bench.peer;

import static org.rafclip.bench.peer.TorchTraining.add;
import static org.rafclip.bench.peer.TorchTraining.longs;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.bench.Peer;
import org.rafclip.clip.ClipConfig;
import org.rafclip.ops.Precision;
import org.rafclip.train.TrainConfig;

/** RaF-CLIP's training step in PyTorch. */
public final class TorchPeer implements Peer {

    private final Engine engine;
    private final int threads;
    private TorchTraining training;
    private Peer.Batch prepared;
    private NDList inputs;
    private NDManager batchManager;

    /** @param threads that PyTorch computes with */
    public TorchPeer(int threads) {
        this.threads = threads;
        this.engine = TorchTraining.engine(threads);
    }

    @Override
    public String description() {
        return "PyTorch " + engine.getVersion() + ", " + threads + " threads";
    }

    @Override
    public void load(ClipConfig config, Map<String, INDArray> values, TrainConfig train, Precision precision) {
        close();
        training = new TorchTraining(StepScript.NAME, StepScript.of(config, precision, values.keySet()), values, train);
    }

    @Override
    public double step(Peer.Batch batch, double lr, long t) {
        if (batch != prepared) {
            prepare(batch);
        }
        return training.step(inputs, lr);
    }

    private void prepare(Peer.Batch batch) {
        if (batchManager != null) {
            batchManager.close();
        }
        batchManager = training.newManager();
        NDManager manager = batchManager;
        inputs = training.inputs();
        int size = (int) Math.round(Math.sqrt(batch.pixels().length / 3.0 / batch.imageCount()));
        add(inputs, "images", manager.create(batch.pixels(), new Shape(batch.imageCount(), 3, size, size)));
        long[] tokens = Arrays.stream(batch.tokens())
                .flatMapToInt(Arrays::stream)
                .asLongStream()
                .toArray();
        int texts = batch.tokens().length;
        add(inputs, "tokens", manager.create(tokens, new Shape(texts, tokens.length / texts)));
        add(inputs, "ends", manager.create(longs(batch.ends())));
        List<Peer.Term> terms = batch.terms();
        float[] weights = new float[terms.size()];
        for (int i = 0; i < weights.length; i++) {
            weights[i] = (float) terms.get(i).weight();
        }
        add(inputs, "weights", manager.create(weights));
        terms.forEach(term -> add(inputs, "rows[]", manager.create(longs(term.images()))));
        terms.forEach(term -> add(inputs, "texts[]", manager.create(longs(term.texts()))));
        terms.forEach(term -> add(inputs, "targets[]", manager.create(longs(term.targets()))));
        terms.forEach(term -> add(inputs, "biases[]", manager.create(term.logWeights())));
        prepared = batch;
    }

    @Override
    public void close() {
        if (training != null) {
            if (batchManager != null) {
                batchManager.close();
                batchManager = null;
            }
            prepared = null;
            training.close();
            training = null;
        }
    }
}
