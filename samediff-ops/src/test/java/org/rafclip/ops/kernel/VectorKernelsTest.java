package org.rafclip.ops.kernel;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.BeforeAll;

/** The kernels on the Vector API beside the plain ones. */
class VectorKernelsTest extends KernelsContract {

    VectorKernelsTest() {
        super(Kernels.inJava());
    }

    @BeforeAll
    static void needsTheVectorApi() {
        assumeTrue(Kernels.vectorized(), "without --add-modules jdk.incubator.vector there are no vector kernels");
    }
}
