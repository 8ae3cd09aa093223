package org.rafclip.onnx;

import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;

/** An ONNX file made ready to run, by whatever runs it. For one thread. */
public interface Computation extends AutoCloseable {

    /**
     * Computes some of the file's outputs.
     *
     * @param inputs by name
     * @param tensors names of outputs
     * @return copies by name, in that order
     */
    Map<String, INDArray> run(Map<String, INDArray> inputs, List<String> tensors);

    @Override
    void close();
}
