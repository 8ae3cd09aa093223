package org.rafclip.experiment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.agcn.train.AgcnConfig;
import org.rafclip.ops.JavaOps;
import org.rafclip.train.RafClipConfig;

class EstimateTest {

    private static final Estimate ESTIMATE = new Estimate(1e9);

    @TempDir
    static Path dir;

    private static DrawnSuite drawn;

    @BeforeAll
    static void draw() throws IOException {
        drawn = DrawnSuite.in(dir);
    }

    private static RafClipConfig encoder(String... overrides) throws IOException {
        return drawn.models().base(1, List.of(overrides));
    }

    private static AgcnConfig composer(String... overrides) throws IOException {
        return drawn.models().composers("x", List.of(overrides)).get(0).config();
    }

    private static double seconds(RafClipConfig config, int photos) {
        return ESTIMATE.encoder(config, config.model().clip(), photos);
    }

    private static double seconds(AgcnConfig config, int photos) throws IOException {
        return ESTIMATE.composer(config, encoder().model().clip(), photos);
    }

    @Test
    void anEncodersTimeGrowsWithEpochsPhotosAndTheMachine() throws IOException {
        RafClipConfig config = encoder();
        double seconds = seconds(config, 600);

        assertThat(seconds(encoder("train.epochs=4"), 600)).isCloseTo(2 * seconds, within(1e-9 * seconds));
        assertThat(seconds(config, 1200)).isCloseTo(2 * seconds, within(1e-9 * seconds));
        assertThat(new Estimate(4e9).encoder(config, config.model().clip(), 600))
                .isCloseTo(seconds / 4, within(1e-9 * seconds));
        assertThat(seconds(encoder("loss.alpha=1"), 600))
                .as("without the category branch half the images are encoded")
                .isLessThan(seconds)
                .isGreaterThan(seconds / 2);
        assertThat(seconds(encoder("loss.captions=1"), 600))
                .as("captions alone have crops alone")
                .isEqualTo(seconds(encoder("loss.alpha=1"), 600));
        assertThat(seconds(encoder("loss.sentence.weight=0.5"), 600))
                .as("sentences are more texts, and longer ones")
                .isGreaterThan(seconds);
        assertThat(seconds(encoder("loss.sentence={weight: 0.5, image: both}"), 600))
                .as("two images of a garment share its sentence")
                .isEqualTo(seconds(encoder("loss.sentence.weight=0.5"), 600));
    }

    @Test
    void adaptersTakeNoGradientsOfFrozenWeights() throws IOException {
        double whole = seconds(encoder(), 600);
        double few = seconds(encoder("train.lora.rank=1"), 600);
        double many = seconds(encoder("train.lora.rank=64"), 600);

        // Of three passes one is the forward pass, one the gradients of activations, one those of weights.
        assertThat(few).isBetween(whole / 3, whole * 0.75);
        assertThat(many).isGreaterThan(few);
    }

    @Test
    void aComposersTimeByHand() throws IOException {
        // Two pooled features; a block has 4 products of d x d in each of two attentions, and 2 of d x 3d: 8 + 2 * 3.
        AgcnConfig config = composer(
                "composer.branches.features=pooled",
                "composer.branches.blocks=5",
                "composer.branches.mlp-ratio=3",
                "data.triplets.per-reference=4",
                "train.epochs=7");
        double d = 16;
        double queries = 7 * 4 * 100;
        double flops = 6 * queries * 5 * (8 + 2 * 3) * 2 * d * d;

        assertThat(seconds(config, 100)).isCloseTo(flops / (0.15 * 1e9), Percentage.withPercentage(1e-6));
    }

    @Test
    void tokensCostMoreThanPooledFeatures() throws IOException {
        // 4 patches and a class token, and texts of about 10 tokens, in place of 2 features.
        double tokens = seconds(composer(), 100);
        double pooled = seconds(composer("composer.branches.features=pooled"), 100);

        assertThat(tokens / pooled).isCloseTo((5 + 10) / 2.0, within(1e-9));
    }

    @Test
    void aMachineIsMeasuredAsFastAsAMachineCanBe() {
        JavaOps.install();

        assertThat(Estimate.measure().perSecond()).isBetween(1e8, 1e14);
    }
}
