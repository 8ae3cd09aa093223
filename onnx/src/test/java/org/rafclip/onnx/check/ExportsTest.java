package org.rafclip.onnx.check;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Small exports of CLIP and SAM with true architecture and random weights, in the styles of several exporters and opsets:
 * imported, they compute what ONNX Runtime does.
 */
class ExportsTest {

    private static final Path EXPORTS = Path.of("src/test/resources/org/rafclip/onnx/exports");
    private static final Map<String, Long> DIMENSIONS = Map.of("length", 10L, "num_points", 3L, "num_labels", 1L);

    @TestFactory
    Stream<DynamicTest> everyExport() throws IOException {
        List<Path> files;
        try (Stream<Path> all = Files.walk(EXPORTS)) {
            files = all.filter(file -> file.toString().endsWith(".onnx"))
                    .sorted()
                    .toList();
        }
        assertThat(files).hasSizeGreaterThan(10);
        return files.stream()
                .map(file -> DynamicTest.dynamicTest(EXPORTS.relativize(file).toString(), () -> {
                    Map<String, Long> dimensions = new HashMap<>(DIMENSIONS);
                    if (file.toString().contains("efficient-sam")) {
                        // Its decoder goes on by the rank of what has an open batch.
                        dimensions.put("batch", 1L);
                    }
                    Verification verification = Verification.run(file, 5, dimensions, 1e-4);
                    assertThat(verification.passed())
                            .as(() -> verification.table().toText())
                            .isTrue();
                    if (Boolean.getBoolean("onnx.show")) {
                        System.out.println(verification.table().toText());
                    }
                }));
    }
}
