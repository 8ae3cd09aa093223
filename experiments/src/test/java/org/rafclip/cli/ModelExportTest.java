package org.rafclip.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.clip.ClipModel;
import org.rafclip.data.prepare.Preparation;
import org.rafclip.io.Safetensors;
import org.rafclip.open.OpenedEncoder;
import org.rafclip.ops.JavaOps;
import org.rafclip.photos.ModelPreparation;
import org.rafclip.train.Checkpoints;
import org.rafclip.train.RunFolder;

/** What is trained here, handed on. */
class ModelExportTest {

    /** The tower of images that others have too, of widths that they do not have. */
    static final String[] PLAIN = {
        "model.preset=null",
        "model.clip={embed-width: 12, vision: {image-size: 32, patch-size: 16, width: 12, layers: 1, heads: 3,"
                + " mlp-ratio: 2.5}, text: {context-length: 20, vocabulary-size: 600, width: 8, layers: 1, heads: 2}}"
    };

    /** A tower that others have not. */
    private static final String[] STEM = {
        "model.preset=null",
        "model.clip={embed-width: 12, vision: {image-size: 32, patch-size: 16, width: 12, layers: 1, heads: 3,"
                + " pool: mean, stem: [4, 6]}, text: {context-length: 20, vocabulary-size: 600, width: 8, layers: 1,"
                + " heads: 2}}"
    };

    @TempDir
    static Path dir;

    private static TinyRuns runs;
    private static Path plain;
    private static Path stem;
    private static Path agcn;

    @BeforeAll
    static void train() throws IOException {
        JavaOps.install();
        runs = TinyRuns.in(dir, 24);
        plain = dir.resolve("plain");
        stem = dir.resolve("stem");
        agcn = dir.resolve("agcn");
        runs.trainEncoder(plain, PLAIN);
        runs.trainEncoder(stem, STEM);
        runs.trainComposer(agcn, plain);
    }

    @Test
    void aRunIsReadAgainFromBothForms() throws IOException {
        for (String form : new String[] {"hf", "openclip"}) {
            Path out = dir.resolve("out/" + form);
            Path back = dir.resolve("back/" + form);

            CommandRun exported = CommandRun.of("model", "export", "--run", plain, "--format", form, "--out", out);
            CommandRun imported = CommandRun.of("model", "import", "--weights", out, "--out", back);
            CommandRun again = CommandRun.of("model", "export", "--run", plain, "--format", form, "--out", out);

            assertThat(exported.exitCode()).as(exported.err()).isZero();
            assertThat(imported.exitCode()).as(imported.err()).isZero();
            assertThat(imported.out()).contains("photos  squash(32) | normalize(clip)");
            assertThat(Safetensors.readAll(back.resolve(ClipModel.WEIGHTS_FILE)))
                    .isEqualTo(Safetensors.readAll(RunFolder.open(plain)
                            .checkpoint(Checkpoints.Which.BEST)
                            .dir()
                            .resolve(ClipModel.WEIGHTS_FILE)));
            assertThat(again.exitCode()).isEqualTo(1);
            assertThat(again.err()).contains("exists already");
        }
    }

    @Test
    void aSiglipThatOthersTrainedIsWrittenAsOnnx() throws IOException {
        Path weights = Path.of("../rafclip-model/src/test/resources/org/rafclip/weights/siglip-hf");
        Path model = dir.resolve("siglip");
        Path out = dir.resolve("siglip-onnx");

        CommandRun imported = CommandRun.of("model", "import", "--weights", weights, "--out", model);
        CommandRun exported = CommandRun.of("model", "export", "--model", model, "--format", "onnx", "--out", out);

        assertThat(imported.exitCode()).as(imported.err()).isZero();
        assertThat(exported.exitCode()).as(exported.err()).isZero();
        assertThat(exported.out()).contains("lowest cosine 1.000000");
        assertThat(out).isDirectoryContaining(file -> file.endsWith("tokenizer.json"));
        assertThat(out.resolve("README.md"))
                .content()
                .contains("the logistic function of cosines times", "filled up to", "Tokenizer.from_file");
    }

