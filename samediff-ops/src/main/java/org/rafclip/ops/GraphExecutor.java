package org.rafclip.ops;

import java.lang.ref.Reference;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.nd4j.autodiff.functions.DifferentialFunction;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.VariableType;
import org.nd4j.autodiff.samediff.internal.SameDiffOp;
import org.nd4j.autodiff.samediff.internal.Variable;
import org.nd4j.linalg.api.buffer.DataBuffer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.BaseOp;
import org.nd4j.linalg.api.ops.BaseReduceOp;
import org.nd4j.linalg.api.ops.BaseScalarOp;
import org.nd4j.linalg.api.ops.BaseTransformOp;
import org.nd4j.linalg.api.ops.DynamicCustomOp;
import org.nd4j.linalg.api.ops.Op;
import org.nd4j.linalg.api.ops.OpContext;
import org.nd4j.linalg.api.ops.impl.transforms.pairwise.arithmetic.bp.AddBpOp;
import org.nd4j.linalg.api.ops.impl.transforms.pairwise.arithmetic.bp.DivBpOp;
import org.nd4j.linalg.api.ops.impl.transforms.pairwise.arithmetic.bp.SubBpOp;
import org.nd4j.linalg.api.shape.LongShapeDescriptor;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.kernel.Kernels;
import org.rafclip.ops.kernel.Memory;

/**
 * Runs the part of a graph that a request needs: once planned, operation by operation in an order in which every value
 * is freed right after its last use. A use that looks at a shape alone keeps no values: the gradient of a sum needs neither
 * of its parts. What is quick to compute is computed again for gradients instead of kept.
 *
 * <p>It takes graphs of {@link JavaOp}s and of SameDiff's own operations; {@link #supports} says no to control flow and to
 * those legacy operations that keep values in themselves. One executor serves one thread.
 */
public final class GraphExecutor {

    private static final long GRAIN = 1 << 15;

    /** Graphs of less memory than this compute nothing again: a step of a small model would take 4 % longer. */
    private static final long LITTLE = 1L << 30;

    private final SameDiff graph;
    private final SameDiff stored;
    private final BufferPool pool;
    private final Map<Request, Plan> plans = new HashMap<>();
    private boolean frugal = true;

    public GraphExecutor(SameDiff graph, BufferPool pool) {
        this(graph, graph, pool);
    }

    /** @param stored where the variables' values are, for the variables that it has: the graph that was differentiated */
    GraphExecutor(SameDiff graph, SameDiff stored, BufferPool pool) {
        this.graph = graph;
        this.stored = stored;
        this.pool = pool;
    }

    /** Whether everything that the variables depend on can run here. */
    public boolean supports(Collection<String> variables) {
        return plan(List.copyOf(variables), true).obstacle == null;
    }

    /**
     * Computes variables. What operations computed lies in the pool's memory until the caller gives it back; values of
     * variables, constants and placeholders are the arrays themselves.
     *
     * @param inputs the placeholders' values by name
     * @throws IllegalArgumentException if a placeholder is missing or has another type or shape than the graph says, or
     *     if the graph needs an operation that does not run here
     */
    public Map<String, INDArray> run(Map<String, INDArray> inputs, List<String> variables) {
        return run(inputs, variables, values -> Map.of());
    }

    /**
     * {@link #run(Map, List)} where some placeholders' values follow from the first results: the first time that a value
     * is missing, the function gives all of them.
     *
     * @param late from the values that are known so far and still kept, to the missing placeholders' values; requested
     *     variables are kept, and those named first are computed first
     */
    public Map<String, INDArray> run(
            Map<String, INDArray> inputs, List<String> variables, UnaryOperator<Map<String, INDArray>> late) {
        Map<String, INDArray> result = new LinkedHashMap<>();
        run(plan(variables, true), new Values(inputs, late), values -> {
            for (String name : variables) {
                result.put(name, values.get(name));
            }
        });
        return result;
    }

    /**
     * Computes variables that operations compute, and hands each over as soon as nothing else needs it.
     *
     * @param taker of a variable's name and value, which is valid until it returns
     * @throws IllegalArgumentException as in {@link #run(Map, List)}
     */
    public void run(Map<String, INDArray> inputs, List<String> variables, BiConsumer<String, INDArray> taker) {
        Values values = new Values(inputs, known -> Map.of());
        values.handOver(variables, taker);
        run(plan(variables, false), values, done -> {});
    }

