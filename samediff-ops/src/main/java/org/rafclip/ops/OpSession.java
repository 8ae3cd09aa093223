package org.rafclip.ops;

import java.lang.ref.Reference;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.nd4j.autodiff.functions.DifferentialFunction;
import org.nd4j.autodiff.listeners.At;
import org.nd4j.autodiff.listeners.Listener;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.config.ExecutionResult;
import org.nd4j.autodiff.samediff.config.SDValue;
import org.nd4j.autodiff.samediff.internal.FrameIter;
import org.nd4j.autodiff.samediff.internal.InferenceSession;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.OpContext;
import org.nd4j.linalg.dataset.api.MultiDataSet;
import org.rafclip.ops.kernel.Memory;

/**
 * What SameDiff itself runs graphs with once {@link JavaOps#install()} was called: {@code sd.output} and
 * {@code sd.calculateGradients} go through {@link GraphExecutor} where it takes the graph, otherwise through SameDiff's
 * own session, which then knows our operations.
 */
public final class OpSession extends InferenceSession {

    private final SameDiff graph;

    public OpSession(SameDiff graph) {
        super(graph);
        this.graph = graph;
    }

    @Override
    public ExecutionResult output(
            List<String> variables,
            Map<String, INDArray> placeholders,
            Map<String, SDValue> otherPlaceholders,
            MultiDataSet batch,
            Collection<String> requiredActivations,
            List<Listener> listeners,
            At at) {
        boolean observed = listeners != null && !listeners.isEmpty()
                || requiredActivations != null && !requiredActivations.isEmpty();
        BufferPool pool = new BufferPool();
        GraphExecutor executor = new GraphExecutor(graph, pool);
        if (observed || !otherPlaceholders.isEmpty() || !executor.supports(variables)) {
            return super.output(variables, placeholders, otherPlaceholders, batch, requiredActivations, listeners, at);
        }
        Map<String, INDArray> inputs = new LinkedHashMap<>();
        if (placeholders != null) {
            placeholders.forEach((name, value) -> {
                if (!graph.hasVariable(name)) {
                    throw new IllegalArgumentException("the graph has no placeholder " + name);
                }
                inputs.put(name, value.castTo(graph.getVariable(name).dataType()));
            });
        }
        Map<String, SDValue> owned = new LinkedHashMap<>();
        try (pool) {
            executor.run(inputs, variables).forEach((name, value) -> {
                owned.put(name, SDValue.create(value.dup('c')));
                pool.giveBack(value);
            });
        }
        return ExecutionResult.builder().valueOutputs(owned).build();
    }

    @Override
    public ExecutionResult doExec(
            DifferentialFunction op,
            OpContext context,
            FrameIter frame,
            Set<VarId> inputs,
            Set<VarId> allIterationInputs,
            Set<String> constants,
            Map<String, SDValue> otherPlaceholders) {
        if (op instanceof JavaOp own) {
            INDArray[] in = context.getInputArrays().stream().map(Memory::dense).toArray(INDArray[]::new);
            try {
                own.forward(in, context.getOutputArrays().toArray(INDArray[]::new));
            } finally {
                Reference.reachabilityFence(in);
            }
            return ExecutionResult.createFrom(op, context);
        }
        if (context != null) {
            GraphExecutor.refuseWrongGradients(op, context.getInputArrays());
        }
        return super.doExec(op, context, frame, inputs, allIterationInputs, constants, otherPlaceholders);
    }
}
