package org.rafclip.ops.kernel;

/**
 * Dot products with rows of vectors, for searching. A row is {@code width} neighbouring elements. None of them starts
 * threads. The same numbers give the same bits wherever they lie.
 */
public interface Dots {

    /** {@code Σ x[i]·y[i]} over the first {@code width} elements. */
    float dot(float[] x, float[] y, int width);

    /**
     * One query with rows of bytes: {@code out[to + r] = Σ_j query[j] · codes[(from + r) · width + j]} for
     * {@code 0 ≤ r < rows}.
     */
    void bytes(byte[] codes, int from, int rows, int width, float[] query, float[] out, int to);

    /**
     * Several queries with the same rows of bytes, which are read once: {@code out[q · stride + to + r]} becomes
     * {@code Σ_j queries[q][j] · codes[(from + r) · width + j]}.
     */
    void bytes(byte[] codes, int from, int rows, int width, float[][] queries, float[] out, int stride, int to);

    /** The fastest that the JVM offers. */
    static Dots fastest() {
        return Fastest.INSTANCE;
    }

    /** Loads those on the Vector API where the JVM offers it. */
    final class Fastest {
        private static final Dots INSTANCE = load();

        private Fastest() {}

        private static Dots load() {
            if (!Kernels.vectorized()) {
                return new PlainDots();
            }
            try {
                return (Dots) Class.forName("org.rafclip.ops.kernel.VectorDots")
                        .getDeclaredConstructor()
                        .newInstance();
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException("the vector kernels are missing from the class path", e);
            }
        }
    }
}
