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

    private static final Estimate ESTIMATE = new Estimate(1e9, 2e9);

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
        assertThat(new Estimate(4e9, 8e9).encoder(config, config.model().clip(), 600))
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
    void aComposersTimeGrowsWithEpochsQueriesAndWhatItMultiplies() throws IOException {
        double seconds = seconds(composer("composer.kind=add", "train.epochs=2"), 100);

        assertThat(seconds(composer("composer.kind=add", "train.epochs=6"), 100))
                .isCloseTo(3 * seconds, Percentage.withPercentage(1e-6));
        assertThat(seconds(composer("composer.kind=add", "train.epochs=2"), 500))
                .isCloseTo(5 * seconds, Percentage.withPercentage(1e-6));
        assertThat(seconds(composer("composer.kind=only-text", "train.epochs=2"), 100)
                        + seconds(composer("composer.kind=only-image", "train.epochs=2"), 100))
                .as("both branches and nothing else")
                .isCloseTo(seconds, Percentage.withPercentage(1e-6));
        assertThat(seconds(composer("composer.kind=agcn", "train.epochs=2"), 100))
                .as("gates on top")
                .isGreaterThan(seconds);
    }

    @Test
    void tokensCostMoreThanPooledFeatures() throws IOException {
        // 4 patches and a class token, and texts of about 10 tokens, in place of one feature each.
        assertThat(seconds(composer(), 100) / seconds(composer("composer.branches.features=pooled"), 100))
                .isGreaterThan(2);
    }

    @Test
    void bf16IsHeldAgainstTheMachinesBf16() throws IOException {
        Estimate slow = new Estimate(1e9, 1e9);
        RafClipConfig encoder = encoder("train.precision=bf16");
        AgcnConfig composer = composer("train.precision=bf16");

        assertThat(ESTIMATE.encoder(encoder, encoder.model().clip(), 600))
                .isCloseTo(slow.encoder(encoder, encoder.model().clip(), 600) / 2, Percentage.withPercentage(1e-6));
        assertThat(ESTIMATE.composer(composer, encoder.model().clip(), 600))
                .isCloseTo(slow.composer(composer, encoder.model().clip(), 600) / 2, Percentage.withPercentage(1e-6));
    }

    @Test
    void aMachineIsMeasuredAsFastAsAMachineCanBe() {
        JavaOps.install();

        Estimate machine = Estimate.measure();

        assertThat(machine.fp32()).isBetween(1e8, 1e14);
        assertThat(machine.bf16()).isBetween(1e8, 1e14);
    }
}
