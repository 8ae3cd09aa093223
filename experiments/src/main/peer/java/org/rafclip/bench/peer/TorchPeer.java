package org.rafclip.bench.peer;

import ai.djl.MalformedModelException;
import ai.djl.Model;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValue;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.bench.Peer;
import org.rafclip.clip.ClipConfig;
import org.rafclip.ops.kernel.Memory;
import org.rafclip.train.TrainConfig;

/**
 * RaF-CLIP's training step in PyTorch: two TorchScript modules, one for loss and gradient, one for the gradient's norm and
 * the fused AdamW.
 */
public final class TorchPeer implements Peer {

    private static final String UPDATE = "Update";

    /** Parameters with weight decay come first in each list. */
    private static final String UPDATE_SCRIPT = """
              def forward(self: __torch__.Update,
                  p: List[Tensor], g: List[Tensor], m: List[Tensor], v: List[Tensor], s: List[Tensor],
                  q: List[Tensor], h: List[Tensor], n: List[Tensor], w: List[Tensor], u: List[Tensor],
                  lr: float, beta1: float, beta2: float, decay: float, eps: float, clip: float) -> Tensor:
                norms = torch.cat([torch.stack(torch._foreach_norm(g, 2)), torch.stack(torch._foreach_norm(h, 2))], 0)
                norm = torch.norm(norms)
                scale = torch.clamp(torch.div(norm, clip), 1.0, None)
                torch._foreach_add_(s, 1)
                torch._foreach_add_(u, 1)
                torch._fused_adamw_(p, g, m, v, annotate(List[Tensor], []), s, lr=lr, beta1=beta1, beta2=beta2, weight_decay=decay, eps=eps, amsgrad=False, maximize=False, grad_scale=scale, found_inf=None)
                torch._fused_adamw_(q, h, n, w, annotate(List[Tensor], []), u, lr=lr, beta1=beta1, beta2=beta2, weight_decay=0.0, eps=eps, amsgrad=False, maximize=False, grad_scale=scale, found_inf=None)
                return norm
            """;

    private final Engine engine;
    private final int threads;
    private Model step;
    private Model update;
    private TrainConfig settings;
    private List<NDArray> parameters;
    private List<NDArray> first;
    private List<NDArray> second;
    private List<NDArray> counts;
    private Peer.Batch prepared;
    private NDList inputs;
    private NDManager batchManager;

    /** @param threads that PyTorch computes with */
    public TorchPeer(int threads) {
        System.setProperty("ai.djl.offline", "true");
        this.threads = threads;
        this.engine = Engine.getEngine("PyTorch");
        JniUtils.setNumThreads(threads);
    }

    @Override
    public String description() {
        return "PyTorch " + engine.getVersion() + ", " + threads + " threads";
    }

    @Override
    public void load(ClipConfig config, Map<String, INDArray> values, TrainConfig train) {
        close();
        settings = train;
        step = module(StepScript.NAME, StepScript.of(config, values.keySet()));
        update = module(UPDATE, UPDATE_SCRIPT);
        NDManager manager = step.getNDManager();
        parameters = new ArrayList<>();
        first = new ArrayList<>();
        second = new ArrayList<>();
        counts = new ArrayList<>();
        values.forEach((name, value) -> {
            Memory memory = Memory.of(value);
            float[] floats = new float[Math.toIntExact(memory.length())];
            for (int i = 0; i < floats.length; i++) {
                floats[i] = (float) memory.get(i);
            }
            NDArray parameter = manager.create(floats, new Shape(value.shape()));
            parameter.setRequiresGradient(true);
            parameters.add(parameter);
            first.add(parameter.zerosLike());
            second.add(parameter.zerosLike());
            counts.add(manager.create(0f));
        });
    }