    private void run(Plan plan, Values values, Consumer<Values> end) {
        if (plan.obstacle != null) {
            throw new IllegalArgumentException("the operation " + plan.obstacle
                    + " runs in SameDiff's own session only: compute with sd.output or sd.calculateGradients");
        }
        try {
            int[] uses = plan.uses.clone();
            for (Step step : plan.steps) {
                execute(step, values);
                release(step, uses, values);
            }
            end.accept(values);
            becomeFrugalOrNot();
        } catch (RuntimeException | Error e) {
            values.computed.values().forEach(pool::giveBack);
            throw e;
        }
    }

    private void release(Step step, int[] uses, Values values) {
        for (int i = 0; i < step.inputs.length; i++) {
            int slot = step.inputSlots[i];
            if (slot >= 0 && step.reads[i] && --uses[slot] == 0) {
                values.release(step.inputs[i]);
            }
        }
        for (int i = 0; i < step.outputs.length; i++) {
            if (uses[step.outputSlots[i]] == 0 && step.asked[i]) {
                values.release(step.outputs[i]);
            }
        }
    }

    private void execute(Step step, Values values) {
        INDArray[] in = new INDArray[step.inputs.length];
        for (int i = 0; i < in.length; i++) {
            in[i] = step.reads[i] ? values.get(step.inputs[i]) : values.shaped(step.inputs[i]);
        }
        INDArray[] out;
        if (step.op instanceof AddBpOp && Arrays.equals(in[0].shape(), in[1].shape())) {
            // The gradient of a sum is that of each of its parts: one array under more names.
            for (String name : step.outputs) {
                values.share(name, in[2]);
            }
            return;
        }
        if (step.op instanceof JavaOp op
                && op.reshapes()
                && values.computed.containsKey(step.inputs[0])
                && !in[0].isEmpty()) {
            values.share(step.outputs[0], BufferPool.reshaped(in[0], op.outputShapes(in)[0]));
            return;
        }
        if (step.op instanceof JavaOp op) {
            out = execute(op, step, in);
        } else if (step.op.opName().equals("add") && addable(in)) {
            out = new INDArray[] {add(in[0], in[1])};
        } else if (step.op instanceof DynamicCustomOp op) {
            out = executeNative(op, in);
        } else {
            out = executeLegacy((BaseOp) step.op, in[0]);
        }
        for (int i = 0; i < out.length; i++) {
            if (out[i] != null) {
                values.computed.put(step.outputs[i], out[i]);
            }
        }
    }

    private INDArray[] execute(JavaOp op, Step step, INDArray[] in) {
        for (int i = 0; i < in.length; i++) {
            in[i] = Memory.dense(in[i]);
        }
        long[][] shapes = op.outputShapes(in);
        INDArray[] out = new INDArray[shapes.length];
        try {
            for (int i = 0; i < out.length; i++) {
                out[i] = step.asked[i] ? pool.take(step.outputTypes[i], shapes[i]) : null;
            }
            op.forward(in, out);
        } catch (RuntimeException | Error e) {
            giveBack(out);
            throw e;
        } finally {
            Reference.reachabilityFence(in);
        }
        return out;
    }

    private void giveBack(INDArray[] arrays) {
        for (INDArray array : arrays) {
            if (array != null) {
                pool.giveBack(array);
            }
        }
    }

    private static boolean addable(INDArray[] in) {
        DataType type = in[0].dataType();
        return in.length == 2
                && (type == DataType.FLOAT || type == DataType.DOUBLE)
                && type == in[1].dataType()
                && !in[0].isEmpty()
                && Arrays.equals(in[0].shape(), in[1].shape());
    }

    /** SameDiff's {@code add} of equal shapes: residual connections, and the sum of a value's gradients. */
    private INDArray add(INDArray a, INDArray b) {
        INDArray denseA = Memory.dense(a);
        INDArray denseB = Memory.dense(b);
        INDArray sum = pool.take(a.dataType(), a.shape());
        Memory x = Memory.of(denseA);
        Memory y = Memory.of(denseB);
        Memory target = Memory.of(sum);
        Kernels kernels = Kernels.of(a.dataType());
        Parallel.standard().run(x.length(), GRAIN, (from, to, part) -> kernels.add(x, y, target, from, to));
        Reference.reachabilityFence(denseA);
        Reference.reachabilityFence(denseB);
        return sum;
    }

