package org.rafclip.onnx.importer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.samediff.frameworkimport.onnx.importer.OnnxFrameworkImporter;
import org.nd4j.samediff.frameworkimport.reflect.ImportReflectionCache;
import org.rafclip.onnx.OnnxModel;
import org.rafclip.onnx.OnnxNode;
import org.rafclip.onnx.OnnxReader;

/**
 * Why SameDiff's own importer cannot be made right from outside: it fails before any hook is called, and those that it
 * calls do not see the graph.
 */
class SameDiffImporterTest {

    private static final Path EXPORTS = Path.of("src/test/resources/org/rafclip/onnx/exports");

    private static SameDiff imported(String export) {
        return new OnnxFrameworkImporter().runImport(EXPORTS.resolve(export).toString(), new HashMap<>(), false);
    }

    private static OnnxModel read(String export) throws IOException {
        return OnnxReader.read(EXPORTS.resolve(export));
    }

    @Test
    void itFindsHooksOnTheClassPath() {
        new OnnxFrameworkImporter();
        ImportReflectionCache cache = ImportReflectionCache.INSTANCE;
        for (String op : List.of("Concat", "LayerNormalization")) {
            assertThat(cache.getPreProcessRuleImplementationsByOp().get("onnx", op))
                    .hasAtLeastOneElementOfType(RecordingHook.class);
            assertThat(cache.getNodePreProcessorRuleImplementationByOp().get("onnx", op))
                    .hasAtLeastOneElementOfType(RecordingHook.class);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"hf-11/image.onnx", "hf-11/text.onnx", "mobile-sam-12-unfolded/encoder.onnx"})
    void nodesWithoutNamesAreLeftOutAndNothingIsSaid(String export) throws IOException {
        List<OnnxNode> nodes = read(export).graph().nodes();
        assertThat(nodes).hasSizeGreaterThan(100).allMatch(node -> node.name().isEmpty());
        assertThat(imported(export).ops()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"hf-17/image.onnx", "hf-17/text.onnx"})
    void anOperationWithoutMappingFailsWhileTheFileIsReadThoughAHookIsThereForIt(String export) {
        assertThatThrownBy(() -> imported(export))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("LayerNormalization")
                .satisfies(e -> assertThat(e.getStackTrace())
                        .anyMatch(frame -> frame.getMethodName().equals("loadGraph")));
    }

    @ParameterizedTest
    @CsvSource({
        "mobile-sam-12-unfolded/decoder.onnx, ConvTranspose",
        "mobile-sam-17/decoder.onnx, LayerNormalization",
        "sam-14/decoder.onnx, ConvTranspose",
        "sam-17/decoder.onnx, LayerNormalization"
    })
    void noDecoderOfSamIsRead(String export, String missing) {
        assertThatThrownBy(() -> imported(export))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(missing)
                .satisfies(e -> assertThat(e.getStackTrace())
                        .anyMatch(frame -> frame.getMethodName().equals("loadGraph")));
    }

    @Test
    void whatSeesTheGraphIsNeverCalledAndWhatIsCalledDoesNotSeeIt() throws IOException {
        String export = "openclip-11-unfolded/image.onnx";
        List<String> joined = read(export).graph().nodes().stream()
                .filter(node -> node.op().equals("Concat") && !node.name().isEmpty())
                .map(node -> node.outputs().get(0))
                .toList();
        RecordingHook.CHANGED.clear();
        assertThatThrownBy(() -> imported(export))
                .isInstanceOf(RecordingHook.Reached.class)
                .satisfies(e -> assertThat(joined).contains(e.getMessage()));
        assertThat(RecordingHook.CHANGED).isEmpty();
    }
}
