package org.rafclip.cli;

import org.rafclip.ops.Precision;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What an encoder's products are computed in. */
final class PrecisionOption {

    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec;

    @Option(
            names = "--precision",
            defaultValue = "fp32",
            paramLabel = "WHICH",
            description =
                    "Of the matrix products: ${COMPLETION-CANDIDATES}. bf16 is faster and moves similarities by about"
                            + " 0.001; it needs AVX512_BF16 or AMX. Default: ${DEFAULT-VALUE}.")
    private Precision precision;

    /** @throws ParameterException if this machine cannot compute in it */
    Precision precision() {
        try {
            precision.requireAvailable();
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), "--precision " + e.getMessage());
        }
        return precision;
    }
}
