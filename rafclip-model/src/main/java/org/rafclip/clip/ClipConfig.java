package org.rafclip.clip;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.ops.op.Unfold;
import org.rafclip.run.Configs;
import org.rafclip.run.Default;

/**
 * The shape of a dual encoder.
 *
 * @param embedWidth d, the width of the shared embedding space
 * @param activation of every MLP: {@code gelu} in OpenCLIP, {@code quick-gelu} in OpenAI's weights
 * @param logitScale the temperature's logarithm at the start; CLIP's is ln(1/0.07)
 */
public record ClipConfig(
        int embedWidth,
        @Default("gelu") Activation activation,
        @Default("2.659260036932778") double logitScale,
        Vision vision,
        Text text) {

    /** ε of every layer norm. */
    public static final double LAYER_NORM_EPS = 1e-5;

    public ClipConfig {
        positive("embed-width", embedWidth);
    }

    /** A built-in configuration such as {@code vit-b-32}. */
    public static ClipConfig named(String name) {
        String file = name + ".yaml";
        try (InputStream resource = ClipConfig.class.getResourceAsStream(file)) {
            if (resource == null) {
                throw new IllegalArgumentException(
                        "there is no built-in model named " + name + ": choose one of " + String.join(", ", NAMES));
            }
            String yaml = new String(resource.readAllBytes(), StandardCharsets.UTF_8);
            return Configs.parse(yaml, file, List.of(), ClipConfig.class);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The names that {@link #named} knows. */
    public static final List<String> NAMES = List.of("vit-b-32", "vit-b-32-quickgelu", "vit-small", "vit-tiny");

    /** How the tokens of an image become one feature. */
    public enum Pool {
        /** A learned class token, normalised and projected (CLIP). */
        CLASS_TOKEN,
        /** The mean of the patch tokens, normalised and projected. */
        MEAN
    }

    /**
     * The image tower.
     *
     * @param imageSize pixels a side
     * @param patchSize pixels a side
     * @param stem widths of 3×3 convolutions with stride 2 before the patches are cut (Xiao et al. 2021); none in CLIP
     * @param dropPath stochastic depth at the last block, growing from 0 at the first
     */
    public record Vision(
            int imageSize,
            int patchSize,
            int width,
            int layers,
            int heads,
            @Default("4") double mlpRatio,
            @Default("class-token") Pool pool,
            @Default("[]") List<Integer> stem,
            @Default("0") double dropout,
            @Default("0") double dropPath) {

        public Vision {
            positive("image-size", imageSize);
            positive("patch-size", patchSize);
            checkTower(width, layers, heads);
            stem = List.copyOf(stem);
            if (imageSize % patchSize != 0 || patchSize % (1 << stem.size()) != 0) {
                throw new IllegalArgumentException("image-size " + imageSize + " must be a multiple of patch-size "
                        + patchSize + ", and that of 2 for each of the " + stem.size() + " layers of the stem");
            }
        }

        /** Patch tokens of an image. */
        public int patches() {
            return (imageSize / patchSize) * (imageSize / patchSize);
        }

        /** All tokens of an image, with the class token if there is one. */
        public int tokens() {
            return patches() + (pool == Pool.CLASS_TOKEN ? 1 : 0);
        }

        int stemSize(int layer) {
            int size = imageSize;
            for (int i = 0; i < layer; i++) {
                size = Unfold.outputSize(size, 3, 2, 1);
            }
            return size;
        }
    }

    /**
     * The text tower.
     *
     * @param contextLength tokens at most, start and end token included
     * @param vocabularySize entries of the token embedding
     */
    public record Text(
            int contextLength,
            int vocabularySize,
            int width,
            int layers,
            int heads,
            @Default("4") double mlpRatio,
            @Default("0") double dropout) {

        public Text {
            positive("context-length", contextLength);
            positive("vocabulary-size", vocabularySize);
            checkTower(width, layers, heads);
        }

        /** The same tower for another vocabulary. */
        public Text withVocabularySize(int size) {
            return new Text(contextLength, size, width, layers, heads, mlpRatio, dropout);
        }
    }

    /** The same model for another vocabulary. */
    public ClipConfig withVocabularySize(int size) {
        return new ClipConfig(embedWidth, activation, logitScale, vision, text.withVocabularySize(size));
    }

    private static void checkTower(int width, int layers, int heads) {
        positive("width", width);
        positive("heads", heads);
        if (layers < 0 || width % heads != 0) {
            throw new IllegalArgumentException(
                    "width " + width + " must be a multiple of heads " + heads + ", layers " + layers + " at least 0");
        }
    }

    private static void positive(String key, int value) {
        if (value < 1) {
            throw new IllegalArgumentException(key + " must be at least 1, not " + value);
        }
    }
}
