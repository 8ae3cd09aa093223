/**
 * The inner loops of the operations, over native memory.
 *
 * <p>{@link org.rafclip.ops.kernel.Kernels} names them; {@code PlainKernels} is the readable version in double
 * arithmetic that serves both data types, {@code VectorKernels} the fast one for 32-bit floats, which needs
 * {@code --add-modules jdk.incubator.vector}.
 */
package org.rafclip.ops.kernel;
