package org.rafclip.onnx.check;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Small exports of CLIP and SAM with true architecture and random weights, in the styles of several exporters and opsets:
 * imported, they compute what ONNX Runtime does.
 */
class ExportsTest {

    @TestFactory
    Stream<DynamicTest> everyExport() throws IOException {
        List<Path> files = Exports.files();
        assertThat(files).hasSizeGreaterThan(10);
        return files.stream()
                .map(file ->
                        DynamicTest.dynamicTest(Exports.FOLDER.relativize(file).toString(), () -> {
                            Verification verification = Verification.run(file, 5, Exports.dimensions(file), 1e-4);
                            assertThat(verification.passed())
                                    .as(() -> verification.table().toText())
                                    .isTrue();
                            if (Boolean.getBoolean("onnx.show")) {
                                System.out.println(verification.table().toText());
                            }
                        }));
    }
}
