package org.rafclip.ops;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.nd4j.autodiff.functions.DifferentialFunction;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.VariableType;
import org.nd4j.autodiff.samediff.internal.SameDiffOp;
import org.nd4j.autodiff.samediff.internal.Variable;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.DynamicCustomOp;
import org.nd4j.linalg.api.ops.OpContext;
import org.nd4j.linalg.api.shape.LongShapeDescriptor;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.kernel.Memory;

/**
 * Runs the part of a graph that a request needs: once planned, operation by operation in an order in which every value
 * is freed right after its last use.
 *
 * <p>It takes graphs of {@link JavaOp}s and of SameDiff's own custom operations; {@link #supports} says no to control
 * flow and to SameDiff's legacy operations. One executor serves one thread.
 */
public final class GraphExecutor {

    private final SameDiff graph;
    private final BufferPool pool;
    private final Map<List<String>, Plan> plans = new HashMap<>();

    public GraphExecutor(SameDiff graph, BufferPool pool) {
        this.graph = graph;
        this.pool = pool;
    }

    /** Whether everything that the variables depend on can run here. */
    public boolean supports(Collection<String> variables) {
        return plan(List.copyOf(variables)).supported;
    }

    /**
     * Computes variables. What operations computed lies in the pool's memory until the caller gives it back; values of
     * variables, constants and placeholders are the arrays themselves.
     *
     * @param inputs the placeholders' values by name
     * @throws IllegalArgumentException if a placeholder is missing
     */
    public Map<String, INDArray> run(Map<String, INDArray> inputs, List<String> variables) {
        return run(inputs, variables, values -> Map.of());
    }

    /**
     * {@link #run(Map, List)} where some placeholders' values follow from the first results: the first time that a value
     * is missing, the function is asked for all of them.
     *
     * @param late from the values that are known so far and still kept, to the missing placeholders' values; requested
     *     variables are kept, and those named first are computed first
     */
    public Map<String, INDArray> run(
            Map<String, INDArray> inputs, List<String> variables, UnaryOperator<Map<String, INDArray>> late) {
        Plan plan = plan(variables);
        Values values = new Values(inputs, late);
        int[] uses = plan.uses.clone();
        for (Step step : plan.steps) {
            execute(step, values);
            for (int i = 0; i < step.inputs.length; i++) {
                int slot = step.inputSlots[i];
                if (slot >= 0 && --uses[slot] == 0) {
                    pool.giveBack(values.computed.remove(step.inputs[i]));
                }
            }
            for (int i = 0; i < step.outputs.length; i++) {
                if (uses[step.outputSlots[i]] == 0) {
                    pool.giveBack(values.computed.remove(step.outputs[i]));
                }
            }
        }
        Map<String, INDArray> result = new LinkedHashMap<>();
        for (String name : variables) {
            result.put(name, values.get(name));
        }
        return result;
    }

    private void execute(Step step, Values values) {
        INDArray[] in = new INDArray[step.inputs.length];
        for (int i = 0; i < in.length; i++) {
            in[i] = values.get(step.inputs[i]);
        }
        INDArray[] out;
        if (step.op instanceof JavaOp op) {
            for (int i = 0; i < in.length; i++) {
                in[i] = Memory.dense(in[i]);
            }
            long[][] shapes = op.outputShapes(in);
            out = new INDArray[shapes.length];
            for (int i = 0; i < out.length; i++) {
                out[i] = pool.take(step.outputTypes[i], shapes[i]);
            }
            op.forward(in, out);
        } else {
            out = executeNative(step.op, in);
        }
        for (int i = 0; i < out.length; i++) {
            values.computed.put(step.outputs[i], out[i]);
        }
    }

    private INDArray[] executeNative(DynamicCustomOp op, INDArray[] in) {
        OpContext context = Nd4j.getExecutioner().buildContext();
        context.setInputArrays(in);
        context.setIArguments(op.iArgs());
        context.setTArguments(op.tArgs());
        context.setBArguments(op.bArgs());
        context.setDArguments(op.dArgs());
        List<LongShapeDescriptor> shapes = op.calculateOutputShape(context);
        INDArray[] out = new INDArray[shapes.size()];
        for (int i = 0; i < out.length; i++) {
            LongShapeDescriptor shape = shapes.get(i);
            out[i] = shape.isEmpty() ? Nd4j.create(shape) : pool.take(shape.dataType(), shape.getShape());
            context.setOutputArray(i, out[i]);
        }
        Nd4j.exec(op, context);
        context.purge();
        return out;
    }

    /** What is known during one run. */
    private final class Values {
        private final Map<String, INDArray> computed = new HashMap<>();
        private final Map<String, INDArray> inputs;
        private UnaryOperator<Map<String, INDArray>> late;

