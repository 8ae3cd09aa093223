package org.rafclip.onnx.sam;

import java.io.IOException;
import java.lang.ref.Reference;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.data.DataException;
import org.rafclip.data.segment.SamNetwork;
import org.rafclip.onnx.Computation;
import org.rafclip.onnx.ElementType;
import org.rafclip.onnx.OnnxModel;
import org.rafclip.onnx.OnnxReader;
import org.rafclip.onnx.ValueInfo;
import org.rafclip.onnx.convert.ImportOptions;
import org.rafclip.onnx.convert.OnnxImport;
import org.rafclip.onnx.runtime.OnnxRuntimeSession;
import org.rafclip.ops.JavaOps;
import org.rafclip.ops.kernel.Memory;
import org.rafclip.photos.SamConfig;

/**
 * SAM's networks from ONNX files. The encoder takes one normalised image {@code [1, 3, frame, frame]} and gives one
 * embedding; the decoder has the interface of segment-anything's own export.
 */
final class OnnxSamNetwork implements SamNetwork {

    private static final String EMBEDDING = "image_embeddings";
    private static final String POINTS = "point_coords";
    private static final String LABELS = "point_labels";
    private static final String MASK = "mask_input";
    private static final String HAS_MASK = "has_mask_input";
    private static final String SIZE = "orig_im_size";
    private static final String MASKS = "low_res_masks";
    private static final String SCORES = "iou_predictions";

    /** The frame of the released models, for encoders whose input leaves its size open. */
    private static final int FRAME = 1024;

    /** A box's two corners. */
    private static final int PROMPTS = 2;

    private final Computation encoder;
    private final Computation decoder;
    private final String image;
    private final String encoded;
    private final int frame;
    private final long[] embeddingShape;

    /** What every box has in common: the decoder's inputs beside the embedding and the corners. */
    private final Map<String, INDArray> constantPrompt = new LinkedHashMap<>();

    /**
     * Opens both files.
     *
     * @throws DataException if one of them is not what its role needs
     */
    OnnxSamNetwork(Path encoderFile, Path decoderFile, SamConfig.Engine engine) {
        JavaOps.install();
        OnnxModel encoding = read(encoderFile);
        List<ValueInfo> inputs = encoding.graph().inputs();
        List<ValueInfo> outputs = encoding.graph().outputs();
        if (inputs.size() != 1 || outputs.size() != 1) {
            throw unfit(
                    encoderFile,
                    "an image encoder has one input and one output, not " + names(inputs) + " and " + names(outputs));
        }
        image = inputs.get(0).name();
        encoded = outputs.get(0).name();
        long[] pixels = shape(inputs.get(0));
        if (pixels.length != 4 || pixels[1] > 0 && pixels[1] != 3 || pixels[2] != pixels[3]) {
            throw unfit(
                    encoderFile,
                    "its input is " + inputs.get(0).describe() + ", not a normalised square image [1, 3, size, size]");
        }
        requireFloats(encoderFile, engine, List.of(inputs.get(0), outputs.get(0)));
        frame = pixels[2] > 0 ? (int) pixels[2] : FRAME;

        OnnxModel decoding = read(decoderFile);
        List<String> prompts = names(decoding.graph().inputs());
        require(decoderFile, prompts, EMBEDDING, POINTS, LABELS);
        require(decoderFile, names(decoding.graph().outputs()), MASKS, SCORES);
        requireFloats(decoderFile, engine, decoding.graph().inputs());
        requireFloats(
                decoderFile,
                engine,
                decoding.graph().outputs().stream()
                        .filter(output -> List.of(MASKS, SCORES).contains(output.name()))
                        .toList());
        ValueInfo embedding = input(decoding, EMBEDDING);
        embeddingShape = shape(embedding);
        if (embeddingShape.length == 4) {
            embeddingShape[0] = 1;
        }
        if (embeddingShape.length != 4 || Arrays.stream(embeddingShape).anyMatch(size -> size < 1)) {
            throw unfit(
                    decoderFile,
                    "its input " + EMBEDDING + " is " + embedding.describe() + ", not [1, channels, grid, grid]");
        }
        long side = 4 * embeddingShape[2];
        constantPrompt.put(LABELS, array(new float[] {2, 3}, 1, PROMPTS));
        constantPrompt.put(MASK, Nd4j.zeros(DataType.FLOAT, 1, 1, side, side));
        constantPrompt.put(HAS_MASK, Nd4j.zeros(DataType.FLOAT, 1));
        constantPrompt.put(SIZE, array(new float[] {frame, frame}, 2));
        constantPrompt.keySet().retainAll(prompts);

        encoder = open(encoding, engine, Map.of());
        try {
            decoder = open(decoding, engine, lengths(decoding));
        } catch (RuntimeException e) {
            encoder.close();
            throw e;
        }
    }

