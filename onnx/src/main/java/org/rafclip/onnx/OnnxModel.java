package org.rafclip.onnx;

import java.nio.file.Path;
import java.util.Map;

/**
 * An ONNX file.
 *
 * @param file where it was read from
 * @param producer the program that wrote it, with its version; may be empty
 * @param irVersion the version of the file format
 * @param opsets the version of the operations' definitions by domain; ONNX's own domain is the empty text
 */
public record OnnxModel(Path file, String producer, long irVersion, Map<String, Long> opsets, OnnxGraph graph) {

    public OnnxModel {
        opsets = Map.copyOf(opsets);
    }

    /** The version of ONNX's own operations that the file is written for. */
    public int opset() {
        return Math.toIntExact(opsets.getOrDefault("", 0L));
    }

    /** Elements of all floating-point initializers together. */
    public long parameters() {
        return graph.initializers().values().stream()
                .filter(tensor ->
                        tensor.type().array() != null && tensor.type().array().isFPType())
                .mapToLong(OnnxTensor::elements)
                .sum();
    }
}
