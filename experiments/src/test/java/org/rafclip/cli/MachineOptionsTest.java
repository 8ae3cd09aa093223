package org.rafclip.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MachineOptionsTest {

    @ParameterizedTest
    @CsvSource({
        "--executor-memory, 1x, '--executor-memory: memory is a number with m or g, such as 2g, not 1x'",
        "--executor-memory, 511m, '--executor-memory: a process takes 512m at least, not 511m'",
        "--executor-cores, 0, 'Invalid value for option ''--executor-cores'': 0 is below 1'",
    })
    void aWrongValueIsSaidWithItsOption(String option, String value, String complaint) {
        CommandRun wrong = CommandRun.of(
                "embed",
                "--run",
                "runs/none",
                "--images",
                "photos",
                "--out",
                "none",
                "--master",
                "local",
                option,
                value);
        assertThat(wrong.exitCode()).isEqualTo(2);
        assertThat(wrong.err().lines().findFirst()).contains("rafclip: " + complaint);
    }

    @ParameterizedTest
    @CsvSource({"--executor-memory, 2g", "--executor-cores, 2"})
    void withoutAMasterThereAreNoExecutors(String option, String value) {
        CommandRun wrong =
                CommandRun.of("embed", "--run", "runs/none", "--images", "photos", "--out", "none.npy", option, value);
        assertThat(wrong.exitCode()).isEqualTo(2);
        assertThat(wrong.err()).contains(option + " belongs to --master");
    }
}
