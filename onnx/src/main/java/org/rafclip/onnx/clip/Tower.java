package org.rafclip.onnx.clip;

import java.util.Map;
import java.util.OptionalInt;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.kernel.Kernels.Activation;

/**
 * One tower as it was found in a graph.
 *
 * @param input the graph's input that it reads
 * @param width of the tokens
 * @param hidden width of the MLPs
 * @param embed d, the width of the features
 * @param end of a text tower: the token that it reads a text at, where that is not the highest id of the text
 * @param weights by the names that the dual encoder gives them
 */
record Tower(
        String input,
        int width,
        int layers,
        int heads,
        int hidden,
        int embed,
        Activation activation,
        OptionalInt end,
        Map<String, INDArray> weights) {}
