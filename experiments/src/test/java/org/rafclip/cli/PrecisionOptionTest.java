package org.rafclip.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.rafclip.ops.JavaOps;
import org.rafclip.ops.Precision;
import org.rafclip.run.Configs;
import org.rafclip.train.TrainConfig;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.ParameterException;

class PrecisionOptionTest {

    @Command
    private static final class Measured {
        @Mixin
        private PrecisionOption.OfTraining precision;
    }

    @BeforeAll
    static void install() {
        JavaOps.install();
    }

    private static Precision precision(String ofFile, String... arguments) {
        TrainConfig train = Configs.parse("{}", "run.yaml", List.of("precision=" + ofFile), TrainConfig.class);
        Measured command = new Measured();
        new CommandLine(command).parseArgs(arguments);
        return command.precision.precision(train);
    }

    @Test
    void whatIsAskedForHoldsElseTheFiles() {
        assertThat(precision("fp32")).isEqualTo(Precision.FP32);
        assertThat(precision("bf16", "--precision", "FP32")).isEqualTo(Precision.FP32);
        boolean available;
        try {
            Precision.BF16.requireAvailable();
            available = true;
        } catch (IllegalArgumentException e) {
            available = false;
        }
        if (available) {
            assertThat(precision("bf16")).isEqualTo(Precision.BF16);
            assertThat(precision("fp32", "--precision", "BF16")).isEqualTo(Precision.BF16);
        } else {
            assertThatThrownBy(() -> precision("bf16"))
                    .isInstanceOf(ParameterException.class)
                    .hasMessageStartingWith("train.precision ");
        }
    }
}
