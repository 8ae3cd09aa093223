package org.rafclip.onnx.sam;

import java.io.IOException;
import java.lang.ref.Reference;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.data.DataException;
import org.rafclip.data.image.RgbImage;
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
 * SAM's networks, or those of a {@linkplain SamKind relative}, from ONNX files. The decoder's names tell whose it is; the
 * encoder takes one photo, normalised, or as colors where its graph normalises.
 */
final class OnnxSamNetwork implements SamNetwork {

    private static final String MASK = "mask_input";
    private static final String HAS_MASK = "has_mask_input";
    private static final String SIZE = "orig_im_size";

    /** What EfficientSAM calls the photos that it normalises itself. */
    private static final String SHARES = "batched_images";

    /** Pixels of the frame a side of a cell of the embedding, for encoders whose input leaves its size open. */
    private static final int STRIDE = 16;

    /** Cells of a mask a side of a cell of the embedding. */
    private static final int MASK_CELLS = 4;

    /** A box's two corners. */
    private static final int PROMPTS = 2;

    private final Computation encoder;
    private final Computation decoder;
    private final SamKind kind;
    private final SamInput image;
    private final int frame;

    /** The encoder's outputs in the order of {@link SamKind#embeddings}. */
    private final List<String> encoded;

    private final List<long[]> embeddingShapes = new ArrayList<>();

    /** What every box has in common: the decoder's inputs beside the embedding and the corners. */
    private final Map<String, INDArray> constantPrompt = new LinkedHashMap<>();

    /** What a corner is multiplied with: EfficientSAM takes it in pixels of the masks that are asked for. */
    private final float cornerScale;

    /**
     * Opens both files.
     *
     * @throws DataException if one of them is not what its role needs
     */
    OnnxSamNetwork(Path encoderFile, Path decoderFile, SamConfig.Engine engine) {
        JavaOps.install();
        OnnxModel encoding = read(encoderFile);
        List<String> outputs = names(encoding.graph().outputs());
        if (encoding.graph().inputs().size() != 1
                || outputs.size() != 1 && !outputs.containsAll(SamKind.SAM2.embeddings())) {
            throw unfit(
                    encoderFile,
                    "an image encoder has one input and one output, or SAM 2's "
                            + String.join(", ", SamKind.SAM2.embeddings()) + ", not "
                            + names(encoding.graph().inputs()) + " and " + outputs);
        }
        OnnxModel decoding = read(decoderFile);
        List<String> prompts = names(decoding.graph().inputs());
        kind = SamKind.of(prompts, names(decoding.graph().outputs()))
                .orElseThrow(() -> unfit(
                        decoderFile,
                        "a mask decoder has " + SamKind.known() + "; this has " + prompts + " and gives "
                                + names(decoding.graph().outputs())));
        ValueInfo pixels = encoding.graph().inputs().get(0);
        boolean several = outputs.size() > 1;
        if (several != (kind == SamKind.SAM2) || pixels.name().equals(SHARES) != (kind == SamKind.EFFICIENT_SAM)) {
            throw new DataException(decoderFile + ": this decoder is " + kind.whose() + ", and " + encoderFile
                    + " is another's encoder, which takes '" + pixels.name() + "' and gives " + outputs
                    + ": take both files from one model");
        }
        encoded = several ? kind.embeddings() : outputs;
        embeddingShapes(decoderFile, decoding);
        long grid = embeddingShapes.get(0)[2];
        image = input(encoderFile, encoding, engine, (int) grid * STRIDE);
        frame = image.frame() == 0 ? (int) grid * STRIDE : image.frame();
        constantPrompt(decoderFile, decoding, engine, MASK_CELLS * grid);
        cornerScale = kind.boxesWithinImages() ? (float) (MASK_CELLS * grid) / frame : 1;

        encoder = open(encoding, engine, image.frame() == 0 ? Map.of() : lengths(pixels, frame));
        try {
            Map<String, Long> prompt = new HashMap<>(lengths(input(decoding, kind.points()), PROMPTS));
            prompt.putAll(lengths(input(decoding, kind.labels()), PROMPTS));
            prompt.putAll(lengths(input(decoding, kind.embeddings().get(0)), 1));
            decoder = open(decoding, engine, prompt);
        } catch (RuntimeException e) {
            encoder.close();
            throw e;
        }
    }

    private void embeddingShapes(Path file, OnnxModel decoding) {
        for (String name : kind.embeddings()) {
            ValueInfo embedding = input(decoding, name);
            long[] shape = shape(embedding);
            if (shape.length == 4) {
                shape[0] = 1;
            }
            if (shape.length != 4 || Arrays.stream(shape).anyMatch(size -> size < 1)) {
                throw unfit(
                        file, "its input " + name + " is " + embedding.describe() + ", not [1, channels, grid, grid]");
            }
            embeddingShapes.add(shape);
        }
    }

