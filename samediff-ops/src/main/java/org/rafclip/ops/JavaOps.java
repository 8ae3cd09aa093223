package org.rafclip.ops;

import java.util.ServiceLoader;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.imports.converters.ImportClassMapping;

/**
 * Makes SameDiff know and run our operations: those that this module and the modules that build on it name in
 * {@code META-INF/services/org.rafclip.ops.JavaOp}.
 */
public final class JavaOps {

    private JavaOps() {}

    /**
     * Chooses the BLAS, registers the operations with SameDiff and lets every graph run in an {@link OpSession}. Call it
     * before anything touches ND4J; further calls do nothing.
     *
     * @throws ExceptionInInitializerError with an {@link UnsupportedBackendException} as its cause if ND4J does not compute
     *     on the CPU; further calls end in a {@link NoClassDefFoundError} then
     */
    public static void install() {
        Installed.DONE.getClass();
    }

    private static final class Installed {
        private static final Object DONE = install();

        private static Object install() {
            Blas.initialize();
            CpuBackend.require();
            ServiceLoader.load(JavaOp.class)
                    .forEach(op -> ImportClassMapping.getOpNameMapping().put(op.opName(), op));
            SameDiff.bindInferenceFactory(OpSession::new);
            return new Object();
        }
    }
}
