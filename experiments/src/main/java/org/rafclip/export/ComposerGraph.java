package org.rafclip.export;

import org.rafclip.agcn.compose.Composer;
import org.rafclip.agcn.compose.ComposerConfig;
import org.rafclip.agcn.compose.ComposerConfig.Features;
import org.rafclip.agcn.compose.ComposerConfig.Pooled;
import org.rafclip.clip.ClipConfig.Pool;
import org.rafclip.onnx.write.ClipGraphs;
import org.rafclip.onnx.write.NetworkWriter;
import org.rafclip.onnx.write.Numbers;
import org.rafclip.ops.kernel.Kernels.Activation;

/**
 * A composer as an ONNX graph: outputs of both towers, under their names, and {@value #TEXT_LENGTHS} {@code INT64 [batch]}
 * → {@value #QUERY} {@code [batch, d]} at length 1. It has the inputs that the composer reads.
 */
final class ComposerGraph {

    static final String TEXT_LENGTHS = "text_lengths";
    static final String QUERY = "query_embedding";

    private final Composer composer;
    private final ComposerConfig config;
    private final Pool pool;
    private final NetworkWriter network;
    private String imageFeatures;
    private String textFeatures;

    private ComposerGraph(Composer composer, Pool pool, Numbers numbers) {
        this.composer = composer;
        this.config = composer.config();
        this.pool = pool;
        this.network = new NetworkWriter("compose", composer.parameters(), ComposerConfig.LAYER_NORM_EPS, numbers);
    }

    /** @param pool of the encoder */
    static NetworkWriter of(Composer composer, Pool pool, Numbers numbers) {
        ComposerGraph graph = new ComposerGraph(composer, pool, numbers);
        graph.network.output(graph.network.unit(graph.query()), QUERY, "batch", composer.width());
        return graph.network;
    }

    private String query() {
        return switch (config.kind()) {
            case SUM -> network.add(image(), text());
            case CLIP4CIR -> combined();
            case AGCN, ADD, ONLY_TEXT, ONLY_IMAGE -> attended();
        };
    }

    private String image() {
        if (imageFeatures == null) {
            imageFeatures = pooled(ClipGraphs.IMAGE_FEATURES);
        }
        return imageFeatures;
    }

    private String text() {
        if (textFeatures == null) {
            textFeatures = pooled(ClipGraphs.TEXT_FEATURES);
        }
        return textFeatures;
    }

    private String pooled(String name) {
        String given = network.floatInput(name, "batch", composer.width());
        return config.pooled() == Pooled.UNIT ? network.unit(given) : given;
    }

    private String combined() {
        String text = network.activation(Activation.RELU, network.linear(text(), "text_projection_layer"));
        String image = network.activation(Activation.RELU, network.linear(image(), "image_projection_layer"));
        String both = network.beside(text, image);
        String combined = network.activation(Activation.RELU, network.linear(both, "combiner_layer"));
        String correction = network.linear(combined, "output_layer");
        String weighed = network.activation(Activation.RELU, network.linear(both, "dynamic_scalar.0"));
        String share = network.activation(Activation.SIGMOID, network.linear(weighed, "dynamic_scalar.3"));
        String towardsText = network.multiply(share, network.subtract(text(), image()));
        return network.add(network.add(correction, image()), towardsText);
    }

    private String attended() {
        boolean ofTokens = config.branches().features() == Features.TOKEN;
        String images = ofTokens
                ? network.floatInput(ClipGraphs.IMAGE_TOKENS, "batch", "image_length", composer.width())
                : network.asToken(image());
        String texts = ofTokens
                ? network.floatInput(ClipGraphs.TEXT_TOKENS, "batch", "text_length", composer.width())
                : network.asToken(text());
        String lengths = ofTokens ? network.integerInput(TEXT_LENGTHS, "batch") : null;
        String mask = ofTokens ? network.lengthMask(texts, lengths) : null;
        String ofImage = null;
        String ofText = null;
        if (config.kind() != ComposerConfig.Kind.ONLY_TEXT) {
            String last = stack(Composer.IMAGE_BRANCH, images, texts, null, mask);
            ofImage = pool == Pool.CLASS_TOKEN ? network.firstToken(last) : network.meanToken(last);
        }
        if (config.kind() != ComposerConfig.Kind.ONLY_IMAGE) {
            String last = stack(Composer.TEXT_BRANCH, texts, images, mask, null);
            ofText = ofTokens ? network.lastToken(last, lengths) : network.firstToken(last);
        }
        return switch (config.kind()) {
            case ONLY_IMAGE -> ofImage;
            case ONLY_TEXT -> ofText;
            case ADD -> network.add(ofImage, ofText);
            default -> {
                String both = network.beside(image(), text());
                yield network.add(
                        network.multiply(gate(Composer.IMAGE_GATE, both), ofImage),
                        network.multiply(gate(Composer.TEXT_GATE, both), ofText));
            }
        };
    }

    private String stack(String branch, String own, String other, String ownMask, String otherMask) {
        String x = own;
        for (int block = 0; block < config.branches().blocks(); block++) {
            x = network.postNorm(
                    x,
                    other,
                    branch + ".blocks." + block,
                    config.branches().heads(),
                    config.branches().activation(),
                    ownMask,
                    otherMask);
        }
        return x;
    }

    private String gate(String name, String both) {
        String projected = network.linear(both, name + ".projection");
        String hidden = network.activation(Activation.RELU, network.linear(projected, name + ".linear_1"));
        return network.activation(Activation.SIGMOID, network.linear(hidden, name + ".linear_2"));
    }
}