    private INDArray[] executeNative(DynamicCustomOp op, INDArray[] in) {
        refuseWrongGradients(op, List.of(in));
        OpContext context = Nd4j.getExecutioner().buildContext();
        context.setInputArrays(in);
        context.setIArguments(op.iArgs());
        context.setTArguments(op.tArgs());
        context.setBArguments(op.bArgs());
        context.setDArguments(op.dArgs());
        List<LongShapeDescriptor> shapes = op.calculateOutputShape(context);
        INDArray[] out = new INDArray[shapes.size()];
        try {
            for (int i = 0; i < out.length; i++) {
                LongShapeDescriptor shape = shapes.get(i);
                out[i] = shape.isEmpty() ? Nd4j.create(shape) : pool.take(shape.dataType(), shape.getShape());
                context.setOutputArray(i, out[i]);
            }
            Nd4j.exec(op, context);
        } catch (RuntimeException | Error e) {
            giveBack(out);
            throw e;
        } finally {
            context.purge();
        }
        return out;
    }

    /** SameDiff 1.0.0-M2.1 takes the product of two sums for the sum of products when the divisor is a single number. */
    static void refuseWrongGradients(DifferentialFunction op, List<INDArray> in) {
        if (op instanceof DivBpOp
                && in.get(1).length() == 1
                && in.get(0).length() > 1
                && !op.arg(1).isConstant()
                && !op.arg(1).isPlaceHolder()) {
            throw new IllegalStateException(
                    "SameDiff's gradient of a division by a single variable is wrong (operation " + op.getOwnName()
                            + "): multiply by the reciprocal instead, as in x.mul(y.rdiv(1))");
        }
    }

    private INDArray[] executeLegacy(BaseOp op, INDArray in) {
        OpContext context = Nd4j.getExecutioner().buildContext();
        context.setInputArray(0, in);
        LongShapeDescriptor shape = op.calculateOutputShape(context).get(0);
        INDArray out = shape.isEmpty() ? Nd4j.create(shape) : pool.take(shape.dataType(), shape.getShape());
        try {
            context.setOutputArray(0, out);
            Nd4j.getExecutioner().exec((Op) op, context);
        } catch (RuntimeException | Error e) {
            pool.giveBack(out);
            throw e;
        } finally {
            context.purge();
        }
        return new INDArray[] {out};
    }

    /** What is known during one run. */
    private final class Values {
        private final Map<String, INDArray> computed = new HashMap<>();

        /** What was computed and is forgotten: their memory may hold something else, their shapes are true. */
        private final Map<String, INDArray> forgotten = new HashMap<>();

        /** How many names beyond the first some memory has. */
        private final Map<DataBuffer, Integer> names = new IdentityHashMap<>();

        private final Map<String, INDArray> inputs;
        private UnaryOperator<Map<String, INDArray>> late;
        private Set<String> handedOver = Set.of();
        private BiConsumer<String, INDArray> taker;

        Values(Map<String, INDArray> inputs, UnaryOperator<Map<String, INDArray>> late) {
            this.inputs = new HashMap<>(inputs);
            this.late = late;
        }

        void handOver(List<String> names, BiConsumer<String, INDArray> to) {
            handedOver = Set.copyOf(names);
            taker = to;
        }

        /** Gives what is known already another name, perhaps in another shape. */
        void share(String name, INDArray value) {
            computed.put(name, value);
            names.merge(value.data(), 1, Integer::sum);
        }

        /** Forgets a name, and the memory once it has no other. */
        void release(String name) {
            if (handedOver.contains(name)) {
                taker.accept(name, computed.get(name));
            }
            INDArray value = computed.remove(name);
            forgotten.put(name, value);
            Integer others = names.get(value.data());
            if (others == null) {
                pool.giveBack(value);
            } else if (others == 1) {
                names.remove(value.data());
            } else {
                names.put(value.data(), others - 1);
            }
        }

        /** An array of which only the shape is looked at. */
        INDArray shaped(String name) {
            INDArray value = forgotten.get(name);
            return value == null ? get(name) : value;
        }

        INDArray get(String name) {
            INDArray value = computed.get(name);
            if (value != null) {
                return value;
            }
            SDVariable variable = graph.getVariable(name);
            if (variable.getVariableType() != VariableType.PLACEHOLDER) {
                return (stored.hasVariable(name) ? stored.getVariable(name) : variable).getArr();
            }
            if (!inputs.containsKey(name) && late != null) {
                inputs.putAll(late.apply(Map.copyOf(computed)));
                late = null;
            }
            INDArray input = inputs.get(name);
            if (input == null) {
                throw new IllegalArgumentException("the graph needs a value for its placeholder " + name);
            }
            if (input.dataType() != variable.dataType() || !fits(input.shape(), variable.placeholderShape())) {
                throw new IllegalArgumentException("the placeholder " + name + " takes "
                        + describe(variable.dataType(), variable.placeholderShape()) + ", not "
                        + describe(input.dataType(), input.shape()));
            }
            return input;
        }

