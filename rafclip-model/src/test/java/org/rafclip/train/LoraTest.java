package org.rafclip.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.withinPercentage;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.clip.Adapters;
import org.rafclip.clip.ClipModel;
import org.rafclip.data.DataException;
import org.rafclip.io.AtomicFiles;
import org.rafclip.io.Safetensors;
import org.rafclip.io.Sha256;
import org.rafclip.nn.Lora;
import org.rafclip.open.OpenedEncoder;
import org.rafclip.ops.Precision;
import org.rafclip.run.ConfigException;
import org.rafclip.train.Checkpoints.Which;

/** Training by adapters: what it leaves alone, what it writes, and that its runs are read as others are. */
class LoraTest {

    @TempDir
    private static Path photos;

    private static Path base;

    @TempDir
    private Path runs;

    /** The base is a run's checkpoint, as a model that is fine-tuned. */
    @BeforeAll
    static void trainABase() throws Exception {
        TinyRun.drawPhotos(photos);
        RafClipConfig config = TinyRun.config(photos, photos.resolve("base"), "train.epochs=1");
        TinyRun.train(config, false, new TinyRun.Listener());
        base = folder(config, Which.LAST);
    }

    private static Path folder(RafClipConfig config, Which which) {
        return new RunFolder(config.output().dir()).checkpoints().find(which).orElseThrow();
    }

    private RafClipConfig config(String name, String... overrides) {
        List<String> all = new ArrayList<>(
                List.of("model.clip=null", "model.weights=" + base, "train.epochs=2", "train.lora={rank: 4}"));
        all.addAll(Arrays.asList(overrides));
        return TinyRun.config(photos, runs.resolve(name), all.toArray(String[]::new));
    }

    private static INDArray images() {
        return Nd4j.linspace(DataType.FLOAT, -1, 2.0 / (2 * 3 * 32 * 32), 2 * 3 * 32 * 32)
                .reshape(2, 3, 32, 32);
    }

    @Test
    void theFirstStepsLossIsTheBasesToTheBit() throws Exception {
        String[] still = {"train.epochs=1", "train.lr=1e-2", "seed=4"};
        TinyRun.Listener adapted = new TinyRun.Listener();
        TinyRun.train(config("adapted", still), false, adapted);
        TinyRun.Listener whole = new TinyRun.Listener();
        List<String> plain = new ArrayList<>(List.of(still));
        plain.add("train.lora=null");
        TinyRun.train(config("whole", plain.toArray(String[]::new)), false, whole);

        assertThat(adapted.steps.get(0).loss()).isEqualTo(whole.steps.get(0).loss());
        assertThat(adapted.steps.get(1).loss()).isNotEqualTo(whole.steps.get(1).loss());
    }

    @Test
    void theBaseStaysAndWhatIsWrittenBesideItIsSmall() throws Exception {
        RafClipConfig config = config("run", "train.lr=1e-2");
        TinyRun.Listener told = new TinyRun.Listener();

        TinyRun.train(config, false, told);

        Path last = folder(config, Which.LAST);
        assertThat(last.resolve(ClipModel.WEIGHTS_FILE)).doesNotExist();
        Map<String, INDArray> frozen = Safetensors.readAll(last.resolve(ClipModel.BASE_FILE));
        Map<String, INDArray> before = Safetensors.readAll(base.resolve(ClipModel.WEIGHTS_FILE));
        before.remove("logit_scale");
        assertThat(frozen).isEqualTo(before);
        // Two towers' three blocks, six layers each, two factors each, and the temperature.
        Map<String, INDArray> adapters = Safetensors.readAll(last.resolve(Adapters.TENSORS_FILE));
        assertThat(adapters).hasSize(3 * 6 * 2 + 1).containsKey("logit_scale");
        assertThat(adapters.get("visual.transformer.resblocks.1.mlp.c_fc" + Lora.B)
                        .amax()
                        .getDouble(0))
                .isPositive();
        Map<String, INDArray> moments = Safetensors.readAll(last.resolve("optimizer.safetensors"));
        assertThat(moments).hasSize(2 * adapters.size());
        assertThat(Sha256.of(last.resolve(ClipModel.BASE_FILE)))
                .isEqualTo(Sha256.of(folder(config, Which.BEST).resolve(ClipModel.BASE_FILE)));
    }

