package org.rafclip.ops;

import java.util.List;
import java.util.ServiceLoader;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.imports.converters.ImportClassMapping;

/**
 * The list of our operations, and what makes SameDiff know and run them. Modules that build on this one name theirs in
 * {@code META-INF/services/org.rafclip.ops.JavaOp}.
 */
public final class JavaOps {

    private JavaOps() {}

    /**
     * Chooses the BLAS, registers the operations with SameDiff and lets every graph run in an {@link OpSession}. Call it
     * before anything touches ND4J; further calls do nothing.
     */
    public static void install() {
        Installed.DONE.getClass();
    }

    static JavaOp create(String name) {
        install();
        if (!(ImportClassMapping.getOpNameMapping().get(name) instanceof JavaOp known)) {
            throw new IllegalStateException("no operation named " + name + " is registered");
        }
        try {
            return known.getClass().getDeclaredConstructor().newInstance();
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(known.getClass() + " needs a public constructor without parameters", e);
        }
    }

    private static final class Installed {
        private static final Object DONE = install();

        private static Object install() {
            Blas.initialize();
            List<JavaOp> operations = List.of(
                    new JavaOpGradient(),
                    new LayerNorm(),
                    new Linear(),
                    new ActivationOp(),
                    new Attention(),
                    new EmbeddingLookup(),
                    new AddPositions(),
                    new PackTokens(),
                    new SelectToken(),
                    new MeanTokens(),
                    new L2Normalize(),
                    new Dropout(),
                    new Unfold(),
                    new InfoNce(),
                    new WeightedSum(),
                    new Gate());
            operations.forEach(op -> ImportClassMapping.getOpNameMapping().put(op.opName(), op));
            ServiceLoader.load(JavaOp.class)
                    .forEach(op -> ImportClassMapping.getOpNameMapping().put(op.opName(), op));
            SameDiff.bindInferenceFactory(OpSession::new);
            return new Object();
        }
    }
}
