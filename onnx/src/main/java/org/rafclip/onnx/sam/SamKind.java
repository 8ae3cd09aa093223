package org.rafclip.onnx.sam;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.rafclip.data.segment.SamNetwork.Fit;

/** Whose decoder a file has, and what its tensors are called: as the project itself exports them, or who does it for all. */
enum SamKind {
    /** Segment Anything and MobileSAM, as segment-anything's own export names them. */
    SAM("SAM's or MobileSAM's", Fit.PADDED, List.of("image_embeddings"), "point_", "low_res_masks"),

    /** As its repository exports it; its first mask is one of three for prompts that leave open what is meant. */
    EFFICIENT_SAM("EfficientSAM's", Fit.STRETCHED, List.of("image_embeddings"), "batched_point_", "output_masks"),

    /** The image predictor of SAM 2 and 2.1, as samexporter names its tensors. */
    SAM2("SAM 2's", Fit.STRETCHED, List.of("image_embed", "high_res_feats_0", "high_res_feats_1"), "point_", "masks");

    /** The decoder's estimates of its masks. */
    static final String SCORES = "iou_predictions";

    private final String whose;
    private final Fit fit;
    private final List<String> embeddings;
    private final String prefix;
    private final String masks;

    SamKind(String whose, Fit fit, List<String> embeddings, String prefix, String masks) {
        this.whose = whose;
        this.fit = fit;
        this.embeddings = embeddings;
        this.prefix = prefix;
        this.masks = masks;
    }

    /** The kind whose names a decoder's inputs and outputs have. */
    static Optional<SamKind> of(List<String> inputs, List<String> outputs) {
        return Arrays.stream(values())
                .filter(kind -> inputs.containsAll(kind.inputs()) && outputs.containsAll(kind.outputs()))
                .findFirst();
    }

    /** What every kind's decoder has, for a file that is none. */
    static String known() {
        return Arrays.stream(values())
                .map(kind -> String.join(", ", kind.inputs()) + " and gives " + String.join(", ", kind.outputs()) + " ("
                        + kind.whose + ")")
                .collect(Collectors.joining(", or has "));
    }

    private List<String> inputs() {
        return java.util.stream.Stream.concat(embeddings.stream(), java.util.stream.Stream.of(points(), labels()))
                .toList();
    }

    List<String> outputs() {
        return List.of(masks, SCORES);
    }

    /** Such as {@code SAM 2's}. */
    String whose() {
        return whose;
    }

    Fit fit() {
        return fit;
    }

    /** The encoder's outputs that the decoder takes, that of the coarsest grid first. */
    List<String> embeddings() {
        return embeddings;
    }

    String points() {
        return prefix + "coords";
    }

    String labels() {
        return prefix + "labels";
    }

    String masks() {
        return masks;
    }

    /** Whether its decoder has a batch of images and one of boxes within each, not one of both. */
    boolean boxesWithinImages() {
        return this == EFFICIENT_SAM;
    }
}
