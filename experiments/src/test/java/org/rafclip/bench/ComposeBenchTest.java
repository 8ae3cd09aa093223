package org.rafclip.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.rafclip.agcn.compose.ComposerConfig;
import org.rafclip.agcn.features.FeatureCache;
import org.rafclip.agcn.loss.CompositionLossConfig;
import org.rafclip.ops.Precision;
import org.rafclip.run.Configs;
import org.rafclip.train.TrainConfig;

class ComposeBenchTest {

    @Test
    void aTinyComposerIsMeasuredOnAllCounts() throws IOException {
        ComposerConfig composer = Configs.parse(
                "{branches: {blocks: 2, heads: 2, mlp-ratio: 1}, gates: {projection: 8, hidden: 8}}",
                "composer",
                List.of(),
                ComposerConfig.class);
        CompositionLossConfig loss = Configs.parse("{}", "loss", List.of(), CompositionLossConfig.class);
        TrainConfig train = Configs.parse("{micro-batch: 8}", "train", List.of(), TrainConfig.class);
        List<String> told = new ArrayList<>();
        ComposeBench bench = new ComposeBench(
                new ComposeBench.ComposerSetup("tiny", composer, loss, train, FeatureCache.Storage.FP16),
                BenchModel.of("vit-tiny"),
                new ComposeBench.Work(100, 8, 3, 1),
                new Yardstick(() -> 50, 100.0, "a processor; limit 100 GFLOP/s", Precision.FP32),
                told::add);

        ComposeBench.Result result = bench.run(null, 2);

        assertThat(told).contains("sgemm", "reading features", "warming up", "step 3 of 3", "encoding a batch");
        assertThat(result.cached().images()).isEqualTo(2 * 8 * 5);
        assertThat(result.encoded().images()).isEqualTo(16);
        assertThat(result.encoded().texts()).isEqualTo(8);
        ComposeBench.Step step = result.step();
        assertThat(step.tripletsPerSecond()).isCloseTo(8 / (step.medianMillis() / 1e3), within(1e-6));
        assertThat(step.shareOfGemm()).isCloseTo(step.gigaflop() / (step.medianMillis() / 1e3) / 50, within(1e-9));
        assertThat(step.shareOfLimit()).isCloseTo(step.shareOfGemm() / 2, within(1e-9));
        assertThat(result.tables().get(0).toText()).contains("of limit", "* a processor; limit 100 GFLOP/s");
        assertThat(result.epochSeconds()).isCloseTo(12 * step.medianMillis() / 1e3, within(1e-6));
        assertThat(result.ratio()).isEqualTo(result.encodingEpochSeconds() / result.epochSeconds(), within(1e-9));
        assertThat(result.tables().get(1).toText()).contains("read from the cache", "encoded anew", "80 images");
    }

    @Test
    void captionsAreAsLongAsFashionIqs() {
        DrawnTriplets drawn = DrawnTriplets.draw(5000, List.of("red", "long"), new SplittableRandom(1));

        double words = drawn.triplets().stream()
                .flatMap(triplet -> triplet.captions().stream())
                .mapToInt(caption -> caption.split(" ").length)
                .average()
                .orElseThrow();
        assertThat(words).isCloseTo(5.39, within(0.1));
        assertThat(drawn.ids()).hasSize(10_000).doesNotHaveDuplicates();
        assertThat(drawn.texts()).doesNotHaveDuplicates();
        assertThat(Arrays.asList(
                        drawn.triplets().get(7).reference(),
                        drawn.triplets().get(7).target().orElseThrow()))
                .isSubsetOf(drawn.ids());
    }
}
