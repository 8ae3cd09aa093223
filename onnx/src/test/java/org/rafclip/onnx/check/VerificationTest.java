package org.rafclip.onnx.check;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.rafclip.onnx.Models.small;
import static org.rafclip.onnx.Models.write;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import onnx.Onnx.TensorShapeProto;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rafclip.onnx.Models;
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

    @ParameterizedTest
    @ValueSource(
            strings = {
                "hf-17/image.onnx",
                "hf-17/text.onnx",
                "hf-11/image.onnx",
                "hf-14-joint-unfolded/clip.onnx",
                "openclip-14/image.onnx",
                "openclip-14/text.onnx",
                "openai-17-unfolded/image.onnx",
                "other-16-joint/clip.onnx"
            })
    void openAxesOfImagesAndTextsFollowFromTheWeights(String export) throws Exception {
        Path file = Path.of(VerificationTest.class
                .getResource("/org/rafclip/onnx/exports/" + export)
                .toURI());
        for (boolean labelled : new boolean[] {true, false}) {
            Path open = Models.withInputs(file, dir.resolve("open.onnx"), input -> {
                List<TensorShapeProto.Dimension.Builder> axes = input.getTypeBuilder()
                        .getTensorTypeBuilder()
                        .getShapeBuilder()
                        .getDimBuilderList();
                for (int i = 0; i < axes.size(); i++) {
                    String label = (i == 0 ? "batch_" : "axis_") + (axes.size() == 2 ? "text_" : "") + i;
                    axes.get(i).clearValue();
                    if (labelled) {
                        axes.get(i).setDimParam(label);
                    }
                }
                return input;
            });

            Verification verification = Verification.run(open, 1, Map.of(), 1e-4);

            assertThat(verification.passed()).as(verification.table().toText()).isTrue();
            assertThat(verification.inputs()).allMatch(input -> input.matches(".* \\[2, (3, 16, 16|10)]"));
        }
    }

    @Test
    void anErrorBeyondTheToleranceFails() throws IOException {
        Verification verification = Verification.run(write(small(), dir.resolve("small.onnx")), 1, Map.of(), -1);

        assertThat(verification.passed()).isFalse();
        assertThat(verification.table().toText()).contains("NOT as ONNX Runtime computes it");
    }
}