    private static void rebuildsFromOnnx(Path onnx, Path model) throws IOException {
        Path rebuilt = dir.resolve(model.getFileName() + "-rebuilt");
        CommandRun run = CommandRun.of(
                "onnx",
                "import-clip",
                "--image",
                onnx.resolve("image.onnx"),
                "--text",
                onnx.resolve("text.onnx"),
                "--out",
                rebuilt);
        assertThat(run.exitCode()).as(run.err()).isZero();
        assertThat(run.out()).contains("photos  squash(");
        ModelPreparation own = ModelPreparation.read(model, 16).orElseThrow();
        assertThat(Preparation.parse(
                        ModelPreparation.read(rebuilt, 16).orElseThrow().steps()))
                .isEqualTo(Preparation.parse(own.steps()));
    }

    @ParameterizedTest
    @CsvSource({
        "clipa-openclip, clipa-openclip, filled up to 12 as it says, openclip, hf",
        "timm-token-openclip, openclip, padded behind the end token, openclip, hf",
        "timm-avg-openclip, openclip, padded behind the end token, openclip, hf",
        "xlmr-openclip, xlmr-openclip, padded with 1, openclip, hf",
        "worldwide-openclip, xlmr-openclip, tokenizer.enable_padding(pad_id=1), hf, ",
        "mobileclip2-openclip, openclip, filled up to that with token 0, , openclip"
    })
    void furtherTowersAreCheckedBlendedAndHandedOn(String name, String words, String said, String form, String unlike)
            throws IOException {
        Path resources = Path.of("../rafclip-model/src/test/resources/org/rafclip/weights");
        Path weights = resources.resolve(name);
        Path model = dir.resolve(name);
        Path out = dir.resolve(name + "-onnx");
        Path blended = dir.resolve(name + "-blended");

        CommandRun imported = CommandRun.of(
                "model", "import", "--weights", weights, "--tokenizer", resources.resolve(words), "--out", model);
        CommandRun checked = CommandRun.of(
                "model", "check", model, "--against", weights.resolve("golden.safetensors"), "--tolerance", "1e-5");
        CommandRun blend = CommandRun.of("model", "blend", model, model, "--weight", "0.5", "--out", blended);
        CommandRun exported = CommandRun.of("model", "export", "--model", model, "--format", "onnx", "--out", out);

        assertThat(imported.exitCode()).as(imported.err()).isZero();
        assertThat(checked.exitCode()).as(checked.err()).isZero();
        assertThat(blend.exitCode()).as(blend.err()).isZero();
        assertThat(exported.exitCode()).as(exported.err()).isZero();
        assertThat(exported.out()).contains("lowest cosine 1.000000");
        assertThat(out.resolve("README.md")).content().contains(said);
        if (name.equals("worldwide-openclip")) {
            rebuildsFromOnnx(out, model);
        }
        if (form != null) {
            Path others = dir.resolve(name + "-" + form);
            CommandRun written = CommandRun.of("model", "export", "--model", model, "--format", form, "--out", others);
            assertThat(written.exitCode()).as(written.err()).isZero();
            assertThat(others.resolve("README.md"))
                    .content()
                    .contains(form.equals("hf") ? "AutoTokenizer" : "open_clip");
        }
        if (unlike != null) {
            Path no = dir.resolve("no");
            CommandRun refused = CommandRun.of("model", "export", "--model", model, "--format", unlike, "--out", no);
            assertThat(refused.exitCode()).isEqualTo(1);
            assertThat(refused.err()).contains("export it with --format").hasLineCount(1);
            assertThat(no).doesNotExist();
        }
    }

    @Test
    void whatAFormCannotSayLeavesNothingBehind() {
        CommandRun unlike =
                CommandRun.of("model", "export", "--run", stem, "--format", "hf", "--out", dir.resolve("no"));
        CommandRun composer =
                CommandRun.of("model", "export", "--run", agcn, "--format", "openclip", "--out", dir.resolve("no"));

        assertThat(unlike.exitCode()).isEqualTo(1);
        assertThat(unlike.err()).contains("vision.").contains("--format onnx").hasLineCount(1);
        assertThat(composer.exitCode()).isEqualTo(1);
        assertThat(composer.err()).contains("is a composer's run").contains(plain.toString());
        assertThat(dir.resolve("no")).doesNotExist();
        assertThat(dir.toFile().list()).noneMatch(name -> name.endsWith(".tmp"));
    }