    private static Model module(String name, String forward) {
        Model model = Model.newInstance(name, "PyTorch");
        try {
            model.load(new ByteArrayInputStream(TorchScript.archive(name, forward)));
            return model;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (MalformedModelException e) {
            throw new IllegalStateException("PyTorch refuses the script", e);
        }
    }

    @Override
    public double step(Peer.Batch batch, double lr, long t) {
        if (batch != prepared) {
            prepare(batch);
        }
        NDList results;
        JniUtils.setGradMode(true);
        try {
            results = IValueUtils.forward((PtSymbolBlock) step.getBlock(), inputs, true);
        } finally {
            JniUtils.setGradMode(false);
        }
        try (results) {
            update(results, lr);
            return results.get(0).getFloat();
        }
    }

    private void update(NDList results, double lr) {
        List<IValue> values = new ArrayList<>();
        for (boolean decays : new boolean[] {true, false}) {
            List<List<PtNDArray>> lists = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                lists.add(new ArrayList<>());
            }
            for (int i = 0; i < parameters.size(); i++) {
                if (parameters.get(i).getShape().dimension() >= 2 == decays) {
                    lists.get(0).add((PtNDArray) parameters.get(i));
                    lists.get(1).add((PtNDArray) results.get(1 + i));
                    lists.get(2).add((PtNDArray) first.get(i));
                    lists.get(3).add((PtNDArray) second.get(i));
                    lists.get(4).add((PtNDArray) counts.get(i));
                }
            }
            lists.forEach(list -> values.add(IValue.listFrom(list.toArray(PtNDArray[]::new))));
        }
        double clip = settings.clipNorm() > 0 ? settings.clipNorm() : Float.MAX_VALUE;
        for (double value :
                new double[] {lr, settings.beta1(), settings.beta2(), settings.weightDecay(), settings.eps(), clip}) {
            values.add(IValue.from(value));
        }
        try (IValue norm = ((PtSymbolBlock) update.getBlock()).forward(values.toArray(IValue[]::new))) {
            norm.toTensor((PtNDManager) update.getNDManager()).close();
        } finally {
            values.forEach(IValue::close);
        }
    }

    private void prepare(Peer.Batch batch) {
        if (batchManager != null) {
            batchManager.close();
        }
        batchManager = step.getNDManager().newSubManager();
        NDManager manager = batchManager;
        inputs = new NDList();
        parameters.forEach(parameter -> add("p[]", parameter));
        int size = (int) Math.round(Math.sqrt(batch.pixels().length / 3.0 / batch.imageCount()));
        add("images", manager.create(batch.pixels(), new Shape(batch.imageCount(), 3, size, size)));
        long[] tokens = Arrays.stream(batch.tokens())
                .flatMapToInt(Arrays::stream)
                .asLongStream()
                .toArray();
        int texts = batch.tokens().length;
        add("tokens", manager.create(tokens, new Shape(texts, tokens.length / texts)));
        add("ends", manager.create(longs(batch.ends())));
        List<Peer.Term> terms = batch.terms();
        float[] weights = new float[terms.size()];
        for (int i = 0; i < weights.length; i++) {
            weights[i] = (float) terms.get(i).weight();
        }
        add("weights", manager.create(weights));
        terms.forEach(term -> add("rows[]", manager.create(longs(term.images()))));
        terms.forEach(term -> add("texts[]", manager.create(longs(term.texts()))));
        terms.forEach(term -> add("targets[]", manager.create(longs(term.targets()))));
        terms.forEach(term -> add("biases[]", manager.create(term.logWeights())));
        prepared = batch;
    }

    private void add(String name, NDArray array) {
        array.setName(name);
        inputs.add(array);
    }

    private static long[] longs(int[] values) {
        return Arrays.stream(values).asLongStream().toArray();
    }

    @Override
    public void close() {
        if (step != null) {
            if (batchManager != null) {
                batchManager.close();
                batchManager = null;
            }
            prepared = null;
            step.close();
            update.close();
            step = null;
        }
    }
}
