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
import org.rafclip.ops.kernel.Memory;
import org.rafclip.train.TrainConfig;

/**
 * A model in training in PyTorch: two TorchScript modules, one for loss and gradient, one for the gradient's norm and the
 * fused AdamW.
 */
final class TorchTraining implements AutoCloseable {

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

    private final TrainConfig settings;
    private final Model step;
    private final Model update;
    private final List<NDArray> parameters = new ArrayList<>();
    private final List<NDArray> first = new ArrayList<>();
    private final List<NDArray> second = new ArrayList<>();
    private final List<NDArray> counts = new ArrayList<>();

    /**
     * @param name of the script's class
     * @param script a method {@code forward} whose first argument are the parameters, which returns the loss and the
     *     gradient by each of them
     * @param values of the parameters in the script's order; copied
     */
    TorchTraining(String name, String script, Map<String, INDArray> values, TrainConfig settings) {
        this.settings = settings;
        this.step = module(name, script);
        this.update = module(UPDATE, UPDATE_SCRIPT);
        for (INDArray value : values.values()) {
            NDArray parameter = array(step.getNDManager(), value);
            parameter.setRequiresGradient(true);
            parameters.add(parameter);
            first.add(parameter.zerosLike());
            second.add(parameter.zerosLike());
            counts.add(step.getNDManager().create(0f));
        }
    }

    /** PyTorch itself. */
    static Engine engine(int threads) {
        System.setProperty("ai.djl.offline", "true");
        Engine engine = Engine.getEngine("PyTorch");
        JniUtils.setNumThreads(threads);
        return engine;
    }

    static Model module(String name, String forward) {
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

    /** A copy in single precision. */
    static NDArray array(NDManager manager, INDArray value) {
        Memory memory = Memory.of(value);
        float[] floats = new float[Math.toIntExact(memory.length())];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = (float) memory.get(i);
        }
        return manager.create(floats, new Shape(value.shape()));
    }

    static long[] longs(int[] values) {
        return Arrays.stream(values).asLongStream().toArray();
    }

    /** For arrays that live as long as a batch. */
    NDManager newManager() {
        return step.getNDManager().newSubManager();
    }

    List<NDArray> parameters() {
        return parameters;
    }

    /** The parameters under the name of the script's first argument, to which the others are added. */
    NDList inputs() {
        NDList inputs = new NDList();
        parameters.forEach(parameter -> add(inputs, "p[]", parameter));
        return inputs;
    }

    static void add(NDList inputs, String name, NDArray array) {
        array.setName(name);
        inputs.add(array);
    }

    /** Loss, gradient, clipping of its norm, AdamW; the loss before the update. */
    double step(NDList inputs, double lr) {
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

    @Override
    public void close() {
        step.close();
        update.close();
    }
}