    @Test
    void aComposerIsWrittenWithBothTowersAndACard() throws IOException {
        Path out = dir.resolve("onnx");

        CommandRun exported = CommandRun.of("model", "export", "--run", agcn, "--format", "onnx", "--out", out);

        assertThat(exported.exitCode()).as(exported.err()).isZero();
        assertThat(exported.out()).contains("image.onnx", "text.onnx", "compose.onnx", "lowest cosine 1.000000");
        assertThat(out).isDirectoryContaining(file -> file.endsWith("compose.onnx"));
        assertThat(out.resolve("README.md"))
                .content()
                .contains("# onnx", "| seed | 3 |", "18 trained on, 6 held out", "squash(32)", "license: unknown")
                .contains("`query_embedding`", "Composer: AGCN", "validation meanRecallAt10", "lowest cosine 1.000000")
                .doesNotContain(dir.toString());
        CommandRun verified = CommandRun.of("onnx", "verify", out.resolve("image.onnx"));
        assertThat(verified.exitCode()).as(verified.out() + verified.err()).isZero();
    }

    @Test
    void aModelThatOthersHaveNotIsWrittenAsOnnxInFewerBits() {
        Path half = dir.resolve("half");
        Path rounded = dir.resolve("rounded");

        CommandRun ofHalf =
                CommandRun.of("model", "export", "--run", stem, "--format", "onnx", "--dtype", "fp16", "--out", half);
        CommandRun ofRounded = CommandRun.of(
                "model", "export", "--run", stem, "--format", "onnx", "--quantize", "int8", "--out", rounded);
        CommandRun wrong = CommandRun.of(
                "model", "export", "--run", plain, "--format", "hf", "--dtype", "fp16", "--out", dir.resolve("no"));

        assertThat(ofHalf.exitCode()).as(ofHalf.err()).isZero();
        assertThat(ofRounded.exitCode()).as(ofRounded.err()).isZero();
        assertThat(rounded.resolve("README.md")).content().contains("Computed in int8");
        assertThat(wrong.exitCode()).isEqualTo(2);
        assertThat(wrong.err()).contains("belong to --format onnx");
    }

    @Test
    void blendsAreMadeAndMeasured() throws IOException {
        Path other = dir.resolve("other");
        Path blended = dir.resolve("blended");
        runs.trainEncoder(other, PLAIN[0], PLAIN[1], "train.lr=0.01");

        CommandRun made = CommandRun.of("model", "blend", plain, other, "--weight", "1", "--out", blended);
        CommandRun swept =
                CommandRun.of("eval", "attributes", "--run", plain, "--blend-with", other, "--weights", "0,0.5,1");
        CommandRun found =
                CommandRun.of("eval", "retrieval", "--run", plain, "--blend-with", other, "--weights", "0.5,1");
        CommandRun all =
                CommandRun.of("eval", "attributes", "--run", plain, "--all", "--blend-with", other, "--weights", "1");
        CommandRun first = CommandRun.of("eval", "attributes", "--run", plain);
        CommandRun searched = CommandRun.of("eval", "retrieval", "--run", other);
        CommandRun second = CommandRun.of("eval", "attributes", "--run", other);
        CommandRun wrong = CommandRun.of("model", "blend", plain, stem, "--out", dir.resolve("no"));
        CommandRun beyond = CommandRun.of("model", "blend", plain, other, "--weight", "2", "--out", dir.resolve("no"));

        assertThat(made.exitCode()).as(made.err()).isZero();
        assertThat(Safetensors.readAll(blended.resolve(ClipModel.WEIGHTS_FILE)))
                .isEqualTo(Safetensors.readAll(RunFolder.open(other)
                        .checkpoint(Checkpoints.Which.BEST)
                        .dir()
                        .resolve(ClipModel.WEIGHTS_FILE)));
        assertThat(swept.exitCode()).as(swept.err()).isZero();
        assertThat(figures(swept, "weight 0.0"))
                .isEqualTo(figures(first, "RaF-CLIP"))
                .isNotEmpty();
        assertThat(figures(swept, "weight 1.0")).isEqualTo(figures(second, "RaF-CLIP"));
        assertThat(swept.out())
                .contains(
                        "weight 0.5", "by 0.5 and", plain + " was trained on none of these 6 photos, which it kept out")
                .contains(other + " was trained on none of these 6 photos.");
        assertThat(all.out()).contains("ATTENTION: " + other + " was trained on 18 of these 24 photos");
        assertThat(found.exitCode()).as(found.err()).isZero();
        assertThat(figures(found, "weight 1.0"))
                .isEqualTo(figures(searched, "RaF-CLIP"))
                .isNotEmpty();
        assertThat(wrong.exitCode()).isEqualTo(1);
        assertThat(wrong.err()).contains("cannot be blended: tensor 'visual.");
        assertThat(beyond.exitCode()).isEqualTo(2);
    }

