package org.rafclip.agcn.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.buffer.DataType;
import org.rafclip.agcn.features.FeatureKey;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipModel;
import org.rafclip.clip.DualEncoder;
import org.rafclip.data.DataException;
import org.rafclip.ops.JavaOps;
import org.rafclip.text.ClipTokenizer;
import org.rafclip.train.Checkpoints;

/** Encoders that no run of ours trained. */
class FrozenEncoderTest {

    @TempDir
    Path dir;

    @BeforeAll
    static void install() {
        JavaOps.install();
    }

    @Test
    void aModelFolderServesAsARunDoes() throws Exception {
        ClipTokenizer tokenizer = ClipTokenizer.train(List.of("a photo of a dress"), 520, 16);
        ClipConfig config = ClipConfig.named("vit-tiny").withVocabularySize(tokenizer.vocabSize());
        try (ClipModel model = new ClipModel(new DualEncoder(config, DataType.FLOAT, 3), tokenizer)) {
            model.save(dir, Map.of());
        }

        try (FrozenEncoder encoder = FrozenEncoder.open(dir, Checkpoints.Which.BEST)) {
            assertThat(encoder.source()).isEqualTo(dir);
            assertThat(encoder.hash()).isEqualTo(FeatureKey.modelHash(dir));
            assertThat(encoder.trainedOn()).isEmpty();
            assertThat(encoder.data().evaluation().crop()).contains("resize(32)", "normalize(clip)");
        }
    }

    @Test
    void aFolderThatIsNeitherIsRefused() {
        assertThatThrownBy(() -> FrozenEncoder.open(dir, Checkpoints.Which.BEST))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("not a training run");
    }
}
