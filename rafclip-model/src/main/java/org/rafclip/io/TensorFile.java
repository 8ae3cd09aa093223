package org.rafclip.io;

import java.io.IOException;
import java.util.Set;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.data.DataException;

/** One open file of named tensors, whose description of them was checked against its size. */
interface TensorFile extends AutoCloseable {

    /** The tensors' names. */
    Set<String> names();

    /**
     * What the file says of a tensor.
     *
     * @throws DataException when the file does not have it
     */
    TensorInfo info(String name);

    /**
     * Reads one tensor into a new 'c'-ordered array. F16 and BF16 become FLOAT, every other dtype keeps its type.
     *
     * @throws DataException when the file does not have it, or is damaged there
     */
    INDArray read(String name) throws IOException;

    @Override
    void close() throws IOException;
}
