package org.rafclip.ops;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Compares the gradients of a graph's loss with central differences, in double precision: {@code (f(w + h) − f(w − h)) /
 * 2h} for every element of every given variable.
 */
public final class GradientCheck {

    private static final double STEP = 1e-5;
    private static final double FLOOR = 1e-4;

    private GradientCheck() {}

    /**
     * The worst error of each variable: {@code |a − n| / (|a| + |n| + 1e-4)} for analytic {@code a} and numeric
     * {@code n}; the summand keeps the rounding of a loss near 1 from counting where the gradient is 0.
     *
     * @param loss the scalar variable to differentiate; it becomes the graph's loss
     */
    public static Map<String, Double> worstErrors(
            SameDiff graph, Map<String, INDArray> inputs, String loss, List<String> variables) {
        graph.setLossVariables(loss);
        Map<String, Double> worst = new LinkedHashMap<>();
        try (Graph runner = new Graph(graph);
                Graph.Outputs analytic = runner.gradients(inputs, variables, List.of())) {
            for (String variable : variables) {
                INDArray value = graph.getVariable(variable).getArr();
                if (value.dataType() != DataType.DOUBLE) {
                    throw new IllegalArgumentException(variable + " is not in double precision");
                }
                INDArray gradient = analytic.get(variable);
                double largest = 0;
                for (long i = 0; i < value.length(); i++) {
                    double before = value.getDouble(i);
                    value.putScalar(i, before + STEP);
                    double above = value(runner, inputs, loss);
                    value.putScalar(i, before - STEP);
                    double below = value(runner, inputs, loss);
                    value.putScalar(i, before);
                    double numeric = (above - below) / (2 * STEP);
                    double exact = gradient.getDouble(i);
                    double error = Math.abs(exact - numeric) / (Math.abs(exact) + Math.abs(numeric) + FLOOR);
                    largest = Double.isNaN(error) ? Double.POSITIVE_INFINITY : Math.max(largest, error);
                }
                worst.put(variable, largest);
            }
        }
        return worst;
    }

    private static double value(Graph runner, Map<String, INDArray> inputs, String loss) {
        try (Graph.Outputs outputs = runner.run(inputs, loss)) {
            return outputs.get(loss).getDouble(0);
        }
    }
}
