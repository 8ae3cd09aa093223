package org.rafclip.open;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.buffer.DataType;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipModel;
import org.rafclip.clip.DualEncoder;
import org.rafclip.data.DataException;
import org.rafclip.io.Sha256;
import org.rafclip.ops.JavaOps;
import org.rafclip.photos.ModelPreparation;
import org.rafclip.photos.PhotoConfig;
import org.rafclip.photos.PhotoData;
import org.rafclip.photos.PhotoSplit;
import org.rafclip.photos.PhotoSplits;
import org.rafclip.text.ClipTokenizer;
import org.rafclip.train.Checkpoints;

class OpenedEncoderTest {

    @TempDir
    Path dir;

    private Path model;
    private Path data;

    @BeforeEach
    void aModelAndFourPhotos() throws IOException {
        JavaOps.install();
        model = Files.createDirectories(dir.resolve("model"));
        ClipTokenizer tokenizer = ClipTokenizer.train(List.of("a photo of a dress"), 520, 16);
        ClipConfig config = ClipConfig.named("vit-tiny").withVocabularySize(tokenizer.vocabSize());
        try (ClipModel saved = new ClipModel(new DualEncoder(config, DataType.FLOAT, 3), tokenizer)) {
            saved.save(model, Map.of());
        }
        data = dir.resolve("data");
        Path annotations = Files.createDirectories(data.resolve("Anno_fine"));
        Files.createDirectories(data.resolve("img"));
        for (String split : List.of("train", "val")) {
            Files.write(
                    annotations.resolve(split + ".txt"), List.of("img/" + split + "1.jpg", "img/" + split + "2.jpg"));
            Files.write(annotations.resolve(split + "_bbox.txt"), List.of("1 1 5 5", "1 1 5 5"));
            Files.write(annotations.resolve(split + "_attr.txt"), List.of("2 1 0 1 2 0", "5 1 0 3 2 0"));
            for (int i = 1; i <= 2; i++) {
                Files.writeString(data.resolve("img/" + split + i + ".jpg"), split + i);
            }
        }
    }

    @Test
    void aModelFolderWhoseWeightsWereAlteredIsRefused() throws IOException {
        ClipModel.writeSums(model);
        String hash;
        try (OpenedEncoder opened = OpenedEncoder.ofModel(model)) {
            hash = opened.hash();
        }
        assertThat(Files.readAllLines(model.resolve("SHA256SUMS")))
                .containsExactlyInAnyOrder(
                        Sha256.of(model.resolve("model.safetensors")) + "  model.safetensors",
                        Sha256.of(model.resolve("tokenizer.json")) + "  tokenizer.json");
        Path weights = model.resolve("model.safetensors");
        byte[] bytes = Files.readAllBytes(weights);
        bytes[bytes.length / 2] ^= 0x40;
        Files.write(weights, bytes);
        assertThatThrownBy(() -> OpenedEncoder.ofModel(model))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(weights + " was damaged or altered");

        Files.delete(model.resolve("SHA256SUMS"));
        try (OpenedEncoder opened = OpenedEncoder.ofModel(model)) {
            assertThat(opened.hash()).isNotEqualTo(hash);
        }
    }

    /** A run that trained on some contents and held out others, with the model as its encoder. */
    private OpenedEncoder run(List<String> trainedOn, List<String> heldOut, String validationSplit) throws IOException {
        OpenedEncoder opened = OpenedEncoder.ofModel(model);
        PhotoConfig photos = PhotoConfig.forModel(data, "train", ModelPreparation.ofClip(32));
        PhotoConfig settings = new PhotoConfig(
                data,
                "train",
                validationSplit,
                0.5,
                photos.segmenter(),
                photos.cache(),
                photos.train(),
                photos.evaluation(),
                false,
                photos.palette(),
                photos.categoryWord(),
                1,
                1,
                1,
                List.of(),
                null,
                null,
                null,
                List.of(),
                java.util.Map.of());
        return new OpenedEncoder(
                dir.resolve("run"),
                "step-00000001",
                opened.model(),
                opened.hash(),
                settings,
                opened.prompts(),
                1,
                "trained from random weights",
                new OpenedEncoder.TrainingPhotos(hashes(trainedOn), hashes(heldOut)));
    }

    private static Set<String> hashes(List<String> contents) {
        return contents.stream().map(Sha256::of).collect(Collectors.toSet());
    }

    @Test
    void aModelFolderIsOpenedWithClipsOwnPreparation() throws Exception {
        try (OpenedEncoder encoder = OpenedEncoder.open(model, Checkpoints.Which.BEST)) {
            assertThat(encoder.source()).isEqualTo(model);
            assertThat(encoder.checkpoint()).isNull();
            assertThat(encoder.photos()).isNull();
            assertThat(encoder.data().evaluation().crop()).contains("resize(32)", "normalize(clip)");
        }
    }

