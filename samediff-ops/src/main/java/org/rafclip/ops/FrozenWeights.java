package org.rafclip.ops;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.ops.kernel.Memory;
import org.rafclip.ops.onednn.Computation;
import org.rafclip.ops.onednn.Primitive;
import org.rafclip.ops.onednn.Scratch;

/**
 * Weights that stay as they are, and what products keep of them: a copy in the order and type in which they are read fastest,
 * made when a product first needs it. Small products gain most, of which bringing the weights into that order is the larger
 * part.
 */
final class FrozenWeights implements AutoCloseable {

    private final Map<Long, INDArray> arrays = new HashMap<>();
    private final Map<Key, Scratch> packed = new ConcurrentHashMap<>();

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
        Scratch kept = packed.computeIfAbsent(new Key(address, packing), key -> {
            Primitive primitive = Primitive.of(packing);
            Scratch to = new Scratch();
            primitive.execute(address, to.address(primitive.resultBytes()));
            return to;
        });
        return kept.address(0);
    }

    @Override
    public void close() {
        packed.values().forEach(Scratch::close);
        packed.clear();
    }
}
