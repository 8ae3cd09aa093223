package org.rafclip.launch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.agcn.train.AgcnConfig;
import org.rafclip.clip.ClipModel;
import org.rafclip.data.DrawnPhotos;
import org.rafclip.photos.PhotoData;
import org.rafclip.photos.PhotoSplits;
import org.rafclip.run.ConfigException;
import org.rafclip.run.Configs;
import org.rafclip.train.RafClipConfig;
import org.rafclip.train.RunFolder;

class TrainingTest {

    @TempDir
    Path dir;

    @BeforeEach
    void write() throws IOException {
        Files.writeString(dir.resolve("raf.yaml"), """
                seed: 3
                data:
                  train: {crop: crop, region: crop}
                  evaluation: {crop: crop, region: crop}
                model: {preset: vit-tiny}
                loss: {}
                train: {}
                """);
        Files.writeString(dir.resolve("agcn.yaml"), """
                seed: 4
                composer: {}
                loss: {}
                """);
    }

    private Training rafclip(String... overrides) {
        return load(
                "raf.yaml", List.of("data.dir=" + dir.resolve("data"), "output.dir=" + dir.resolve("raf")), overrides);
    }

    private Training composer(Path encoder, String... overrides) {
        return load(
                "agcn.yaml",
                List.of(
                        "data.dir=" + dir.resolve("data"),
                        "rafclip.run=" + encoder,
                        "output.dir=" + dir.resolve("agcn")),
                overrides);
    }

    private Training load(String file, List<String> folders, String... overrides) {
        List<String> all = new ArrayList<>(folders);
        all.addAll(List.of(overrides));
        return Training.load(dir.resolve(file), all);
    }

    @Test
    void theSectionComposerSaysWhatIsTrained() {
        Training rafclip = rafclip();
        Training composer = composer(dir.resolve("raf"));

        assertThat(rafclip).isInstanceOf(RafClipTraining.class);
        assertThat(rafclip.config()).isInstanceOf(RafClipConfig.class);
        assertThat(rafclip.seed()).isEqualTo(3);
        assertThat(rafclip.folder().dir()).isEqualTo(dir.resolve("raf"));
        assertThat(composer).isInstanceOf(ComposerTraining.class);
        assertThat(composer.config()).isInstanceOf(AgcnConfig.class);
        assertThat(composer.seed()).isEqualTo(4);
        assertThat(composer.folder().dir()).isEqualTo(dir.resolve("agcn"));
    }

    @Test
    void whatIsNoYamlOrMissingIsComplainedOfByItsReader() throws IOException {
        Files.writeString(dir.resolve("broken.yaml"), "composer: [1");

        assertThatThrownBy(() -> Training.load(dir.resolve("broken.yaml"), List.of()))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("broken.yaml");
        assertThatThrownBy(() -> Training.load(dir.resolve("none.yaml"), List.of()))
                .hasMessageContaining("none.yaml");
    }

    @Test
    void theShareHeldOutOrASplitIsValidatedOn() {
        assertThat(rafclip().validates()).isTrue();
        assertThat(rafclip("data.held-out=0").validates()).isFalse();
        assertThat(rafclip("data.held-out=0", "data.validation-split=val").validates())
                .isTrue();
    }

    @Test
    void aComposerValidatesOnWhatItsEncoderHeldOut() throws IOException {
        assertThat(composer(encoderRun("all", Map.of())).validates()).isFalse();
        assertThat(composer(encoderRun("some", Map.of("img/a.jpg", "0".repeat(64))))
                        .validates())
                .isTrue();

        Path model = Files.createDirectories(dir.resolve("model"));
        Files.writeString(model.resolve(ClipModel.CONFIG_FILE), "");
        assertThat(composer(model).validates()).as("a share is drawn for it").isTrue();
        assertThat(composer(dir.resolve("all"), "data.dir=null", "data.fashioniq=" + dir)
                        .validates())
                .as("FashionIQ has its own split for it")
                .isTrue();
    }

    private Path encoderRun(String name, Map<String, String> heldOut, String... overrides) throws IOException {
        Path run = Files.createDirectories(dir.resolve(name));
        Files.writeString(
                run.resolve("config.yaml"), Configs.toYaml(rafclip(overrides).config()));
        new RunFolder(run).writePhotos(Map.of("img/b.jpg", "1".repeat(64)), heldOut);
        return run;
    }

    @Test
    void theNextCommandFitsTheData() throws IOException {
        String raf = "eval attributes --run " + dir.resolve("raf");
        String json = " --json " + dir.resolve("raf/attributes.json");
        assertThat(rafclip().evaluation()).isEqualTo(raf + json);
        assertThat(rafclip("data.validation-split=val").evaluation()).isEqualTo(raf + json);
        assertThat(rafclip("data.held-out=0").evaluation()).isEqualTo(raf + " --split SPLIT" + json);

        String agcn = "eval composed --run " + dir.resolve("agcn");
        String photos = agcn + " --data " + dir.resolve("data");
        Map<String, String> heldOut = Map.of("img/a.jpg", "0".repeat(64));
        String composed = " --json " + dir.resolve("agcn/composed.json");
        assertThat(composer(encoderRun("share", heldOut)).evaluation()).isEqualTo(photos + composed);
        assertThat(composer(encoderRun("own-split", heldOut, "data.validation-split=val"))
                        .evaluation())
                .isEqualTo(photos + composed);
        assertThat(composer(encoderRun("none", Map.of())).evaluation()).isEqualTo(photos + " --split SPLIT" + composed);
        assertThat(composer(dir, "data.dir=null", "data.fashioniq=" + dir).evaluation())
                .isEqualTo(agcn + " --fashioniq " + dir + composed);
    }

    @Test
    void theBestCheckpointIsNamedByTheMetricThatChoosesIt() {
        assertThat(composer(dir).score()).isEqualTo("mean R@10");
        assertThat(composer(dir, "train.metric=recall-at-50").score()).isEqualTo("mean R@50");
        assertThatThrownBy(() -> composer(dir, "train.metric=accuracy"))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("recall-at-10 or recall-at-50");
    }

    @Test
    void photosAndLabelsAreNamedByTheirContent() throws IOException {
        DrawnPhotos.plain(dir.resolve("data"), "train", 6);
        Training training = rafclip();

        assertThat(training.dataFingerprint())
                .isEqualTo(PhotoData.fingerprint(
                        new PhotoSplits().split(dir.resolve("data"), "train").items()))
                .isEqualTo(training.inputsFingerprint());
        assertThat(composer(dir).dataFingerprint()).hasSize(64);
        Path labels = dir.resolve("data/Anno_fine/train_attr.txt");
        String before = training.dataFingerprint();
        Files.writeString(labels, Files.readString(labels).replaceFirst("0", "1"));
        assertThat(rafclip().dataFingerprint()).isNotEqualTo(before);
    }

    @Test
    void aComposersInputsAreItsEncoderToo() throws IOException {
        DrawnPhotos.plain(dir.resolve("data"), "train", 6);
        Training composer = composer(dir.resolve("no-encoder"));

        assertThat(composer.dataFingerprint()).hasSize(64);
        assertThatThrownBy(composer::inputsFingerprint).hasMessageContaining("no-encoder");
    }
}
