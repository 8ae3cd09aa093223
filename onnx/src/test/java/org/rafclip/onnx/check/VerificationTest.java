package org.rafclip.onnx.check;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.rafclip.onnx.Models.small;
import static org.rafclip.onnx.Models.write;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.run.ProcessMemory;

class VerificationTest {

    @TempDir
    private Path dir;

    @Test
    void tellsTimeAndMemoryOfBoth() throws IOException {
        assumeThat(ProcessMemory.ifKnown()).as("Linux tells a process's memory").isPresent();
        Path file = write(small(), dir.resolve("small.onnx"));
        double before = ProcessMemory.now().peak();

        Verification verification = Verification.run(file, 1, Map.of("batch", 3L), 1e-6);

        assertThat(verification.passed()).isTrue();
        assertThat(verification.outputs().get(0).shape()).isEqualTo(List.of(3L, 2L));
        assertThat(verification.peakMiB()).isBetween(before, ProcessMemory.now().peak());
        assertThat(verification.valueMiB()).isPositive();
        assertThat(verification.runSeconds()).isBetween(0.0, 5.0);
        assertThat(verification.runtimeSeconds()).isBetween(0.0, 5.0);
        assertThat(verification.table().toText()).contains("imported in", "a run: SameDiff", "memory of the process");
    }

    @Test
    void anErrorBeyondTheToleranceFails() throws IOException {
        Verification verification = Verification.run(write(small(), dir.resolve("small.onnx")), 1, Map.of(), -1);

        assertThat(verification.passed()).isFalse();
        assertThat(verification.table().toText()).contains("NOT as ONNX Runtime computes it");
    }
}
