package org.rafclip.measure;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.buffer.DataType;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipModel;
import org.rafclip.clip.DualEncoder;
import org.rafclip.open.OpenedEncoder;
import org.rafclip.ops.JavaOps;
import org.rafclip.photos.PhotoConfig;
import org.rafclip.run.Configs;
import org.rafclip.text.ClipTokenizer;

/** A tiny encoder with random weights, in a model folder. */
final class RandomEncoder {

    private RandomEncoder() {}

    /** Writes the model folder and opens it; photos are prepared by {@link #preparation}. */
    static OpenedEncoder in(Path dir, Path data) throws IOException {
        JavaOps.install();
        Path folder = Files.createDirectories(dir.resolve("model"));
        List<String> words = List.of("a photo of floral striped solid clothing", "red green blue long sleeve cotton");
        ClipTokenizer tokenizer = ClipTokenizer.train(words, 600, 24);
        ClipConfig config = ClipConfig.named("vit-tiny").withVocabularySize(tokenizer.vocabSize());
        try (ClipModel saved = new ClipModel(new DualEncoder(config, DataType.FLOAT, 3), tokenizer)) {
            saved.save(folder, Map.of());
        }
        OpenedEncoder opened = OpenedEncoder.ofModel(folder);
        return new OpenedEncoder(
                folder,
                null,
                opened.model(),
                opened.hash(),
                preparation(dir, data, opened.data().evaluation()),
                0,
                opened.weights(),
                null);
    }

    /** Split train, ellipses for masks, which lie below {@code dir}. */
    private static PhotoConfig preparation(Path dir, Path data, PhotoConfig.Branches branches) {
        String both = "{crop: '%s', region: '%s'}".formatted(branches.crop(), branches.region());
        return Configs.parse(
                "dir: '%s'\nsegmenter: ellipse\ncache: '%s'\ntrain: %s\nevaluation: %s\n"
                        .formatted(data, dir.resolve("masks"), both, both),
                "the preparation",
                List.of(),
                PhotoConfig.class);
    }
}
