package org.rafclip.io;

import java.util.List;

/**
 * What a file says of a tensor.
 *
 * @param dtype as safetensors names it: F32, F64, I64 ...
 * @param shape empty for a scalar
 */
public record TensorInfo(String name, String dtype, List<Long> shape) {

    public TensorInfo {
        shape = List.copyOf(shape);
    }

    long[] shapeArray() {
        return shape.stream().mapToLong(Long::longValue).toArray();
    }
}