        Values(Map<String, INDArray> inputs, UnaryOperator<Map<String, INDArray>> late) {
            this.inputs = new HashMap<>(inputs);
            this.late = late;
        }

        INDArray get(String name) {
            INDArray value = computed.get(name);
            if (value != null) {
                return value;
            }
            if (graph.getVariable(name).getVariableType() != VariableType.PLACEHOLDER) {
                return graph.getVariable(name).getArr();
            }
            if (!inputs.containsKey(name) && late != null) {
                inputs.putAll(late.apply(Map.copyOf(computed)));
                late = null;
            }
            INDArray input = inputs.get(name);
            if (input == null) {
                throw new IllegalArgumentException("the graph needs a value for its placeholder " + name);
            }
            return input;
        }
    }

    private Plan plan(List<String> variables) {
        int size = graph.getOps().size();
        Plan known = plans.get(variables);
        if (known == null || known.graphSize != size) {
            known = makePlan(variables, size);
            plans.put(List.copyOf(variables), known);
        }
        return known;
    }

    private Plan makePlan(List<String> variables, int size) {
        Map<String, Integer> slots = new HashMap<>();
        List<Step> steps = new ArrayList<>();
        Set<String> planned = new HashSet<>();
        for (String variable : variables) {
            if (!graph.hasVariable(variable)) {
                throw new IllegalArgumentException("the graph has no variable " + variable);
            }
            if (!addSteps(variable, planned, slots, steps)) {
                return new Plan(size, false, List.of(), new int[0]);
            }
        }
        int[] uses = new int[slots.size()];
        for (Step step : steps) {
            for (int slot : step.inputSlots) {
                if (slot >= 0) {
                    uses[slot]++;
                }
            }
        }
        for (String variable : variables) {
            Integer slot = slots.get(variable);
            if (slot != null) {
                uses[slot]++;
            }
        }
        return new Plan(size, true, steps, uses);
    }

    private boolean addSteps(String variable, Set<String> planned, Map<String, Integer> slots, List<Step> steps) {
        Deque<String> pending = new ArrayDeque<>();
        push(pending, variable, planned);
        while (!pending.isEmpty()) {
            String name = pending.peek();
            if (planned.contains(name)) {
                pending.pop();
                continue;
            }
            SameDiffOp op = graph.getOps().get(name);
            if (!plain(op)) {
                return false;
            }
            int before = pending.size();
            for (String input : inputs(op)) {
                push(pending, input, planned);
            }
            if (pending.size() == before) {
                pending.pop();
                planned.add(name);
                steps.add(step(op, slots));
            }
        }
        return true;
    }

    private void push(Deque<String> pending, String variable, Set<String> planned) {
        Variable known = graph.getVariables().get(variable);
        if (known.getOutputOfOp() != null && !planned.contains(known.getOutputOfOp())) {
            pending.push(known.getOutputOfOp());
        }
    }

    private static List<String> inputs(SameDiffOp op) {
        return op.getInputsToOp() == null ? List.of() : op.getInputsToOp();
    }

    private static boolean plain(SameDiffOp op) {
        DifferentialFunction function = op.getOp();
        boolean controlled = op.getControlDeps() != null && !op.getControlDeps().isEmpty()
                || op.getVarControlDeps() != null && !op.getVarControlDeps().isEmpty();
        return !controlled
                && function instanceof DynamicCustomOp
                && !function.getClass().getPackageName().startsWith("org.nd4j.linalg.api.ops.impl.controlflow")
                && !function.getClass().getPackageName().startsWith("org.nd4j.linalg.api.ops.impl.shape.tensorops");
    }

    private Step step(SameDiffOp op, Map<String, Integer> slots) {
        String[] inputs = inputs(op).toArray(String[]::new);
        String[] outputs = op.getOutputsOfOp().toArray(String[]::new);
        int[] inputSlots = new int[inputs.length];
        for (int i = 0; i < inputs.length; i++) {
            inputSlots[i] = slots.getOrDefault(inputs[i], -1);
        }
        int[] outputSlots = new int[outputs.length];
        DataType[] types = new DataType[outputs.length];
        for (int i = 0; i < outputs.length; i++) {
            outputSlots[i] = slots.size();
            slots.put(outputs[i], outputSlots[i]);
            types[i] = graph.getVariable(outputs[i]).dataType();
        }
        return new Step((DynamicCustomOp) op.getOp(), inputs, inputSlots, outputs, outputSlots, types);
    }

    private record Plan(int graphSize, boolean supported, List<Step> steps, int[] uses) {}

    private record Step(
            DynamicCustomOp op,
            String[] inputs,
            int[] inputSlots,
            String[] outputs,
            int[] outputSlots,
            DataType[] outputTypes) {}
}
