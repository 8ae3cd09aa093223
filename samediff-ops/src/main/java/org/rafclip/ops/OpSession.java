package org.rafclip.ops;

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
            placeholders.forEach((name, value) ->
                    inputs.put(name, value.castTo(graph.getVariable(name).dataType())));
        }
        Map<String, INDArray> results = executor.run(inputs, variables);
        Map<String, INDArray> owned = new LinkedHashMap<>();
        results.forEach((name, value) -> {
            owned.put(name, value.dup('c'));
            pool.giveBack(value);
        });
        pool.close();
        return ExecutionResult.createFrom(
                List.copyOf(owned.keySet()), owned.values().toArray(INDArray[]::new));
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
            INDArray[] in = context.getInputArrays().stream()
                    .map(org.rafclip.ops.kernel.Memory::dense)
                    .toArray(INDArray[]::new);
            own.forward(in, context.getOutputArrays().toArray(INDArray[]::new));
            return ExecutionResult.createFrom(op, context);
        }
        return super.doExec(op, context, frame, inputs, allIterationInputs, constants, otherPlaceholders);
    }
}
