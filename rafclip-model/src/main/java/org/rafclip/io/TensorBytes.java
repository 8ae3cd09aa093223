package org.rafclip.io;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.ShortBuffer;
import java.nio.channels.FileChannel;
import org.bytedeco.javacpp.BytePointer;
import org.nd4j.linalg.api.concurrency.AffinityManager;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Little-endian numbers on their way between a file and an array's off-heap memory, in small pieces, so that tensors of
 * any size need no Java heap. Reading uses positions in the file only.
 */
final class TensorBytes {

    static final int PIECE_BYTES = 1 << 24;
    private static final int HALF_PIECE_BYTES = 1 << 20;

    private TensorBytes() {}

    static void requireLittleEndian() {
        if (ByteOrder.nativeOrder() != ByteOrder.LITTLE_ENDIAN) {
            throw new UnsupportedOperationException(
                    "files of tensors are little-endian and this machine is not: use an x86 or ARM machine");
        }
    }

    /** A new array, its elements not set. */
    static INDArray array(Dtype dtype, long[] shape) {
        return shape.length == 0 ? Nd4j.scalar(dtype.read(), 0) : Nd4j.createUninitialized(dtype.read(), shape, 'c');
    }

    /**
     * Fills an array in 'c' order without gaps with the elements that lie from a position on.
     *
     * @throws EOFException if the file ends before
     */
    static void fill(FileChannel channel, long position, Dtype dtype, INDArray array) throws IOException {
        long bytes = array.length() * dtype.bytes();
        if (array.isEmpty()) {
            return;
        }
        if (dtype.widened()) {
            fillWidened(channel, position, dtype, array, bytes);
        } else {
            for (long done = 0; done < bytes; done += PIECE_BYTES) {
                readFully(channel, piece(array, done, Math.min(PIECE_BYTES, bytes - done)), position + done);
            }
        }
        Nd4j.getAffinityManager().tagLocation(array, AffinityManager.Location.HOST);
    }

    private static void fillWidened(FileChannel channel, long position, Dtype dtype, INDArray array, long bytes)
            throws IOException {
        for (long done = 0; done < bytes; done += HALF_PIECE_BYTES) {
            int length = (int) Math.min(HALF_PIECE_BYTES, bytes - done);
            ShortBuffer narrow = readPiece(channel, position + done, length).asShortBuffer();
            FloatBuffer wide = piece(array, done * 2, length * 2L).asFloatBuffer();
            while (narrow.hasRemaining()) {
                wide.put(dtype.widen(narrow.get()));
            }
        }
    }

    /** Some bytes of the memory of an array in 'c' order without gaps. */
    static ByteBuffer piece(INDArray plain, long begin, long length) {
        BytePointer memory = new BytePointer(plain.data().pointer());
        return memory.position(begin).limit(begin + length).asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    }

    static ByteBuffer readPiece(FileChannel channel, long position, int length) throws IOException {
        ByteBuffer piece = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
        readFully(channel, piece, position);
        return piece.flip();
    }

    static void readFully(FileChannel channel, ByteBuffer target, long position) throws IOException {
        while (target.hasRemaining()) {
            int n = channel.read(target, position);
            if (n < 0) {
                throw new EOFException();
            }
            position += n;
        }
    }
}
