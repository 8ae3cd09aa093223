package org.rafclip.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Test;
import org.rafclip.agcn.compose.ComposerConfig;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.LoraConfig;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.run.Configs;

class FlopsTest {

    @Test
    void aPictureThroughVitB32TakesThePublished4Point4BillionMultiplications() {
        double patches = 49.0 * 3072 * 768;
        double linear = 50.0 * (768 * 3 * 768 + 768 * 768 + 2 * 768 * 3072);
        double attention = 2 * 50.0 * 50 * 768;
        // Of the last block's 50 tokens the class token alone has a query and goes further.
        double last = 50.0 * 768 * 2 * 768 + 2 * 768 * 768 + 2 * 768 * 3072 + 2 * 50.0 * 768;
        double multiplications = patches + 11 * (linear + attention) + last + 768 * 512;

        Flops flops = Flops.images(ClipConfig.named("vit-b-32"), 1);

        assertThat(flops.forward()).isEqualTo(2 * multiplications);
        assertThat(flops.forward() / 2e9).isCloseTo(4.12, within(0.01));
        assertThat(flops.backward()).isEqualTo(2 * flops.forward() - 2 * patches);
    }

    @Test
    void aTextCostsByItsTokens() {
        ClipConfig config = ClipConfig.named("vit-b-32");
        double linear = 11.0 * (512 * 3 * 512 + 512 * 512 + 2 * 512 * 2048) + 2 * 512 * 512;
        double attention = 11.0 * 2 * 512;
        double last = 2 * 512 * 512 + 2 * 512 * 2048;
        DoubleUnaryOperator text =
                tokens -> tokens * linear + tokens * tokens * attention + last + 2 * 512 * tokens + 512 * 512;

        assertThat(Flops.texts(config, 1, 77).forward() / 2).isEqualTo(text.applyAsDouble(77));
        assertThat(Flops.texts(config, 5, 8).forward() / 2).isEqualTo(5 * text.applyAsDouble(8));
        assertThat(Flops.texts(config, 5, 8).backward())
                .isEqualTo(2 * Flops.texts(config, 5, 8).forward());
        assertThat(Flops.texts(config, new int[] {8, 77, 8}, null).forward() / 2)
                .isEqualTo(2 * text.applyAsDouble(8) + text.applyAsDouble(77));
    }

    @Test
    void siglipsImageIsPooledByOneQueryAndNotProjected() {
        ClipConfig config = ClipConfig.named("siglip-b-16");
        double w = 768;
        double patches = 196 * 768 * w;
        double blocks = 12 * (196 * (4 * w * w + 2 * w * 3072) + 2 * 196.0 * 196 * w);
        double pool = w * w + 196 * w * 2 * w + 2 * 196 * w + w * w + 2 * w * 3072;

        assertThat(Flops.images(config, 1).forward() / 2).isEqualTo(patches + blocks + pool);
        assertThat(Flops.texts(config, 1, 64).forward() / 2)
                .isEqualTo(11 * (64 * (4 * w * w + 2 * w * 3072) + 2 * 64.0 * 64 * w)
                        + 64 * 2 * w * w
                        + 2 * w * w
                        + 2 * w * 3072
                        + 2 * 64 * w
                        + w * w);
    }

    @Test
    void aResidualTowerCostsByItsConvolutions() {
        ClipConfig config = ClipConfig.named("rn50");
        double stem = 112.0 * 112 * (27 * 32 + 9 * 32 * 32 + 9 * 32 * 64);
        double first = 56.0 * 56 * (64 * 64 + 64 * 256 + 2 * 256 * 64 + 3 * (9 * 64 * 64 + 64 * 256));
        double second = 56.0 * 56 * (256 * 128 + 9 * 128 * 128)
                + 28.0 * 28 * (128 * 512 + 256 * 512 + 3 * (512 * 128 + 9 * 128 * 128 + 128 * 512));
        double third = 28.0 * 28 * (512 * 256 + 9 * 256 * 256)
                + 14.0 * 14 * (256 * 1024 + 512 * 1024 + 5 * (1024 * 256 + 9 * 256 * 256 + 256 * 1024));
        double fourth = 14.0 * 14 * (1024 * 512 + 9 * 512 * 512)
                + 7.0 * 7 * (512 * 2048 + 1024 * 2048 + 2 * (2048 * 512 + 9 * 512 * 512 + 512 * 2048));
        double pool = 2048.0 * 2048 + 50 * 2048.0 * 4096 + 2 * 50 * 2048 + 2048 * 1024;

        Flops flops = Flops.images(config, 1);

        assertThat(flops.forward() / 2).isEqualTo(stem + first + second + third + fourth + pool);
        assertThat(flops.backward()).isEqualTo(2 * flops.forward() - 2 * 112.0 * 112 * 27 * 32);
    }

    @Test
    void theStemsConvolutionsCountAndOnlyTheFirstNeedsNoGradientByItsInput() {
        ClipConfig.Vision vision = ClipConfig.Vision.ofClip(16, 8, 10, 1, 1, 2)
                .withPool(ClipConfig.Pool.MEAN)
                .withStem(List.of(4, 6));
        ClipConfig config = new ClipConfig(5, Activation.GELU, 0, vision, ClipConfig.Text.ofClip(8, 8, 4, 1, 1, 4));
        double first = 8 * 8 * 27 * 4;
        double second = 4 * 4 * 36 * 6;
        double patches = 4 * (2 * 2 * 6) * 10;
        double block = 4 * (10 * 30 + 10 * 10 + 2 * 10 * 20) + 2 * 4 * 4 * 10;
        double all = first + second + patches + block + 10 * 5;

        Flops flops = Flops.images(config, 3);

        assertThat(flops.forward()).isEqualTo(3 * 2 * all);
        assertThat(flops.backward()).isEqualTo(3 * 2 * (2 * all - first));
        assertThat(flops.total()).isEqualTo(flops.forward() + flops.backward());
    }

