package org.rafclip.ops;

import com.sun.jna.Pointer;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.kernel.Memory;
import org.rafclip.ops.onednn.Computation;
import org.rafclip.ops.onednn.Primitive;

/**
 * Weights that stay as they are, and what products keep of them: a copy in the order and type in which they are read fastest,
 * made when a product first needs it. Small products gain most, of which bringing the weights into that order is the larger
 * part.
 */
final class FrozenWeights implements AutoCloseable {

    private static final int ALIGNMENT = 64;

    private final Map<Long, INDArray> arrays = new HashMap<>();
    private final Map<Key, com.sun.jna.Memory> packed = new ConcurrentHashMap<>();

    private record Key(long address, Computation.Packing packing) {}

    /** @param weights dense, in 'c' order */
    FrozenWeights(Iterable<INDArray> weights) {
        weights.forEach(array -> arrays.put(Memory.of(array).address(0), array));
    }

    boolean contain(Memory array) {
        return arrays.containsKey(array.address(0));
    }

    /** The address of the packed form of what begins at an address within these weights. */
    long packed(long address, Computation.Packing packing) {
        return aligned(packed.computeIfAbsent(new Key(address, packing), key -> {
            Primitive primitive = Primitive.of(packing);
            com.sun.jna.Memory to = new com.sun.jna.Memory(primitive.resultBytes() + ALIGNMENT);
            primitive.execute(address, aligned(to));
            return to;
        }));
    }

    private static long aligned(com.sun.jna.Memory memory) {
        return (Pointer.nativeValue(memory) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }

    @Override
    public void close() {
        packed.values().forEach(com.sun.jna.Memory::close);
        packed.clear();
    }
}