    /** What reads a run reads one that trained adapters, and has the features of its merged weights. */
    @Test
    void aRunOfAdaptersIsReadAsOthersAreAndHandedOnMergedOrAsThemselves() throws IOException {
        Path base = dir.resolve("lora-base");
        CommandRun.of("model", "export", "--run", plain, "--format", "hf", "--out", dir.resolve("lora-hf"));
        CommandRun.of("model", "import", "--weights", dir.resolve("lora-hf"), "--out", base);
        Path run = dir.resolve("lora-run");
        runs.trainEncoder(
                run,
                "model={weights: " + base + "}",
                "train.lora={rank: 3, alpha: 6}",
                "train.lr=0.02",
                "train.epochs=3");
        Path merged = dir.resolve("lora-merged");
        Path adapter = dir.resolve("lora-adapter");
        Path back = dir.resolve("lora-back");
        Path again = dir.resolve("lora-again");

        CommandRun exported = CommandRun.of("model", "export", "--run", run, "--format", "hf", "--out", merged);
        CommandRun peft = CommandRun.of("model", "export", "--run", run, "--format", "peft", "--out", adapter);
        CommandRun none =
                CommandRun.of("model", "export", "--run", plain, "--format", "peft", "--out", dir.resolve("no"));
        CommandRun imported = CommandRun.of("model", "import", "--weights", merged, "--out", back);
        CommandRun adapted = CommandRun.of(
                "model", "import", "--weights", dir.resolve("lora-hf"), "--adapter", adapter, "--out", again);
        CommandRun blended =
                CommandRun.of("model", "blend", base, run, "--weight", "1", "--out", dir.resolve("lora-blended"));
        CommandRun ofRun = CommandRun.of("eval", "attributes", "--run", run);
        CommandRun composed = runs.trainComposer(dir.resolve("lora-agcn"), run);
        CommandRun refused = CommandRun.of(
                "train",
                dir.resolve("agcn.yaml"),
                "data.dir=" + runs.data(),
                "rafclip.run=" + run,
                "output.dir=" + dir.resolve("no"),
                "train.lora={rank: 2}");

        for (CommandRun done : new CommandRun[] {exported, peft, imported, adapted, blended, ofRun, composed}) {
            assertThat(done.exitCode()).as(done.err()).isZero();
        }
        assertThat(none.exitCode()).isEqualTo(1);
        assertThat(none.err()).contains("was not trained by adapters").hasLineCount(1);
        assertThat(refused.exitCode()).isEqualTo(2);
        assertThat(refused.err()).contains("train.lora is of RaF-CLIP");
        assertThat(adapter.resolve("README.md")).content().contains("library_name: peft", "PeftModel.from_pretrained");
        INDArray image = Nd4j.linspace(DataType.FLOAT, -1, 2.0 / 3072, 3072).reshape(1, 3, 32, 32);
        try (OpenedEncoder opened = OpenedEncoder.open(run, Checkpoints.Which.BEST);
                ClipModel first = ClipModel.load(back);
                ClipModel second = ClipModel.load(again);
                ClipModel third = ClipModel.load(dir.resolve("lora-blended"));
                ClipModel before = ClipModel.load(base)) {
            INDArray features = opened.model().encodeImages(image);
            assertThat(first.encodeImages(image)).isEqualTo(features);
            assertThat(third.encodeImages(image)).isEqualTo(features);
            assertThat(second.encodeImages(image).sub(features).amaxNumber().doubleValue())
                    .isLessThan(1e-6);
            assertThat(before.encodeImages(image).sub(features).amaxNumber().doubleValue())
                    .isGreaterThan(1e-3);
        }
    }

    /** The numbers of a table's first row of a method. */
    private static String figures(CommandRun run, String method) {
        return run.out()
                .lines()
                .filter(line -> line.startsWith(method) && line.matches(".*\\d\\.\\d.*"))
                .map(line -> line.substring(method.length())
                        .replaceAll("[^0-9.]+", " ")
                        .strip())
                .findFirst()
                .orElse("");
    }
}
