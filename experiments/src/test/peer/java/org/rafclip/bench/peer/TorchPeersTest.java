package org.rafclip.bench.peer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rafclip.agcn.compose.ComposerConfig;
import org.rafclip.agcn.features.FeatureCache;
import org.rafclip.agcn.loss.CompositionLossConfig;
import org.rafclip.bench.BenchModel;
import org.rafclip.bench.ComposeBench;
import org.rafclip.bench.TrainBench;
import org.rafclip.bench.Yardstick;
import org.rafclip.ops.JavaOps;
import org.rafclip.ops.Precision;
import org.rafclip.run.Configs;
import org.rafclip.train.TrainConfig;

/** PyTorch computes the same losses from the same weights, and its steps run: {@code -Ppeer} only. */
class TorchPeersTest {

    private static final Yardstick YARDSTICK = new Yardstick(() -> 50, null, "a processor", Precision.FP32);

    @BeforeAll
    static void install() {
        JavaOps.install();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{kind: agcn, branches: {blocks: 2, heads: 2, mlp-ratio: 1}, gates: {projection: 8, hidden: 8}}",
                "{kind: agcn, pooled: unit, branches: {blocks: 1, heads: 4, activation: gelu},"
                        + " gates: {shape: vector, projection: 8, hidden: 4}}",
                "{kind: agcn, branches: {blocks: 2, heads: 2, features: pooled}, gates: {projection: 8, hidden: 8}}",
                "{kind: add, branches: {blocks: 2, heads: 2}}",
                "{kind: only-text, branches: {blocks: 3, heads: 2}}",
                "{kind: only-image, branches: {blocks: 2, heads: 2}}",
                "{kind: clip4cir, combiner: {width-factor: 0.01}}"
            })
    void aComposersStepIsTimedInTurns(String config) throws IOException {
        ComposerConfig composer = Configs.parse(config, "composer", List.of(), ComposerConfig.class);
        ComposeBench.Result result = bench(composer, "{}").run(new TorchComposerPeer(2), 2);

        ComposeBench.PeerStep peer = result.peer();
        assertThat(peer.library()).startsWith("PyTorch 2.");
        assertThat(peer.lossDifference()).isLessThan(1e-5);
        assertThat(peer.ratio()).isCloseTo(peer.medianMillis() / result.step().medianMillis(), within(1e-9));
        assertThat(result.tables().get(0).toText()).contains("PyTorch", "RaF-CLIP / peer", "first losses differ");
    }

    @Test
    void aLearnedTemperatureAndDistinctTargetsAreThePeersToo() throws IOException {
        ComposerConfig composer = Configs.parse(
                "{branches: {blocks: 1, heads: 2}, gates: {projection: 8, hidden: 8}}",
                "composer",
                List.of(),
                ComposerConfig.class);
        ComposeBench.Result result = bench(composer, "{temperature: 20, learnable: true, duplicates: once}")
                .run(new TorchComposerPeer(2), 2);

        assertThat(result.peer().lossDifference()).isLessThan(1e-5);
    }

    private static ComposeBench bench(ComposerConfig composer, String loss) {
        return bench(composer, loss, YARDSTICK);
    }

    private static ComposeBench bench(ComposerConfig composer, String loss, Yardstick yardstick) {
        return new ComposeBench(
                new ComposeBench.ComposerSetup(
                        "tiny",
                        composer,
                        Configs.parse(loss, "loss", List.of(), CompositionLossConfig.class),
                        Configs.parse("{}", "train", List.of(), TrainConfig.class),
                        FeatureCache.Storage.FP16),
                BenchModel.of("vit-tiny"),
                new ComposeBench.Work(100, 8, 3, 1),
                yardstick,
                what -> {});
    }

    @Test
    void anEncodersStepIsTimedInTurns() {
        TrainBench bench = new TrainBench(
                BenchModel.of("vit-tiny"), new TrainBench.Work(4, 3, 50, false, 1), YARDSTICK, what -> {});

        TrainBench.Result result = bench.run(new TorchPeer(2), 2);

        assertThat(result.lossDifference()).isLessThan(1e-5);
        assertThat(result.peerLibrary()).startsWith("PyTorch 2.");
    }

    @Test
    void inBfloat16TooTheLossesAgree() throws IOException {
        assumeTrue(Precision.BF16.available(), "this processor does not multiply bfloat16");
        Yardstick yardstick = new Yardstick(() -> 50, null, "a processor", Precision.BF16);

        TrainBench.Result encoder = new TrainBench(
                        BenchModel.of("vit-tiny"), new TrainBench.Work(4, 3, 50, false, 1), yardstick, what -> {})
                .run(new TorchPeer(2), 2);
        assertThat(encoder.lossDifference()).isLessThan(5e-3);

        for (String kind : List.of("agcn", "clip4cir")) {
            ComposerConfig composer = Configs.parse(
                    "{kind: " + kind + ", branches: {blocks: 2, heads: 2}, gates: {projection: 8, hidden: 8}}",
                    "composer",
                    List.of(),
                    ComposerConfig.class);
            ComposeBench.Result result = bench(composer, "{}", yardstick).run(new TorchComposerPeer(2), 2);
            assertThat(result.peer().lossDifference()).as(kind).isLessThan(5e-3);
        }
    }
}
