package org.rafclip.onnx.op;

import java.util.Arrays;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/** {@code DepthToSpace} and {@code SpaceToDepth} of maps {@code [batch, channels, height, width]}. */
public final class BlockMove extends Move {

    /** Which way, and in which order the channels go. */
    public enum Kind {
        /** Depth to space, the block's coordinates before the channel. */
        DEPTH_COLUMN_ROW,
        /** Depth to space, the channel before the block's coordinates. */
        COLUMN_ROW_DEPTH,
        SPACE_TO_DEPTH
    }

    /** SameDiff calls this when it loads a graph. */
    public BlockMove() {}

    public BlockMove(SameDiff graph, Kind kind, SDVariable x, long block) {
        super(graph, x);
        addIArgument(kind.ordinal(), block);
    }

    @Override
    public String opName() {
        return "onnx_block_move";
    }

    @Override
    protected long[][] shapes(long[][] shapes, INDArray[] values) {
        long[] x = shapes[0];
        long b = longArgument(1);
        boolean toSpace = intArgument(0) != Kind.SPACE_TO_DEPTH.ordinal();
        if (x.length != 4 || b < 1 || (toSpace ? x[1] % (b * b) != 0 : x[2] % b != 0 || x[3] % b != 0)) {
            throw refused("blocks of " + b + " of " + Arrays.toString(x));
        }
        return new long[][] {
            toSpace
                    ? new long[] {x[0], x[1] / (b * b), x[2] * b, x[3] * b}
                    : new long[] {x[0], x[1] * b * b, x[2] / b, x[3] / b}
        };
    }

    @Override
    long[][] offsets(INDArray[] inputs, long[] result) {
        long[] x = inputs[0].shape();
        long[] strides = strides(x);
        int b = intArgument(1);
        Kind kind = Kind.values()[intArgument(0)];
        long[][] offsets = new long[4][];
        offsets[0] = steps(result[0], 0, strides[0]);
        if (kind == Kind.SPACE_TO_DEPTH) {
            offsets[1] = new long[(int) result[1]];
            for (int c = 0; c < offsets[1].length; c++) {
                long block = c / x[1];
                offsets[1][c] = c % x[1] * strides[1] + block / b * strides[2] + block % b;
            }
            offsets[2] = steps(result[2], 0, b * strides[2]);
            offsets[3] = steps(result[3], 0, b);
            return offsets;
        }
        boolean depthLast = kind == Kind.DEPTH_COLUMN_ROW;
        offsets[1] = steps(result[1], 0, depthLast ? strides[1] : b * b * strides[1]);
        long step = depthLast ? result[1] * strides[1] : strides[1];
        offsets[2] = new long[(int) result[2]];
        Arrays.setAll(offsets[2], h -> h / b * strides[2] + h % b * b * step);
        offsets[3] = new long[(int) result[3]];
        Arrays.setAll(offsets[3], w -> w / b + w % b * step);
        return offsets;
    }
}