    @Test
    void aRunIsOpenedAsTheModelThatItMade() throws Exception {
        RafClipConfig config = config("run", "train.lr=1e-2", "train.lora={rank: 4, alpha: 8}");
        TinyRun.train(config, false, new TinyRun.Listener());
        Path last = folder(config, Which.LAST);

        try (ClipModel trained = ClipModel.loadAdapted(last, config.train().adapters(config.seed()));
                OpenedEncoder opened = OpenedEncoder.open(config.output().dir(), Which.LAST);
                ClipModel before = ClipModel.load(base)) {
            INDArray adapted = trained.encodeImages(images());
            assertThat(opened.model()
                            .encodeImages(images())
                            .sub(adapted)
                            .amaxNumber()
                            .doubleValue())
                    .isLessThan(1e-6);
            assertThat(opened.model()
                            .encodeTexts(List.of("a red dress"))
                            .sub(trained.encodeTexts(List.of("a red dress")))
                            .amaxNumber()
                            .doubleValue())
                    .isLessThan(1e-6);
            assertThat(before.encodeImages(images()).sub(adapted).amaxNumber().doubleValue())
                    .isGreaterThan(1e-3);
            assertThat(opened.weights()).contains("by adapters of rank 4");
            assertThat(OpenedEncoder.hash(config.output().dir(), Which.LAST)).isEqualTo(opened.hash());

            // Its weights as a model folder of the usual form, and the checkpoint's folder as one.
            Path merged = Files.createDirectory(runs.resolve("merged"));
            opened.model().save(merged, Map.of());
            try (ClipModel again = ClipModel.load(merged);
                    OpenedEncoder asModel = OpenedEncoder.ofModel(last)) {
                assertThat(again.encodeImages(images()))
                        .isEqualTo(opened.model().encodeImages(images()));
                assertThat(asModel.model().encodeImages(images()))
                        .isEqualTo(opened.model().encodeImages(images()));
            }
        }
    }

    /** Also where the base is gone, and by a run whose base is such a checkpoint itself. */
    @Test
    void aRunNeedsItsBaseNoLongerOnceItHasBegun() throws Exception {
        Path copy = runs.resolve("copy");
        AtomicFiles.writeDirectory(copy, to -> {
            for (String file : List.of(ClipModel.CONFIG_FILE, ClipModel.WEIGHTS_FILE, "tokenizer.json")) {
                Files.copy(base.resolve(file), to.resolve(file));
            }
        });
        RafClipConfig config = config("run", "model.weights=" + copy, "train.epochs=1");
        TinyRun.train(config, false, new TinyRun.Listener());
        AtomicFiles.deleteDirectory(copy);

        RafClipConfig longer = config("run", "model.weights=" + copy, "train.epochs=2");
        assertThat(TinyRun.train(longer, true, new TinyRun.Listener()).steps()).isEqualTo(8);

        Path last = folder(longer, Which.LAST);
        TinyRun.Listener told = new TinyRun.Listener();
        RafClipConfig next = config("next", "model.weights=" + last, "train.epochs=1", "train.lr=1e-3");
        TinyRun.train(next, false, told);
        try (ClipModel merged = ClipModel.load(last)) {
            Map<String, INDArray> expected = merged.encoder().parameters();
            expected.remove("logit_scale");
            assertThat(Safetensors.readAll(folder(next, Which.LAST).resolve(ClipModel.BASE_FILE)))
                    .isEqualTo(expected);
        }
    }

    /** Where the processor has such products, they move a step's loss, and little. */
    @Test
    void adaptersTrainInHalfPrecisionToo() throws Exception {
        assumeTrue(available(Precision.BF16), "this processor has no bfloat16");
        String[] settings = {"train.lr=1e-2", "train.epochs=1"};
        TinyRun.Listener exact = new TinyRun.Listener();
        TinyRun.train(config("exact", settings), false, exact);
        TinyRun.Listener half = new TinyRun.Listener();
        RafClipConfig config = config("half", settings[0], settings[1], "train.precision=bf16");
        TinyRun.train(config, false, half);

        assertThat(half.steps.get(3).loss())
                .isNotEqualTo(exact.steps.get(3).loss())
                .isCloseTo(exact.steps.get(3).loss(), withinPercentage(2));
        try (ClipModel trained = ClipModel.load(folder(config, Which.LAST));
                ClipModel before = ClipModel.load(base)) {
            assertThat(trained.encodeImages(images())
                            .sub(before.encodeImages(images()))
                            .amaxNumber()
                            .doubleValue())
                    .isBetween(1e-3, 1.0);
        }
    }

