package org.rafclip.onnx.op;

/** A tensor seen along one of its axes: {@code outer × length × inner} elements. */
record Lines(long outer, int length, long inner) {

    static Lines of(long[] shape, int axis) {
        return new Lines(
                OnnxOp.product(shape, 0, axis),
                shape.length == 0 ? 1 : Math.toIntExact(shape[axis]),
                shape.length == 0 ? 1 : OnnxOp.product(shape, axis + 1, shape.length));
    }

    /** How many lines there are. */
    long count() {
        return outer * inner;
    }

    /** The first element of a line; the next ones follow at distances of {@link #inner}. */
    long start(long line) {
        return line / inner * inner * length + line % inner;
    }
}