    /** What the encoder wants, from its input's type and shape. */
    private SamInput input(Path file, OnnxModel encoding, SamConfig.Engine engine, int usual) {
        ValueInfo pixels = encoding.graph().inputs().get(0);
        boolean bytes = pixels.type() == ElementType.UINT8;
        if (!bytes) {
            requireFloats(file, engine, List.of(pixels));
        }
        requireFloats(
                file,
                engine,
                encoding.graph().outputs().stream()
                        .filter(output -> encoded.contains(output.name()))
                        .toList());
        long[] shape = shape(pixels);
        boolean batched = shape.length == 4;
        int first = batched ? 1 : 0;
        boolean channelsFirst = shape.length >= 3 && (shape[first] == 3 || batched && shape[3] != 3);
        int rows = first + (channelsFirst ? 1 : 0);
        if (shape.length != 3 && shape.length != 4
                || shape[rows] != shape[rows + 1] && shape[rows] > 0 && shape[rows + 1] > 0
                || shape[channelsFirst ? first : rows + 2] > 0 && shape[channelsFirst ? first : rows + 2] != 3) {
            throw unfit(
                    file,
                    "its input is " + pixels.describe() + ", not a square image [1, 3, size, size] or [size, size, 3]");
        }
        boolean raw = bytes || !channelsFirst;
        SamInput.Numbers numbers = raw
                ? SamInput.Numbers.GRAY
                : kind == SamKind.EFFICIENT_SAM ? SamInput.Numbers.SHARE : SamInput.Numbers.NORMALISED;
        boolean open = shape[rows] < 0 && shape[rows + 1] < 0;
        long size = Math.max(shape[rows], shape[rows + 1]);
        // A graph that normalises, and takes photos of any size, pads them after that.
        int fixed = open ? raw && kind.fit() == Fit.PADDED ? 0 : usual : (int) size;
        return new SamInput(pixels.name(), numbers, bytes, channelsFirst, batched, fixed);
    }

    private void constantPrompt(Path file, OnnxModel decoding, SamConfig.Engine engine, long side) {
        List<ValueInfo> inputs = decoding.graph().inputs();
        requireFloats(
                file,
                engine,
                inputs.stream().filter(input -> !input.name().equals(SIZE)).toList());
        requireFloats(
                file,
                engine,
                decoding.graph().outputs().stream()
                        .filter(output -> kind.outputs().contains(output.name()))
                        .toList());
        INDArray labels = array(new float[] {2, 3}, 1, PROMPTS);
        constantPrompt.put(kind.labels(), kind.boxesWithinImages() ? labels.reshape(1, 1, PROMPTS) : labels);
        constantPrompt.put(MASK, Nd4j.zeros(DataType.FLOAT, 1, 1, side, side));
        constantPrompt.put(HAS_MASK, Nd4j.zeros(DataType.FLOAT, 1));
        // SAM's masks are taken in the size that it computes them in; those of others in this size are the same.
        inputs.stream().filter(input -> input.name().equals(SIZE)).findFirst().ifPresent(input -> {
            float size = kind == SamKind.SAM ? frame : side;
            DataType type = input.type() == null || input.type().array() == null
                    ? DataType.FLOAT
                    : input.type().array();
            constantPrompt.put(SIZE, array(new float[] {size, size}, 2).castTo(type));
        });
        constantPrompt.keySet().retainAll(names(inputs));
        List<String> given = new ArrayList<>(kind.embeddings());
        given.add(kind.points());
        given.addAll(constantPrompt.keySet());
        for (ValueInfo input : inputs) {
            if (!given.contains(input.name())) {
                throw unfit(file, "its input " + input.name() + " is not one that " + kind.whose() + " decoder has");
            }
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

    /** Lengths, known here, of dimensions that the file leaves open. */
    private static Map<String, Long> lengths(ValueInfo value, long length) {
        Map<String, Long> lengths = new HashMap<>();
        for (int i = 0; i < value.shape().size(); i++) {
            ValueInfo.Dimension size = value.shape().get(i);
            if (size.open() && !size.label().isEmpty()) {
                lengths.put(size.label(), i == 0 ? 1 : length);
            }
        }
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
                                + ", but pixels are 32-bit floating-point numbers, FLOAT, or colors of 8 bits, UINT8, and"
                                + " all that comes of them is FLOAT");
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
    public Fit fit() {
        return kind.fit();
    }

    @Override
    public float[][] encode(RgbImage photo) {
        return embedding(image.of(photo));
    }

    /** The embedding of what the encoder takes. */
    float[][] embedding(INDArray pixels) {
        Map<String, INDArray> maps = encoder.run(Map.of(image.name(), pixels), encoded);
        float[][] embedding = new float[encoded.size()][];
        for (int i = 0; i < embedding.length; i++) {
            INDArray map = maps.get(encoded.get(i));
            long[] taken = embeddingShapes.get(i);
            if (map.length() != Arrays.stream(taken).reduce(1, (a, b) -> a * b)) {
                throw new DataException("the image encoder gives " + Arrays.toString(map.shape())
                        + ", the mask decoder takes " + Arrays.toString(taken) + ": take both files from one model");
            }
            embedding[i] = floats(map);
        }
        return embedding;
    }

    @Override
    public Masks decode(float[][] embedding, float[] corners) {
        Map<String, INDArray> inputs = new LinkedHashMap<>(constantPrompt);
        for (int i = 0; i < embedding.length; i++) {
            inputs.put(kind.embeddings().get(i), array(embedding[i], embeddingShapes.get(i)));
        }
        INDArray points = array(corners, 1, PROMPTS, 2).mul(cornerScale);
        inputs.put(kind.points(), kind.boxesWithinImages() ? points.reshape(1, 1, PROMPTS, 2) : points);
        Map<String, INDArray> answer = decoder.run(inputs, kind.outputs());
        INDArray masks = answer.get(kind.masks());
        int count = (int) masks.size(-3);
        float[] scores = floats(answer.get(SamKind.SCORES));
        return new Masks(
                count,
                (int) masks.size(-1),
                floats(masks),
                // Of a decoder of SAM 2 that chooses one mask samexporter gives the scores of all four.
                Arrays.copyOf(scores, count),
                kind == SamKind.SAM && count > 1);
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
