package org.rafclip.onnx.runtime;

import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxTensorLike;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.data.DataException;
import org.rafclip.onnx.Computation;
import org.rafclip.ops.Parallel;
import org.rafclip.ops.kernel.Memory;

/** An ONNX file in ONNX Runtime, on the processor, with as many threads as our own operations use. */
public final class OnnxRuntimeSession implements Computation {

    private static final String FAULTY = "GatherSliceToSplitFusion";

    private final Path file;
    private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
    private final OrtSession session;

    /** @throws DataException where ONNX Runtime does not take the file */
    public OnnxRuntimeSession(Path file) {
        this.file = file;
        OrtSession opened;
        try {
            opened = open("");
        } catch (OrtException e) {
            // Version 1.20 gives several of the nodes it fuses in this way the same name, and then refuses them.
            if (!e.getMessage().contains(FAULTY)) {
                throw refused(e);
            }
            try {
                opened = open(FAULTY);
            } catch (OrtException again) {
                throw refused(again);
            }
        }
        this.session = opened;
    }

    private OrtSession open(String withoutOptimizer) throws OrtException {
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
            options.setIntraOpNumThreads(Parallel.standard().threads());
            if (!withoutOptimizer.isEmpty()) {
                options.addConfigEntry("optimization.disable_specified_optimizers", withoutOptimizer);
            }
            return environment.createSession(file.toString(), options);
        }
    }

    /**
     * Computes all outputs.
     *
     * @param inputs by name
     * @return by name, in the file's order
     */
    public Map<String, INDArray> run(Map<String, INDArray> inputs) {
        return run(inputs, List.copyOf(session.getOutputNames()));
    }

    @Override
    public Map<String, INDArray> run(Map<String, INDArray> inputs, List<String> wanted) {
        Map<String, OnnxTensorLike> tensors = new HashMap<>();
        try {
            for (Map.Entry<String, INDArray> input : inputs.entrySet()) {
                tensors.put(input.getKey(), tensor(input.getValue()));
            }
            Map<String, INDArray> outputs = new LinkedHashMap<>();
            try (OrtSession.Result result = session.run(tensors, new LinkedHashSet<>(wanted))) {
                for (String output : wanted) {
                    outputs.put(output, array((OnnxTensor) result.get(output).orElseThrow()));
                }
            }
            return outputs;
        } catch (OrtException e) {
            throw refused(e);
        } finally {
            tensors.values().forEach(OnnxTensorLike::close);
        }
    }

    private DataException refused(OrtException e) {
        return new DataException(
                file + ": ONNX Runtime does not take it: " + e.getMessage().replaceAll("\\s+", " "), e);
    }

    private OnnxTensor tensor(INDArray array) throws OrtException {
        OnnxJavaType type = switch (array.dataType()) {
            case FLOAT -> OnnxJavaType.FLOAT;
            case DOUBLE -> OnnxJavaType.DOUBLE;
            case LONG -> OnnxJavaType.INT64;
            case INT -> OnnxJavaType.INT32;
            case SHORT -> OnnxJavaType.INT16;
            case BYTE -> OnnxJavaType.INT8;
            case UBYTE -> OnnxJavaType.UINT8;
            case BOOL -> OnnxJavaType.BOOL;
            default -> throw new DataException(file + ": ONNX Runtime for Java has no type " + array.dataType());
        };
        INDArray dense = Memory.dense(array);
        ByteBuffer copy = ByteBuffer.allocateDirect(
                        Math.toIntExact(dense.length() * dense.dataType().width()))
                .order(ByteOrder.nativeOrder());
        copy.put(Memory.of(dense).bytes().duplicate().rewind()).flip();
        Reference.reachabilityFence(dense);
        return OnnxTensor.createTensor(environment, copy, dense.shape(), type);
    }

    private INDArray array(OnnxTensor tensor) {
        TensorInfo info = tensor.getInfo();
        DataType type = switch (info.type) {
            case FLOAT -> DataType.FLOAT;
            case DOUBLE -> DataType.DOUBLE;
            case INT64 -> DataType.INT64;
            case INT32 -> DataType.INT32;
            case INT16 -> DataType.INT16;
            case INT8 -> DataType.INT8;
            case UINT8 -> DataType.UINT8;
            case BOOL -> DataType.BOOL;
            default -> throw new DataException(file + ": an output is of the type " + info.type);
        };
        long[] shape = info.getShape();
        if (Arrays.stream(shape).anyMatch(size -> size == 0)) {
            return Nd4j.create(type, shape);
        }
        INDArray array = shape.length == 0 ? Nd4j.scalar(type, 0) : Nd4j.createUninitializedDetached(type, 'c', shape);
        Memory.of(array).bytes().put(tensor.getByteBuffer());
        return array;
    }

    @Override
    public void close() {
        try {
            session.close();
        } catch (OrtException e) {
            throw refused(e);
        }
    }
}
