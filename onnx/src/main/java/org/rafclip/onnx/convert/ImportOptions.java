package org.rafclip.onnx.convert;

import java.util.Map;
import org.nd4j.linalg.api.buffer.DataType;

/**
 * How a graph is imported.
 *
 * @param trainable whether floating-point initializers become variables, which a loss has gradients for, not constants;
 *     the stored statistics of a batch normalisation stay constants
 * @param precision FLOAT, or DOUBLE to compute in double precision what the file has in single
 * @param dimensions lengths for open dimensions of the inputs, by their labels; the others stay open
 * @param fused whether known groups of operations become one
 */
public record ImportOptions(boolean trainable, DataType precision, Map<String, Long> dimensions, boolean fused) {

    public ImportOptions {
        if (precision != DataType.FLOAT && precision != DataType.DOUBLE) {
            throw new IllegalArgumentException("the precision is FLOAT or DOUBLE, not " + precision);
        }
        dimensions = Map.copyOf(dimensions);
    }

    /** Constants, single precision, all open dimensions open. */
    public static ImportOptions standard() {
        return new ImportOptions(false, DataType.FLOAT, Map.of(), true);
    }

    public ImportOptions withTrainable() {
        return new ImportOptions(true, precision, dimensions, fused);
    }

    public ImportOptions withPrecision(DataType type) {
        return new ImportOptions(trainable, type, dimensions, fused);
    }

    public ImportOptions withDimensions(Map<String, Long> lengths) {
        return new ImportOptions(trainable, precision, lengths, fused);
    }

    public ImportOptions withoutFusion() {
        return new ImportOptions(trainable, precision, dimensions, false);
    }
}