        private static boolean fits(long[] shape, long[] declared) {
            if (declared == null || declared.length == 0) {
                return true;
            }
            boolean fits = shape.length == declared.length;
            for (int i = 0; fits && i < shape.length; i++) {
                fits = declared[i] < 0 || declared[i] == shape[i];
            }
            return fits;
        }

        private static String describe(DataType type, long[] shape) {
            return type + (shape == null ? "" : " " + Arrays.toString(shape));
        }
    }

    /** Whether what is quick to compute is kept or not changes no bit of a result. */
    private void becomeFrugalOrNot() {
        frugal = pool.bytes() > (frugal ? LITTLE : 2 * LITTLE);
    }

    private Plan plan(List<String> variables, boolean kept) {
        int size = graph.getOps().size();
        Request request = new Request(List.copyOf(variables), kept, Blas.precision());
        Plan known = plans.get(request);
        if (known == null || known.graphSize != size || known.frugal != frugal) {
            known = makePlan(request, size);
            plans.put(request, known);
        }
        return known;
    }

    private Plan makePlan(Request request, int size) {
        List<String> variables = request.variables;
        Map<String, Integer> slots = new HashMap<>();
        List<Step> steps = new ArrayList<>();
        Set<String> planned = new HashSet<>();
        for (String variable : variables) {
            if (!graph.hasVariable(variable)) {
                throw new IllegalArgumentException("the graph has no variable " + variable);
            }
            String obstacle = addSteps(variable, planned, slots, steps);
            if (obstacle != null) {
                return new Plan(size, frugal, obstacle, List.of(), new int[0]);
            }
        }
        skipGradients(steps, variables);
        if (request.precision == Precision.BF16) {
            halve(steps, variables);
        }
        if (frugal) {
            steps = computingAgain(steps, variables, slots);
        }
        int[] uses = new int[slots.size()];
        for (Step step : steps) {
            for (int i = 0; i < step.inputSlots.length; i++) {
                if (step.inputSlots[i] >= 0 && step.reads[i]) {
                    uses[step.inputSlots[i]]++;
                }
            }
        }
        for (String variable : request.kept ? variables : List.<String>of()) {
            Integer slot = slots.get(variable);
            if (slot != null) {
                uses[slot]++;
            }
        }
        return new Plan(size, frugal, null, steps, uses);
    }

    /**
     * Leaves out gradients that neither a step nor the request asks for, such as those of frozen weights, and lets go of what
     * only they would read.
     */
    private static void skipGradients(List<Step> steps, List<String> requested) {
        Set<String> wanted = new HashSet<>(requested);
        steps.forEach(step -> wanted.addAll(List.of(step.inputs)));
        for (Step step : steps) {
            if (step.op instanceof JavaOpGradient gradient && gradient.skips()) {
                for (int i = 0; i < step.outputs.length; i++) {
                    step.asked[i] = wanted.contains(step.outputs[i]);
                }
                for (int i = 0; i < step.inputs.length; i++) {
                    step.reads[i] = gradient.reads(i, step.asked);
                }
            }
        }
    }

    /**
     * The steps, with what is {@linkplain JavaOp#recomputed() recomputed} computed again right before the first gradient
     * that reads it, so that it is not kept between.
     */
    private static List<Step> computingAgain(List<Step> steps, List<String> requested, Map<String, Integer> slots) {
        List<Step> result = new ArrayList<>();
        Map<String, Step> makers = new HashMap<>();
        for (Step step : steps) {
            if (step.op instanceof JavaOp op && op.recomputed() && !requested.contains(step.outputs[0])) {
                makers.put(step.outputs[0], step);
            }
            if (step.op instanceof JavaOpGradient) {
                for (int i = 0; i < step.inputs.length; i++) {
                    Step maker = step.reads[i] ? makers.get(step.inputs[i]) : null;
                    if (maker != null) {
                        String name = again(step.inputs[i]);
                        if (!slots.containsKey(name)) {
                            result.add(maker.again(slots));
                        }
                        step.inputs[i] = name;
                        step.inputSlots[i] = slots.get(name);
                    }
                }
            }
            result.add(step);
        }
        return result;
    }

    private static String again(String name) {
        return name + " again";
    }

