package org.rafclip.clip;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;

class DualEncoderTest {

    /** The list is that of the 302 tensors in the state dict of OpenCLIP's ViT-B-32. */
    @Test
    void vitB32HasOpenClipsNamesShapesAndParameterCount() throws Exception {
        List<String> expected;
        try (InputStream in = DualEncoderTest.class.getResourceAsStream("open-clip-vit-b-32.txt")) {
            expected = new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .toList();
        }
        DualEncoder encoder = new DualEncoder(ClipConfig.named("vit-b-32"), DataType.FLOAT, 1);

        List<String> actual = encoder.parameters().entrySet().stream()
                .map(entry ->
                        entry.getKey() + " " + Arrays.toString(entry.getValue().shape()))
                .toList();

        assertThat(actual).containsExactlyInAnyOrderElementsOf(expected);
        assertThat(encoder.parameterCount()).isEqualTo(151_277_313L);
    }
}
