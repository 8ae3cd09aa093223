package org.rafclip.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.rafclip.clip.ClipConfig;
import org.rafclip.data.DataException;
import org.rafclip.ops.Precision;
import org.rafclip.run.ConfigException;
import org.rafclip.run.Configs;

/** On small exports of OpenCLIP's architecture: 16 pixels in patches of 4, texts of 10 tokens. */
class EncodeComparisonTest {

    private static final Path EXPORTS = Path.of("..", "onnx", "src/test/resources/org/rafclip/onnx/exports");
    private static final EncodeBench.Work WORK = new EncodeBench.Work(4, 2, 1);

    private final List<String> told = new ArrayList<>();

    private EncodeComparison comparison(int vocabulary, String export) {
        ClipConfig clip = Configs.parse(
                "{embed-width: 20, vision: {image-size: 16, patch-size: 4, width: 16, layers: 2, heads: 2},"
                        + " text: {context-length: 10, vocabulary-size: " + vocabulary
                        + ", width: 12, layers: 2, heads: 3}}",
                "tiny",
                List.of(),
                ClipConfig.class);
        BenchModel named = BenchModel.of("vit-tiny");
        BenchModel subject = new BenchModel("tiny", clip, named.loss(), named.train());
        return new EncodeComparison(
                subject,
                EXPORTS.resolve(export),
                WORK,
                new Yardstick(() -> 50, null, "a processor", Precision.FP32),
                told::add);
    }

    @Test
    void imagesAndTextsAreEncodedByAllThree() throws IOException {
        EncodeComparison.Result result = comparison(40, "openclip-14").run();

        assertThat(told).contains("sgemm", "images", "texts of full length", "captions", "import of text.onnx");
        assertThat(result.rows())
                .extracting(EncodeComparison.Row::what)
                .containsExactly("images", "texts of full length", "captions");
        assertThat(result.rows()).extracting(EncodeComparison.Row::fileTokens).containsExactly(17, 10, 10);
        assertThat(result.rows().get(0).tokens()).isEqualTo(17);
        assertThat(result.rows().get(1).tokens()).isEqualTo(10);
        for (EncodeComparison.Row row : result.rows()) {
            assertThat(row.ours().perSecond()).isCloseTo(4 / (row.ours().medianMillis() / 1e3), within(1e-6));
            assertThat(row.ratio())
                    .isCloseTo(row.ours().perSecond() / row.runtime().perSecond(), within(1e-9));
            assertThat(row.importedRatio())
                    .isCloseTo(row.imported().perSecond() / row.runtime().perSecond(), within(1e-9));
        }
        assertThat(result.table().rows()).hasSize(3);
        assertThat(result.table().notes()).contains("a processor");
    }

    @Test
    void filesOfAnotherArchitectureAreRefused() {
        assertThatThrownBy(() -> comparison(80, "openclip-14").run())
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("--model tiny")
                .hasMessageContaining("text.onnx");
    }

    @Test
    void aFileOfBothTowersIsRefused() {
        assertThatThrownBy(() -> comparison(40, "sam-17").run()).isInstanceOf(IOException.class);
        assertThatThrownBy(() -> EncodeComparison.tower(EXPORTS.resolve("openclip-17-joint/clip.onnx"), 4))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("images FLOAT")
                .hasMessageContaining("onnx/export");
    }
}
