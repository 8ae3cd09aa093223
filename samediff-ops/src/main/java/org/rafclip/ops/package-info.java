/**
 * SameDiff made right and fast: which BLAS is loaded, what an operation of our own is, and the session that runs them.
 *
 * <p>An operation is one class that says its output shapes, its forward and its backward computation
 * ({@link org.rafclip.ops.JavaOp}; {@code org.rafclip.ops.op} has them); how and when it runs, and in which buffers, only {@link
 * org.rafclip.ops.GraphExecutor} knows.
 */
package org.rafclip.ops;
