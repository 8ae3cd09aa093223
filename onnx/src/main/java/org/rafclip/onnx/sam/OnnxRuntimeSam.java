package org.rafclip.onnx.sam;

import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.rafclip.data.DataException;
import org.rafclip.data.segment.SamNetwork;

/**
 * SAM's networks in ONNX Runtime. The encoder takes one normalised image {@code [1, 3, frame, frame]} and gives one
 * embedding; the decoder has the interface of segment-anything's own export.
 */
final class OnnxRuntimeSam implements SamNetwork {

    private static final String EMBEDDING = "image_embeddings";
    private static final String MASKS = "low_res_masks";
    private static final String SCORES = "iou_predictions";

    /** Of the released models, for encoders whose input leaves its size open. */
    private static final int FRAME = 1024;

    private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
    private final OrtSession encoder;
    private final OrtSession decoder;
    private final String image;
    private final int frame;
    private final long[] embeddingShape;

    /**
     * Opens both files.
     *
     * @throws DataException if one of them is not what its role needs
     */
    OnnxRuntimeSam(Path encoderFile, Path decoderFile) {
        encoder = open(encoderFile);
        try {
            decoder = open(decoderFile);
        } catch (RuntimeException e) {
            close(encoder);
            throw e;
        }
        try {
            Map<String, NodeInfo> inputs = encoder.getInputInfo();
            if (inputs.size() != 1 || encoder.getOutputNames().size() != 1) {
                throw unfit(
                        encoderFile,
                        "an image encoder has one input and one output, not " + inputs.keySet() + " and "
                                + encoder.getOutputNames());
            }
            image = inputs.keySet().iterator().next();
            long[] shape = shape(inputs.get(image));
            if (shape.length != 4 || shape[1] > 0 && shape[1] != 3 || shape[2] != shape[3]) {
                throw unfit(
                        encoderFile,
                        "its input is " + Arrays.toString(shape)
                                + ", not a normalised square image [1, 3, size, size]");
            }
            frame = shape[2] > 0 ? (int) shape[2] : FRAME;
            require(decoderFile, decoder.getInputNames(), EMBEDDING, "point_coords", "point_labels");
            require(decoderFile, decoder.getOutputNames(), MASKS, SCORES);
            embeddingShape = shape(decoder.getInputInfo().get(EMBEDDING));
            embeddingShape[0] = 1;
            if (embeddingShape.length != 4 || Arrays.stream(embeddingShape).anyMatch(size -> size < 1)) {
                throw unfit(
                        decoderFile,
                        "its input " + EMBEDDING + " is " + Arrays.toString(embeddingShape)
                                + ", not [1, channels, grid, grid]");
            }
        } catch (OrtException | RuntimeException e) {
            close();
            throw e instanceof RuntimeException known ? known : failed(encoderFile.toString(), (OrtException) e);
        }
    }

    private OrtSession open(Path file) {
        if (!Files.isRegularFile(file)) {
            throw new DataException(file + ": there is no such file; onnx/export/README.md tells how to make it");
        }
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
            // Version 1.20 may give several of the nodes it fuses in this way the same name, and then refuses them.
            options.addConfigEntry("optimization.disable_specified_optimizers", "GatherSliceToSplitFusion");
            return environment.createSession(file.toString(), options);
        } catch (OrtException e) {
            throw failed(file.toString(), e);
        }
    }

    private static long[] shape(NodeInfo info) {
        return info.getInfo() instanceof TensorInfo tensor ? tensor.getShape().clone() : new long[0];
    }

    private static void require(Path file, Set<String> names, String... wanted) {
        for (String name : wanted) {
            if (!names.contains(name)) {
                throw unfit(file, "a mask decoder has " + String.join(", ", wanted) + ", this has " + names);
            }
        }
    }

    private static DataException unfit(Path file, String why) {
        return new DataException(file + ": " + why + "; export it by onnx/export/export_sam.py");
    }

    private static DataException failed(String what, OrtException e) {
        return new DataException(what + ": ONNX Runtime cannot run it (" + e.getMessage() + ")", e);
    }

    @Override
    public int frameSize() {
        return frame;
    }

    @Override
    public float[] encode(float[] pixels) {
        try (OnnxTensor tensor = tensor(pixels, 1, 3, frame, frame);
                OrtSession.Result result = encoder.run(Map.of(image, tensor))) {
            float[] embedding = floats((OnnxTensor) result.get(0));
            long expected = Arrays.stream(embeddingShape).reduce(1, (a, b) -> a * b);
            if (embedding.length != expected) {
                throw new DataException(
                        "the image encoder gives " + embedding.length + " numbers, the mask decoder takes "
                                + Arrays.toString(embeddingShape) + ": take both files from one model");
            }
            return embedding;
        } catch (OrtException e) {
            throw failed("the image encoder", e);
        }
    }

    @Override
    public Masks decode(float[] embedding, float[] corners) {
        int side = (int) (4 * embeddingShape[2]);
        Map<String, OnnxTensor> inputs = new LinkedHashMap<>();
        try {
            inputs.put(EMBEDDING, tensor(embedding, embeddingShape));
            inputs.put("point_coords", tensor(corners, 1, 2, 2));
            inputs.put("point_labels", tensor(new float[] {2, 3}, 1, 2));
            Set<String> names = decoder.getInputNames();
            if (names.contains("mask_input")) {
                inputs.put("mask_input", tensor(new float[side * side], 1, 1, side, side));
            }
            if (names.contains("has_mask_input")) {
                inputs.put("has_mask_input", tensor(new float[1], 1));
            }
            if (names.contains("orig_im_size")) {
                inputs.put("orig_im_size", tensor(new float[] {frame, frame}, 2));
            }
            try (OrtSession.Result result = decoder.run(inputs, Set.of(MASKS, SCORES))) {
                OnnxTensor masks = (OnnxTensor) result.get(MASKS).orElseThrow();
                long[] shape = masks.getInfo().getShape();
                return new Masks((int) shape[1], (int) shape[2], floats(masks), floats((OnnxTensor)
                        result.get(SCORES).orElseThrow()));
            }
        } catch (OrtException e) {
            throw failed("the mask decoder", e);
        } finally {
            inputs.values().forEach(OnnxTensor::close);
        }
    }

    private OnnxTensor tensor(float[] values, long... shape) throws OrtException {
        return OnnxTensor.createTensor(environment, FloatBuffer.wrap(values), shape);
    }

    private static float[] floats(OnnxTensor tensor) {
        FloatBuffer buffer = tensor.getFloatBuffer();
        float[] values = new float[buffer.remaining()];
        buffer.get(values);
        return values;
    }

    @Override
    public void close() {
        close(encoder);
        close(decoder);
    }

    private static void close(OrtSession session) {
        try {
            session.close();
        } catch (OrtException e) {
            throw new IllegalStateException("ONNX Runtime cannot close a session", e);
        }
    }
}
