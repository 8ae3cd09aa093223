package org.rafclip.weights;

import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.rafclip.clip.ClipConfig;
import org.rafclip.data.DataException;
import org.rafclip.io.TensorFiles;
import org.rafclip.ops.kernel.Kernels.Activation;

/**
 * The architecture of OpenAI's archives, which come without a description: it follows from the tensors' shapes, heads
 * being 64 wide, as in OpenAI's {@code build_model}. They are known by the three counts that only they hold.
 */
final class OpenAiShape {

    /** Counts that stand among the weights, and say nothing that shapes do not. */
    static final Set<String> COUNTS = Set.of("input_resolution", "context_length", "vocab_size");

    private static final int HEAD_WIDTH = 64;

    private final TensorFiles tensors;

    private OpenAiShape(TensorFiles tensors) {
        this.tensors = tensors;
    }

    /** Whether tensors are those of OpenAI's archives. */
    static boolean fits(TensorFiles tensors) {
        return tensors.names().containsAll(COUNTS);
    }

    /**
     * The model that tensors are of.
     *
     * @throws DataException if they are not those of a vision transformer or a ModifiedResNet
     */
    static ClipConfig read(TensorFiles tensors) {
        return new OpenAiShape(tensors).config();
    }

    private ClipConfig config() {
        int textWidth = size("ln_final.weight", 1, 0);
        try {
            return new ClipConfig(
                    size("text_projection", 2, 1),
                    Activation.QUICK_GELU,
                    Math.log(1 / 0.07),
                    tensors.names().contains("visual.layer1.0.conv1.weight") ? residual() : transformer(),
                    ClipConfig.Text.ofClip(
                            size("positional_embedding", 2, 0),
                            size("token_embedding.weight", 2, 0),
                            textWidth,
                            layers("transformer.resblocks."),
                            textWidth / HEAD_WIDTH,
                            4));
        } catch (IllegalArgumentException | ArithmeticException e) {
            throw new DataException(
                    tensors.origin() + ": its shapes are not those of OpenAI's models (" + e.getMessage()
                            + "): give the model's description by --config",
                    e);
        }
    }

    private ClipConfig.Vision transformer() {
        int width = size("visual.conv1.weight", 4, 0);
        int patch = size("visual.conv1.weight", 4, 2);
        int side = side("visual.positional_embedding");
        return ClipConfig.Vision.ofClip(
                Math.multiplyExact(side, patch),
                patch,
                width,
                layers("visual.transformer.resblocks."),
                width / HEAD_WIDTH,
                4);
    }

    private ClipConfig.Vision residual() {
        int width = size("visual.layer1.0.conv1.weight", 4, 0);
        List<Integer> stages = IntStream.rangeClosed(1, 4)
                .mapToObj(stage -> (int) tensors.names().stream()
                        .filter(name -> name.matches("visual\\.layer" + stage + "\\.\\d+\\.conv1\\.weight"))
                        .count())
                .toList();
        return ClipConfig.Vision.residual(
                Math.multiplyExact(side("visual.attnpool.positional_embedding"), 32),
                width,
                Math.multiplyExact(width, 32) / HEAD_WIDTH,
                stages);
    }

    /** Patches a side, of which there is a position each, and one of the class token. */
    private int side(String positions) {
        return (int) Math.round(Math.sqrt(size(positions, 2, 0) - 1.0));
    }

    private int layers(String prefix) {
        return (int) tensors.names().stream()
                .filter(name -> name.startsWith(prefix) && name.endsWith(".ln_1.weight"))
                .count();
    }

    private int size(String tensor, int rank, int dimension) {
        List<Long> shape =
                tensors.names().contains(tensor) ? tensors.info(tensor).shape() : List.of();
        if (shape.size() != rank || shape.get(dimension) > Integer.MAX_VALUE) {
            throw new DataException(tensors.origin() + ": tensor '" + tensor + "' has the shape " + shape
                    + ", which no model of OpenAI's has: give the model's description by --config");
        }
        return shape.get(dimension).intValue();
    }
}
