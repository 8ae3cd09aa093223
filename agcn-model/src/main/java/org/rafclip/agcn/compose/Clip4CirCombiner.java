package org.rafclip.agcn.compose;

import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.rafclip.agcn.compose.ComposerConfig.Combiner;
import org.rafclip.nn.Layers;
import org.rafclip.nn.Scope;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.ops.op.Gate;

/**
 * The combiner of CLIP4Cir (Baldrati et al. 2022, reference code), the strongest simple baseline: both pooled features
 * are projected and put side by side; a network on that gives a correction, another the share σ, and the query is
 * {@code correction + σ·text + (1 − σ)·image}. Variables carry the reference code's state-dict names.
 */
final class Clip4CirCombiner implements Composition {

    private final Combiner config;
    private final int width;

    Clip4CirCombiner(Combiner config, int width) {
        this.config = config;
        this.width = width;
    }

    @Override
    public SDVariable compose(Scope scope, QueryFeatures features) {
        SameDiff graph = scope.graph();
        int projection = config.projection();
        int hidden = config.hidden();
        SDVariable text = rectified(scope, "text_projection_layer", features.text(), width, projection);
        SDVariable image = rectified(scope, "image_projection_layer", features.image(), width, projection);
        SDVariable both = graph.concat(1, text, image);

        SDVariable combined = rectified(scope, "combiner_layer", both, 2 * projection, hidden);
        SDVariable correction = linear(scope.at("output_layer"), combined, hidden, width);

        Scope share = scope.at("dynamic_scalar");
        SDVariable weighed = rectified(share, "0", both, 2 * projection, hidden);
        SDVariable sigma = Layers.activation(share, Activation.SIGMOID, linear(share.at("3"), weighed, hidden, 1))
                .rename(Composer.TEXT_SHARE);

        // σ·text + (1 − σ)·image
        SDVariable towardsText = new Gate(graph, sigma, features.text().sub(features.image())).output();
        return correction.add(features.image()).add(towardsText);
    }

    private SDVariable rectified(Scope scope, String name, SDVariable x, int in, int out) {
        SDVariable rectified = Layers.activation(scope, Activation.RELU, linear(scope.at(name), x, in, out));
        return scope.dropout(rectified, config.dropout());
    }

    private static SDVariable linear(Scope scope, SDVariable x, int in, int out) {
        return Layers.linear(scope, x, in, out, 1 / Math.sqrt(in));
    }
}