    /** Width 8: 2·8·8 of keys and values, 2·8·8 of queries and outputs, 8·32 twice of the MLP, 2·8·tokens of scores and mixture. */
    @Test
    void adaptersTakeNoGradientOfWeightsAndNoneBelowThem() {
        ClipConfig config = Configs.parse("""
                embed-width: 5
                vision: {image-size: 8, patch-size: 4, width: 8, layers: 2, heads: 2}
                text: {context-length: 8, vocabulary-size: 9, width: 8, layers: 2, heads: 2}
                """, "clip", List.of(), ClipConfig.class);
        LoraConfig lora = Configs.parse("{rank: 3, targets: [v_proj, fc2]}", "lora", List.of(), LoraConfig.class);
        double keys = 2 * 8 * 8;
        double further = 2 * 8 * 8 + 2 * 8 * 32;
        double ofKeys = 8 * 3 + 3 * 8;
        double ofOthers = 32 * 3 + 3 * 8;
        double textAttention = 2 * 8 * 6;
        double imageAttention = 2 * 8 * 5;

        Flops texts = Flops.texts(config, 1, 6, lora);
        Flops images = Flops.images(config, 1, lora);

        // 6 tokens in the first block, of which the second computes 1 further than keys and values; 5 of an image.
        assertThat(texts.forward() / 2)
                .isEqualTo(12 * (keys + ofKeys) + 7 * (further + textAttention + ofOthers) + 8 * 5);
        assertThat(texts.backward() / 2)
                .isEqualTo(12 * (keys + 2 * ofKeys)
                        + 7 * (further + 2 * textAttention + 2 * ofOthers)
                        + 8 * 5
                        - 6 * 3 * 8 * 8);
        assertThat(images.forward() / 2)
                .isEqualTo(4 * 48 * 8 + 10 * (keys + ofKeys) + 6 * (further + imageAttention + ofOthers) + 8 * 5);
        assertThat(images.backward() / 2)
                .isEqualTo(10 * (keys + 2 * ofKeys)
                        + 6 * (further + 2 * imageAttention + 2 * ofOthers)
                        + 8 * 5
                        - 5 * 3 * 8 * 8);
        assertThat(Flops.images(config, 1, null)).isEqualTo(Flops.images(config, 1));
    }

    @Test
    void aBranchComputesAllTokensButForTheLastBlocksEnd() {
        ComposerConfig config = composer("{kind: only-text, branches: {blocks: 2, heads: 2, mlp-ratio: 3}}");
        int d = 4;
        int own = 5;
        int other = 7;
        double keysAndValues = own * 2.0 * d * d + other * 2.0 * d * d;
        double ofOneToken = 4.0 * d * d + 2 * d * 3 * d + 2 * d * own + 2 * d * other;
        double oneText = 2 * keysAndValues + (own + 1) * ofOneToken;
        double ofAnother = 2 * (keysAndValues - 2 * 2.0 * d * d) + (own - 1) * (ofOneToken - 2 * 2 * d);
        double multiplications = oneText + ofAnother;
        // Neither the first block's own tokens nor the other side need a gradient.
        double withoutInput = (own + own - 2) * 3.0 * d * d + 2 * 2 * other * 2.0 * d * d;

        Flops flops = Flops.composer(config, d, ClipConfig.Pool.CLASS_TOKEN, other, new int[] {own, own - 2});

        assertThat(flops.forward()).isEqualTo(2 * multiplications);
        assertThat(flops.backward()).isEqualTo(2 * (2 * multiplications - withoutInput));
    }

    @Test
    void aMeanIsReadFromAllTokensAndGatesComeOnTop() {
        Flops mean = Flops.composer(composer("{kind: only-image}"), 64, ClipConfig.Pool.MEAN, 16, new int[] {9, 9});
        Flops token =
                Flops.composer(composer("{kind: only-image}"), 64, ClipConfig.Pool.CLASS_TOKEN, 16, new int[] {9, 9});
        Flops text =
                Flops.composer(composer("{kind: only-text}"), 64, ClipConfig.Pool.CLASS_TOKEN, 16, new int[] {9, 9});
        String gates = "gates: {projection: 10, hidden: 20}";
        Flops agcn = Flops.composer(composer("{" + gates + "}"), 64, ClipConfig.Pool.CLASS_TOKEN, 16, new int[] {9, 9});

        assertThat(mean.forward()).isGreaterThan(token.forward());
        assertThat(agcn.forward() - token.forward() - text.forward()).isEqualTo(2 * 2 * 2 * (128 * 10 + 10 * 20 + 20));
        assertThat(Flops.composer(composer("{kind: sum}"), 64, ClipConfig.Pool.MEAN, 16, new int[] {9, 9})
                        .total())
                .isZero();
    }

    private static ComposerConfig composer(String yaml) {
        return Configs.parse(yaml, "composer", List.of(), ComposerConfig.class);
    }
}
