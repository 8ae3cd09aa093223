package org.rafclip.cli;

import org.rafclip.ops.Precision;
import org.rafclip.train.TrainConfig;
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
        return available(spec, "--precision", precision);
    }

    private static Precision available(CommandSpec spec, String asked, Precision precision) {
        try {
            precision.requireAvailable();
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), asked + " " + e.getMessage());
        }
        return precision;
    }

    /** What the products of a training that is measured are computed in. */
    static final class OfTraining {

        @Spec(Spec.Target.MIXEE)
        private CommandSpec spec;

        @Option(
                names = "--precision",
                paramLabel = "WHICH",
                description =
                        "Of the matrix products: ${COMPLETION-CANDIDATES}. bf16 needs AVX512_BF16 or AMX. Default:"
                                + " train.precision of the YAML file, else fp32.")
        private Precision precision;

        /**
         * @param train of the training, which holds where nothing is asked
         * @throws ParameterException if this machine cannot compute in it
         */
        Precision precision(TrainConfig train) {
            return precision != null
                    ? available(spec, "--precision", precision)
                    : available(spec, "train.precision", train.precision());
        }
    }
}
