package org.rafclip.onnx.check;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.DataException;
import org.rafclip.onnx.convert.Operators;

class ConformanceTest {

    private static final Path CASES =
            Path.of(System.getProperty("onnx.cases", "/usr/share/libonnx-testdata/data/node"));

    @Test
    void everyCaseOfAKnownOperationPassesOrIsRefused() throws IOException {
        Assumptions.assumeTrue(
                Files.isDirectory(CASES), "skipped: " + CASES + " is not there (Debian package libonnx-testdata)");
        Conformance result = Conformance.run(CASES, (done, total) -> {});
        if (Boolean.getBoolean("onnx.show")) {
            System.out.println(result.table().toText());
            result.rows().forEach(row -> row.refusals().forEach(System.out::println));
        }
        assertThat(result.rows())
                .flatExtracting(Conformance.Row::failures)
                .as("aligned corners where lengths do not divide, which ONNX Runtime computes as we do")
                .hasSize(2)
                .allMatch(failure -> failure.toString()
                        .matches("test_resize_downsample_scales_(cubic|linear)_align_corners: .*"
                                + "; ONNX Runtime computes what is computed here"));
        assertThat(result.passed()).isGreaterThan(500);
        List<String> covered = result.rows().stream().map(Conformance.Row::op).toList();
        assertThat(covered)
                .contains("MatMul", "Gemm", "Einsum", "Conv", "ConvTranspose", "Resize", "LayerNormalization");
        assertThat(Operators.names())
                .containsAll(covered.stream().filter(op -> !op.startsWith("(")).toList());
    }

    @Test
    void aFolderWithoutCasesIsRefused(@TempDir Path dir) {
        assertThatThrownBy(() -> Conformance.run(dir, (done, total) -> {}))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("model.onnx");
    }
}
