package org.rafclip.search;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.buffer.DataType;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipModel;
import org.rafclip.clip.DualEncoder;
import org.rafclip.ops.JavaOps;
import org.rafclip.text.ClipTokenizer;

/** A tiny encoder with random weights, in a model folder. */
public final class SmallModel {

    private SmallModel() {}

    /** Writes the folder. */
    public static Path in(Path dir) throws IOException {
        JavaOps.install();
        Path folder = Files.createDirectories(dir.resolve("model"));
        List<String> words = List.of("a photo of floral striped solid clothing", "red green blue long sleeve cotton");
        ClipTokenizer tokenizer = ClipTokenizer.train(words, 600, 24);
        ClipConfig config = ClipConfig.named("vit-tiny").withVocabularySize(tokenizer.vocabSize());
        try (ClipModel saved = new ClipModel(new DualEncoder(config, DataType.FLOAT, 3), tokenizer)) {
            saved.save(folder, Map.of());
        }
        return folder;
    }
}
