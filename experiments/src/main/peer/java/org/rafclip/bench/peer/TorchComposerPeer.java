package org.rafclip.bench.peer;

import static org.rafclip.bench.peer.TorchTraining.add;

import ai.djl.Model;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValueUtils;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.agcn.compose.Composer;
import org.rafclip.agcn.loss.CompositionLossConfig;
import org.rafclip.agcn.loss.CompositionLossConfig.Duplicates;
import org.rafclip.bench.ComposerPeer;
import org.rafclip.ops.Precision;
import org.rafclip.train.TrainConfig;

/** A composer's training step in PyTorch. */
public final class TorchComposerPeer implements ComposerPeer {

    private final Engine engine;
    private final int threads;
    private Duplicates duplicates;
    private TorchTraining training;
    private Model undropped;
    private NDList inputs;
    private NDManager batchManager;

    /** @param threads that PyTorch computes with */
    public TorchComposerPeer(int threads) {
        this.threads = threads;
        this.engine = TorchTraining.engine(threads);
    }

    @Override
    public String description() {
        return "PyTorch " + engine.getVersion() + ", " + threads + " threads";
    }

    @Override
    public void load(
            Network network,
            CompositionLossConfig loss,
            Map<String, INDArray> parameters,
            TrainConfig train,
            Precision precision) {
        close();
        duplicates = loss.duplicates();
        String script = ComposeScript.training(network, loss, precision, parameters.keySet());
        training = new TorchTraining(ComposeScript.TRAINING, script, parameters, train);
        undropped = TorchTraining.module(
                ComposeScript.EVALUATION, ComposeScript.evaluation(network, loss, precision, parameters.keySet()));
    }

    @Override
    public void prepare(Batch batch) {
        if (batchManager != null) {
            batchManager.close();
        }
        batchManager = training.newManager();
        NDManager manager = batchManager;
        inputs = training.inputs();
        Map<String, INDArray> values = batch.inputs();
        add(inputs, "image_tokens", TorchTraining.array(manager, values.get(Composer.IMAGE_TOKENS)));
        add(inputs, "text_tokens", TorchTraining.array(manager, values.get(Composer.TEXT_TOKENS)));
        add(
                inputs,
                "lengths",
                manager.create(
                        TorchTraining.longs(values.get(Composer.TEXT_LENGTHS).toIntVector())));
        add(inputs, "image", TorchTraining.array(manager, values.get(Composer.IMAGE_FEATURES)));
        add(inputs, "text", TorchTraining.array(manager, values.get(Composer.TEXT_FEATURES)));
        add(inputs, "targets", TorchTraining.array(manager, batch.targets()));
        add(inputs, "rows", manager.create(TorchTraining.longs(batch.targetOfQuery())));
        float[] logCounts = new float[(int) batch.targets().size(0)];
        if (duplicates == Duplicates.LITERAL) {
            for (int target : batch.targetOfQuery()) {
                logCounts[target]++;
            }
            for (int i = 0; i < logCounts.length; i++) {
                logCounts[i] = (float) Math.log(logCounts[i]);
            }
        }
        add(inputs, "log_counts", manager.create(logCounts));
    }

    @Override
    public double loss() {
        try (NDList results = IValueUtils.forward((PtSymbolBlock) undropped.getBlock(), inputs, false)) {
            return results.get(0).getFloat();
        }
    }

    @Override
    public void step(double lr) {
        training.step(inputs, lr);
    }

    @Override
    public void close() {
        if (training != null) {
            if (batchManager != null) {
                batchManager.close();
                batchManager = null;
            }
            training.close();
            undropped.close();
            training = null;
        }
    }
}