    /**
     * Lets what goes between operations that take it so be bfloat16, which is written and read in half the time. What is requested
     * stays as it is, and so does what is computed from it.
     */
    private static void halve(List<Step> steps, List<String> requested) {
        Map<String, Boolean> takenSo = new HashMap<>();
        for (Step step : steps) {
            for (int i = 0; i < step.inputs.length; i++) {
                if (step.reads[i]) {
                    boolean so = step.op instanceof JavaOp op && op.takesBf16(i);
                    takenSo.merge(step.inputs[i], so, Boolean::logicalAnd);
                }
            }
        }
        requested.forEach(name -> takenSo.put(name, false));
        for (Step step : steps) {
            if (step.op instanceof JavaOp op
                    && op.givesBf16()
                    && step.outputTypes[0] == DataType.FLOAT
                    && takenSo.getOrDefault(step.outputs[0], false)) {
                step.outputTypes[0] = DataType.BFLOAT16;
            }
        }
    }

    /** Adds what a variable needs; gives the operation that cannot run here, or null. */
    private String addSteps(String variable, Set<String> planned, Map<String, Integer> slots, List<Step> steps) {
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
                return name + " (" + op.getOp().opName() + ")";
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
        return null;
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
        return !controlled && (function instanceof DynamicCustomOp ? !stateful(function) : plainLegacy(function, op));
    }

    private static boolean stateful(DifferentialFunction function) {
        String home = function.getClass().getPackageName();
        return home.startsWith("org.nd4j.linalg.api.ops.impl.controlflow")
                || home.startsWith("org.nd4j.linalg.api.ops.impl.shape.tensorops");
    }

    /** Arithmetic with a number, functions of each element, and sums: what SameDiff calls legacy operations. */
    private static boolean plainLegacy(DifferentialFunction function, SameDiffOp op) {
        return inputs(op).size() == 1
                && (function instanceof BaseScalarOp
                        || function instanceof BaseTransformOp
                        || function instanceof BaseReduceOp);
    }

    private Step step(SameDiffOp op, Map<String, Integer> slots) {
        String[] inputs = inputs(op).toArray(String[]::new);
        String[] outputs = op.getOutputsOfOp().toArray(String[]::new);
        int[] inputSlots = new int[inputs.length];
        boolean[] reads = new boolean[inputs.length];
        for (int i = 0; i < inputs.length; i++) {
            inputSlots[i] = slots.getOrDefault(inputs[i], -1);
            reads[i] = reads(op.getOp(), i);
        }
        int[] outputSlots = new int[outputs.length];
        DataType[] types = new DataType[outputs.length];
        for (int i = 0; i < outputs.length; i++) {
            outputSlots[i] = slots.size();
            slots.put(outputs[i], outputSlots[i]);
            types[i] = graph.getVariable(outputs[i]).dataType();
        }
        boolean[] asked = new boolean[outputs.length];
        Arrays.fill(asked, true);
        return new Step(op.getOp(), inputs, inputSlots, reads, outputs, outputSlots, types, asked);
    }

    /** Whether an operation looks at the values of an input, not only at its shape. */
    private static boolean reads(DifferentialFunction op, int input) {
        if (op instanceof JavaOpGradient gradient) {
            return gradient.reads(input);
        }
        return !(op instanceof AddBpOp || op instanceof SubBpOp) || input > 1;
    }

    /** @param kept whether the variables are kept to the end */
    private record Request(List<String> variables, boolean kept, Precision precision) {}

    /**
     * @param frugal whether some values are computed again
     * @param obstacle the operation that keeps the plan from running, or null
     */
    private record Plan(int graphSize, boolean frugal, String obstacle, List<Step> steps, int[] uses) {}

    /**
     * @param reads whether an input's values are looked at, not only its shape, see {@link #reads}
     * @param asked whether an output is computed, see {@link #skipGradients}
     */
    private record Step(
            DifferentialFunction op,
            String[] inputs,
            int[] inputSlots,
            boolean[] reads,
            String[] outputs,
            int[] outputSlots,
            DataType[] outputTypes,
            boolean[] asked) {

        /** The same step with results of other names. */
        Step again(Map<String, Integer> slots) {
            String[] names = Arrays.stream(outputs).map(GraphExecutor::again).toArray(String[]::new);
            int[] places = new int[names.length];
            for (int i = 0; i < names.length; i++) {
                places[i] = slots.size();
                slots.put(names[i], places[i]);
            }
            return new Step(op, inputs, inputSlots, reads, names, places, outputTypes, asked);
        }
    }
}