    private static OnnxModel read(Path file) {
        if (!Files.isRegularFile(file)) {
            throw new DataException(file + ": there is no such file; onnx/export/README.md tells how to make it");
        }
        try {
            return OnnxReader.read(file);
        } catch (IOException e) {
            throw new DataException(file + ": cannot be read: " + e.getMessage(), e);
        }
    }

    private static Computation open(OnnxModel model, SamConfig.Engine engine, Map<String, Long> lengths) {
        return switch (engine) {
            case SAMEDIFF -> OnnxImport.of(model, ImportOptions.standard().withDimensions(lengths));
            case ONNXRUNTIME -> new OnnxRuntimeSession(model.file());
        };
    }

    /** The number of prompts is open in the file and known here. */
    private static Map<String, Long> lengths(OnnxModel decoding) {
        Map<String, Long> lengths = new HashMap<>();
        for (String input : List.of(POINTS, LABELS)) {
            List<ValueInfo.Dimension> shape = input(decoding, input).shape();
            if (shape != null && shape.size() > 1 && shape.get(1).open()) {
                lengths.put(shape.get(1).label(), (long) PROMPTS);
            }
        }
        lengths.remove("");
        return lengths;
    }

    private static ValueInfo input(OnnxModel model, String name) {
        return model.graph().inputs().stream()
                .filter(input -> input.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    private static List<String> names(List<ValueInfo> values) {
        return values.stream().map(ValueInfo::name).toList();
    }

    /** A shape, with −1 for what is open. */
    private static long[] shape(ValueInfo value) {
        return value.shape() == null
                ? new long[0]
                : value.shape().stream().mapToLong(ValueInfo.Dimension::size).toArray();
    }

    private static void require(Path file, List<String> names, String... wanted) {
        for (String name : wanted) {
            if (!names.contains(name)) {
                throw unfit(file, "a mask decoder has " + String.join(", ", wanted) + ", this has " + names);
            }
        }
    }

    /** SameDiff widens 16-bit numbers, ONNX Runtime takes what the file says; both are given 32 bits. */
    private static void requireFloats(Path file, SamConfig.Engine engine, List<ValueInfo> values) {
        for (ValueInfo value : values) {
            ElementType type = value.type();
            if (type == null || type == ElementType.FLOAT) {
                continue;
            }
            if (!type.widened()) {
                throw unfit(
                        file,
                        value.name() + " is " + value.describe()
                                + ", but normalised pixels and all that comes of them are"
                                + " 32-bit floating-point numbers, FLOAT");
            }
            if (engine == SamConfig.Engine.ONNXRUNTIME) {
                throw new DataException(file + ": " + value.name() + " is " + value.describe()
                        + ", numbers of 16 bits, which ONNX Runtime is not given here: take the engine samediff"
                        + " (--sam-engine samediff), which widens them, or export it in 32 bits");
            }
        }
    }

    private static DataException unfit(Path file, String why) {
        return new DataException(file + ": " + why + "; export it by onnx/export/export_sam.py");
    }

    @Override
    public int frameSize() {
        return frame;
    }

    @Override
    public float[] encode(float[] pixels) {
        INDArray embedding = encoder.run(Map.of(image, array(pixels, 1, 3, frame, frame)), List.of(encoded))
                .get(encoded);
        if (embedding.length() != Arrays.stream(embeddingShape).reduce(1, (a, b) -> a * b)) {
            throw new DataException("the image encoder gives " + Arrays.toString(embedding.shape())
                    + ", the mask decoder takes " + Arrays.toString(embeddingShape)
                    + ": take both files from one model");
        }
        return floats(embedding);
    }

    @Override
    public Masks decode(float[] embedding, float[] corners) {
        Map<String, INDArray> inputs = new LinkedHashMap<>(constantPrompt);
        inputs.put(EMBEDDING, array(embedding, embeddingShape));
        inputs.put(POINTS, array(corners, 1, PROMPTS, 2));
        Map<String, INDArray> answer = decoder.run(inputs, List.of(MASKS, SCORES));
        INDArray masks = answer.get(MASKS);
        return new Masks((int) masks.size(1), (int) masks.size(2), floats(masks), floats(answer.get(SCORES)));
    }

    private static INDArray array(float[] values, long... shape) {
        return Nd4j.createFromArray(values).reshape(shape);
    }

    private static float[] floats(INDArray array) {
        INDArray dense = Memory.dense(array);
        FloatBuffer buffer = Memory.of(dense).bytes().asFloatBuffer();
        float[] values = new float[Math.toIntExact(dense.length())];
        buffer.get(values);
        Reference.reachabilityFence(dense);
        return values;
    }

    @Override
    public void close() {
        encoder.close();
        decoder.close();
    }
}
