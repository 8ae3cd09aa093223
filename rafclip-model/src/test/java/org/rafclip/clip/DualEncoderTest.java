package org.rafclip.clip;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;

class DualEncoderTest {

    @Test
    void vitB32HasOpenClipsParameterCount() {
        DualEncoder encoder = new DualEncoder(ClipConfig.named("vit-b-32"), DataType.FLOAT, 1);

        assertThat(encoder.parameterCount()).isEqualTo(151_277_313L);
    }
}
