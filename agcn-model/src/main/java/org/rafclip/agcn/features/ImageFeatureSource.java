package org.rafclip.agcn.features;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.clip.ClipModel;
import org.rafclip.clip.DualEncoder;
import org.rafclip.nn.Scope;
import org.rafclip.ops.Graph;

/** Images through a dual encoder: the class token, if there is one, and the patches; and the pooled feature. */
public final class ImageFeatureSource implements FeatureSource {

    private final ClipModel model;
    private final List<String> ids;
    private final Pixels pixels;

    /** Where prepared images come from. */
    @FunctionalInterface
    public interface Pixels {
        /** Normalised pixels {@code FLOAT [to − from, 3, size, size]} of the images {@code from ≤ i < to}. */
        INDArray load(int from, int to);
    }

    /** @param ids of the images, in the order in which the pixels come */
    public ImageFeatureSource(ClipModel model, List<String> ids, Pixels pixels) {
        this.model = model;
        this.ids = List.copyOf(ids);
        this.pixels = pixels;
    }

    @Override
    public int rows() {
        return ids.size();
    }

    @Override
    public int mostTokens() {
        return model.config().vision().tokens();
    }

    @Override
    public String name(int row) {
        return "image " + ids.get(row);
    }

    @Override
    public Features encode(int from, int to) {
        Map<String, INDArray> inputs = new HashMap<>();
        inputs.put(DualEncoder.IMAGES, pixels.load(from, to));
        inputs.put(Scope.DROPOUT_SEED, Nd4j.scalar(DataType.INT32, -1));
        int[] lengths = new int[to - from];
        Arrays.fill(lengths, model.config().vision().tokens());
        try (Graph.Outputs outputs = model.graph().run(inputs, DualEncoder.IMAGE_TOKENS, DualEncoder.IMAGE_FEATURES)) {
            return new Features(
                    outputs.get(DualEncoder.IMAGE_TOKENS).dup('c'),
                    lengths,
                    outputs.get(DualEncoder.IMAGE_FEATURES).dup('c'));
        }
    }
}