    @Test
    void theHashIsThatOfConfigurationWeightsAndTokenizer() throws Exception {
        String before = OpenedEncoder.hash(model, Checkpoints.Which.BEST);
        Map<String, String> files = new TreeMap<>();
        for (String file : List.of("model.yaml", "model.safetensors", "tokenizer.json")) {
            files.put(file, Sha256.of(model.resolve(file)));
        }

        assertThat(before)
                .isEqualTo(Sha256.of(
                        files.get("model.yaml") + files.get("model.safetensors") + files.get("tokenizer.json")));
        try (Stream<Path> all = Files.list(model)) {
            for (Path file : all.toList()) {
                byte[] good = Files.readAllBytes(file);
                byte[] other = good.clone();
                other[other.length - 2] ^= 1;
                Files.write(file, other);
                assertThat(OpenedEncoder.hash(model, Checkpoints.Which.BEST))
                        .as(file.toString())
                        .isNotEqualTo(before);
                Files.write(file, good);
            }
        }
    }

    @Test
    void aFolderThatIsNeitherIsRefused() {
        assertThatThrownBy(() -> OpenedEncoder.open(dir, Checkpoints.Which.BEST))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("not a training run");
    }

    @Test
    void heldOutPhotosAreKnownByContentUnderAnyName() throws Exception {
        Files.move(data.resolve("img/train2.jpg"), data.resolve("img/renamed.jpg"));
        Files.write(data.resolve("Anno_fine/train.txt"), List.of("img/train1.jpg", "img/renamed.jpg"));
        PhotoSplits splits = new PhotoSplits();
        PhotoSplit split = splits.split(data, "train");

        try (OpenedEncoder encoder = run(List.of("train1"), List.of("train2"), null)) {
            assertThat(encoder.heldOut(splits, split))
                    .extracting(item -> item.id())
                    .containsExactly("img/renamed.jpg");
            PhotoData.Parts parts = encoder.parts(splits, split);
            assertThat(parts.train()).extracting(item -> item.id()).containsExactly("img/train1.jpg");
            assertThat(parts.validation()).extracting(item -> item.id()).containsExactly("img/renamed.jpg");
        }
    }

    @Test
    void oneHeldOutPhotoThatIsMissingIsRefusedByEveryWay() throws Exception {
        PhotoSplits splits = new PhotoSplits();
        PhotoSplit split = splits.split(data, "train");
        try (OpenedEncoder encoder = run(List.of(), List.of("train1", "another"), null)) {
            String only = "only 1 of the 2 photos that " + dir.resolve("run") + " held out is in "
                    + data.resolve("Anno_fine/train.txt") + " as they were";
            assertThatThrownBy(() -> encoder.heldOut(splits, split))
                    .isInstanceOf(DataException.class)
                    .hasMessageStartingWith(only)
                    .hasMessageContaining("they are of its split train");
            assertThatThrownBy(() -> encoder.parts(splits, split)).hasMessageStartingWith(only);
        }
    }

    @Test
    void aRunsValidationSplitIsWhereItsHeldOutPhotosAre() throws Exception {
        PhotoSplits splits = new PhotoSplits();
        PhotoSplit split = splits.split(data, "train");
        try (OpenedEncoder encoder = run(List.of("train1", "train2"), List.of("val1", "val2"), "val")) {
            PhotoData.Parts parts = encoder.parts(splits, split);
            assertThat(parts.train()).hasSize(2);
            assertThat(parts.validationSplit().name()).isEqualTo("val");
            assertThat(parts.validation()).hasSize(2);
            assertThatThrownBy(() -> encoder.heldOut(splits, split))
                    .hasMessageStartingWith("none of the 2 photos")
                    .hasMessageContaining("they are of its split val");
            assertThatThrownBy(() -> encoder.parts(splits, splits.split(data, "val")))
                    .hasMessageContaining("held all photos of")
                    .hasMessageContaining("give the split that it trained on, train");
        }
        try (OpenedEncoder encoder = run(List.of("train1", "train2"), List.of(), null)) {
            assertThat(encoder.parts(splits, split).validation()).isEmpty();
            assertThatThrownBy(() -> encoder.heldOut(splits, split)).hasMessageContaining("leave --held-out away");
        }
    }

    @Test
    void photosAreHashedOnce() throws Exception {
        PhotoSplits splits = new PhotoSplits();
        PhotoSplit split = splits.split(data, "train");
        Map<String, String> before = split.hashes(split.items());
        Files.delete(data.resolve("img/train1.jpg"));

        assertThat(splits.split(data, "train")).isSameAs(split);
        assertThat(split.hashes(split.items())).isEqualTo(before).containsValue(Sha256.of("train1"));
        PhotoSplit fresh = new PhotoSplits().split(data, "train");
        assertThatThrownBy(() -> fresh.hashes(fresh.items()))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("train1.jpg");
    }
}
