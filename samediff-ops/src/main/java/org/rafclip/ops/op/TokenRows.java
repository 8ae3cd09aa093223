package org.rafclip.ops.op;

import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.kernel.Memory;
import org.rafclip.ops.onednn.Computation.Cast;
import org.rafclip.ops.onednn.Computation.Type;
import org.rafclip.ops.onednn.Primitive;

/**
 * Tokens that one thread reads or writes sample by sample in full precision: where they lie or, if they are bfloat16, in a copy
 * of the sample at hand.
 */
final class TokenRows implements AutoCloseable {

    private final Memory all;
    private final Samples samples;

    /** Elements of a token. */
    private final int width;

    private final INDArray copy;
    private final Memory near;

    /** @param all {@code [tokens, width]} */
    TokenRows(Memory all, Samples samples, int width) {
        this.all = all;
        this.samples = samples;
        this.width = width;
        boolean halved = all.type() == DataType.BFLOAT16;
        this.copy = halved ? Nd4j.createUninitializedDetached(DataType.FLOAT, 'c', samples.longest(), width) : null;
        this.near = halved ? Memory.of(copy) : all;
    }

    /** Where a sample's tokens are, once it has been {@linkplain #read read}, or until it is {@linkplain #write written}. */
    Memory memory() {
        return near;
    }

    /** Where they begin there. */
    long start(int sample) {
        return copy == null ? first(sample) : 0;
    }

    private long first(int sample) {
        return samples.start()[sample] * width;
    }

    void read(int sample) {
        if (copy != null) {
            Primitive.of(new Cast(Type.BF16, Type.FP32, samples.length(sample), width, width, width))
                    .execute(all.address(first(sample)), near.address(0));
            Memory.keep(all, near);
        }
    }

    /** Writes so many columns of a sample. */
    void write(int sample, int column, int columns) {
        if (copy != null) {
            Primitive.of(new Cast(Type.FP32, Type.BF16, samples.length(sample), columns, width, width))
                    .execute(near.address(column), all.address(first(sample) + column));
            Memory.keep(all, near);
        }
    }

    @Override
    public void close() {
        if (copy != null) {
            copy.close();
        }
    }
}