    private static boolean available(Precision precision) {
        try {
            precision.requireAvailable();
            return true;
        } catch (IllegalArgumentException e) {
            return false;
        }
    }

    @Test
    void frozenLayersHaveNoAdapterAndTheTemperatureMayStay() throws Exception {
        RafClipConfig config = config(
                "run",
                "train.epochs=1",
                "train.lr=1e-2",
                "train.freeze=['visual.*', '*.resblocks.*.mlp.*', logit_scale]",
                "train.lora={rank: 2, targets: [v_proj, fc1]}");

        TinyRun.train(config, false, new TinyRun.Listener());

        String layer = "transformer.resblocks.0.attn.v_proj";
        Map<String, INDArray> trained =
                Safetensors.readAll(folder(config, Which.LAST).resolve(Adapters.TENSORS_FILE));
        assertThat(trained).containsOnlyKeys(layer + Lora.A, layer + Lora.B, "logit_scale");
        assertThat(trained.get("logit_scale"))
                .isEqualTo(Safetensors.readAll(base.resolve(ClipModel.WEIGHTS_FILE))
                        .get("logit_scale"));
        try (Safetensors moments = Safetensors.open(folder(config, Which.LAST).resolve("optimizer.safetensors"))) {
            assertThat(moments.names()).hasSize(4).noneMatch(name -> name.contains("logit_scale"));
        }
    }

    @Test
    void whatHasNoSenseIsRefusedInALine() {
        assertThatThrownBy(() -> TinyRun.train(config("run", "train.freeze=['*']"), false, new TinyRun.Listener()))
                .isInstanceOf(DataException.class)
                .hasMessage("train.freeze: it names the weights of all layers that train.lora adapts, q_proj, k_proj,"
                        + " v_proj, out_proj, fc1, fc2; freeze fewer, or leave train.lora away");
        assertThatThrownBy(() -> config("run", "train.lora={rank: 0}"))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("train.lora")
                .hasMessageContaining("rank must be at least 1, not 0");
        assertThatThrownBy(() -> config("run", "train.lora={targets: [query]}"))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("train.lora.targets")
                .hasMessageContaining("q_proj");
        assertThatThrownBy(() -> config("run", "train.lora={dropout: 1}"))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("dropout must be in [0, 1), not 1.0");
    }

    @Test
    void dropoutOfAdaptersFollowsTheSeedAndIsOffWhereModelsAreMeasured() throws Exception {
        String[] settings = {"train.epochs=1", "train.lr=1e-2", "train.lora={rank: 4, dropout: 0.5}"};
        TinyRun.Listener first = new TinyRun.Listener();
        TinyRun.Listener again = new TinyRun.Listener();
        TinyRun.Listener without = new TinyRun.Listener();
        RafClipConfig config = config("run", settings);
        TinyRun.train(config, false, first);
        TinyRun.train(config("again", settings), false, again);
        TinyRun.train(config("without", "train.epochs=1", "train.lr=1e-2"), false, without);

        assertThat(again.steps.get(3).loss()).isEqualTo(first.steps.get(3).loss());
        assertThat(without.steps.get(3).loss()).isNotEqualTo(first.steps.get(3).loss());
        try (ClipModel trained = ClipModel.loadAdapted(
                        folder(config, Which.LAST), config.train().adapters(config.seed()));
                ClipModel merged = ClipModel.load(folder(config, Which.LAST))) {
            assertThat(merged.encodeImages(images())
                            .sub(trained.encodeImages(images()))
                            .amaxNumber()
                            .doubleValue())
                    .isLessThan(1e-6);
        }
    }

    @Test
    void anAlteredAdapterIsFoundBeforeItIsUsed() throws IOException, InterruptedException {
        RafClipConfig config = config("run", "train.epochs=1");
        TinyRun.train(config, false, new TinyRun.Listener());
        Path file = folder(config, Which.BEST).resolve(Adapters.TENSORS_FILE);
        byte[] bytes = Files.readAllBytes(file);
        bytes[bytes.length - 1] ^= 1;
        Files.write(file, bytes);

        assertThatThrownBy(() -> OpenedEncoder.open(config.output().dir(), Which.BEST))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(Adapters.TENSORS_FILE)
                .hasMessageContaining("altered");
    }
}
