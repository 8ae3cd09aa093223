package org.rafclip.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.rafclip.onnx.Models.floats;
import static org.rafclip.onnx.Models.node;
import static org.rafclip.onnx.Models.shaped;
import static org.rafclip.onnx.Models.small;
import static org.rafclip.onnx.Models.value;
import static org.rafclip.onnx.Models.write;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import onnx.Onnx.AttributeProto;
import onnx.Onnx.GraphProto;
import onnx.Onnx.ModelProto;
import onnx.Onnx.NodeProto;
import onnx.Onnx.StringStringEntryProto;
import onnx.Onnx.TensorProto;
import onnx.Onnx.TensorProto.DataType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.DataException;
import org.rafclip.ops.JavaOps;

class OnnxReaderTest {

    @TempDir
    private Path dir;

    @Test
    void readsWhatAFileHolds() throws IOException {
        JavaOps.install();
        OnnxModel model = OnnxReader.read(write(small(), dir.resolve("m.onnx")));
        assertThat(model.opset()).isEqualTo(13);
        assertThat(model.irVersion()).isEqualTo(8);
        assertThat(model.producer()).isEqualTo("by hand");
        assertThat(model.parameters()).isEqualTo(8);
        OnnxGraph graph = model.graph();
        assertThat(graph.inputs()).singleElement().satisfies(input -> {
            assertThat(input.describe()).isEqualTo("FLOAT [batch, 3]");
            assertThat(input.shape().get(0).open()).isTrue();
        });
        assertThat(graph.nodes()).extracting(OnnxNode::op).containsExactly("MatMul", "Add", "Relu");
        OnnxTensor weight = graph.initializers().get("W");
        assertThat(weight.shape()).containsExactly(3L, 2L);
        assertThat(weight.array().toFloatMatrix()).isDeepEqualTo(new float[][] {{1, 2}, {3, 4}, {5, 6}});
        assertThat(graph.initializers().get("b").doubles()).containsExactly(0.5, -0.5);
        assertThat(graph.producers().get("xWb").op()).isEqualTo("Add");
        assertThat(graph.consumers().get("xW")).extracting(OnnxNode::op).containsExactly("Add");
    }

    @Test
    void everyElementTypeKeepsItsValues() throws IOException {
        JavaOps.install();
        ByteBuffer halves = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
        halves.putShort((short) 0x3C00)
                .putShort((short) 0xC000)
                .putShort((short) 0x0001)
                .putShort((short) 0x7C00);
        ByteBuffer brains =
                ByteBuffer.allocate(2).order(ByteOrder.LITTLE_ENDIAN).putShort((short) 0x4049);
        ModelProto.Builder model = small();
        model.getGraphBuilder()
                .addInitializer(Models.raw("half", DataType.FLOAT16, new long[] {4}, halves))
                .addInitializer(Models.raw("brain", DataType.BFLOAT16, new long[] {1}, brains))
                .addInitializer(shaped("half in int32", DataType.FLOAT16, 1).addInt32Data(0x3C00))
                .addInitializer(
                        shaped("long", DataType.INT64, 2).addInt64Data(-7).addInt64Data(1L << 40))
                .addInitializer(shaped("byte", DataType.UINT8, 1).addInt32Data(200))
                .addInitializer(shaped("signed byte", DataType.INT8, 1).addInt32Data(-3))
                .addInitializer(shaped("bool", DataType.BOOL, 2).addInt32Data(1).addInt32Data(0))
                .addInitializer(shaped("double", DataType.DOUBLE).addDoubleData(Math.PI))
                .addInitializer(shaped("none", DataType.FLOAT, 0, 5));
        Map<String, OnnxTensor> read =
                OnnxReader.read(write(model, dir.resolve("m.onnx"))).graph().initializers();
        assertThat(read.get("half").array().toFloatVector()).containsExactly(1, -2, 0x1p-24f, Float.POSITIVE_INFINITY);
        assertThat(read.get("brain").array().getFloat(0)).isEqualTo(3.140625f);
        assertThat(read.get("half in int32").doubles()).containsExactly(1);
        assertThat(read.get("long").longs()).containsExactly(-7, 1L << 40);
        assertThat(read.get("long").array().getLong(1)).isEqualTo(1L << 40);
        assertThat(read.get("byte").longs()).containsExactly(200);
        assertThat(read.get("signed byte").longs()).containsExactly(-3);
        assertThat(read.get("bool").array().getInt(0)).isEqualTo(1);
        assertThat(read.get("double").array().getDouble(0)).isEqualTo(Math.PI);
        assertThat(read.get("none").array().isEmpty()).isTrue();
    }

    @Test
    void externalDataComesFromTheFolderAlone() throws IOException {
        JavaOps.install();
        ByteBuffer values =
                ByteBuffer.allocate(28).order(ByteOrder.LITTLE_ENDIAN).putInt(-1);
        for (int i = 1; i <= 6; i++) {
            values.putFloat(i);
        }
        Path inside = Files.createDirectories(dir.resolve("model/sub"));
        Files.write(inside.resolve("w.bin"), values.array());
        Files.write(dir.resolve("secret.bin"), values.array());
        Path file = dir.resolve("model/m.onnx");
        assertThat(OnnxReader.read(write(external("sub/w.bin", "4", "24"), file))
                        .graph()
                        .initializers()
                        .get("W")
                        .doubles())
                .containsExactly(1, 2, 3, 4, 5, 6);

        Files.createSymbolicLink(inside.resolve("link.bin"), dir.resolve("secret.bin"));
        Files.createSymbolicLink(dir.resolve("model/out"), dir);
        for (String outside : new String[] {
            "../secret.bin",
            "sub/../../secret.bin",
            dir.resolve("secret.bin").toString(),
            "sub/link.bin",
            "out/secret.bin",
            "."
        }) {
            assertRefused(external(outside, "4", "24"), file, "outside the model's folder", "W");
        }
        assertRefused(external("sub/none.bin", "4", "24"), file, "does not exist");
        assertRefused(external("sub", "4", "24"), file, "no plain file");
        assertRefused(external("sub/w.bin", "8", "24"), file, "bytes 8 to 32", "28");
        assertRefused(external("sub/w.bin", "9223372036854775807", "24"), file, "are not in");
        assertRefused(external("sub/w.bin", "-4", "24"), file, "offset");
        assertRefused(external("sub/w.bin", "4", "23"), file, "24 bytes, but 23");
        assertRefused(external("sub/w\u0000.bin", "4", "24"), file, "no file name");
    }

    @Test
    void aLinkedModelFindsItsExternalDataAmongTheLinksAndBehindThem() throws IOException {
        JavaOps.install();
        Path blobs = Files.createDirectories(dir.resolve("blobs"));
        Path snapshot = Files.createDirectories(dir.resolve("snapshot"));
        Files.write(blobs.resolve("f00d"), new byte[28]);
        Path file = write(external("w.bin", "4", "24"), blobs.resolve("cafe"));
        Path model = Files.createSymbolicLink(snapshot.resolve("m.onnx"), file);
        Files.createSymbolicLink(snapshot.resolve("w.bin"), blobs.resolve("f00d"));
        assertThat(OnnxReader.read(model).graph().initializers().get("W").doubles())
                .hasSize(6);

        Files.move(snapshot.resolve("w.bin"), blobs.resolve("w.bin"));
        assertThat(OnnxReader.read(model).graph().initializers().get("W").doubles())
                .hasSize(6);
    }

    private static ModelProto.Builder external(String location, String offset, String length) {
        ModelProto.Builder model = small();
        model.getGraphBuilder()
                .setInitializer(
                        0,
                        shaped("W", DataType.FLOAT, 3, 2)
                                .setDataLocation(TensorProto.DataLocation.EXTERNAL)
                                .addExternalData(entry("location", location))
                                .addExternalData(entry("offset", offset))
                                .addExternalData(entry("length", length)));
        return model;
    }

    private static StringStringEntryProto entry(String key, String value) {
        return StringStringEntryProto.newBuilder().setKey(key).setValue(value).build();
    }

    @Test
    void whatIsNotSoundIsRefusedInOneLine() throws IOException {
        Path file = dir.resolve("m.onnx");
        refused(file, g -> g.addNode(node("Relu", "xW", "x")), "'xW' twice");
        refused(file, g -> g.addInitializer(floats("W", new long[] {1}, 1)), "'W' twice");
        refused(file, g -> g.addNode(node("Relu", "z", "nowhere")), "'nowhere'", "make z", "nothing computes");
        refused(file, g -> g.addOutput(value("q", DataType.FLOAT)), "output 'q'");
        refused(file, g -> g.addInput(value("x", DataType.FLOAT)), "'x' twice");
        refused(file, g -> g.addNode(node("Add", "u", "v", "x")).addNode(node("Neg", "v", "u")), "cycle", "make v");
        refused(file, g -> g.addNode(node("Add", "u", "u", "x")), "cycle", "make u");
        refused(file, g -> g.clearOutput(), "no outputs");
        refused(file, g -> g.addInitializer(shaped("big", DataType.FLOAT, 1 << 16, 1 << 16)), "big", "2 GiB");
        refused(file, g -> g.addInitializer(shaped("big", DataType.FLOAT, 1L << 62, 8)), "big", "2 GiB");
        refused(file, g -> g.addInitializer(shaped("less", DataType.FLOAT, -3)), "less", "dimension of -3");
        refused(file, g -> g.addInitializer(shaped("gone", DataType.FLOAT, 3)), "gone", "3 elements, but 0");
        refused(file, g -> g.addInitializer(shaped("flat", DataType.FLOAT, new long[33])), "33 dimensions");
        refused(file, g -> g.addInitializer(shaped("odd", DataType.COMPLEX64, 1)), "odd", "element type is 14");
        refused(file, g -> g.addInput(value("in", DataType.UNDEFINED)), "in", "element type 0");
        refused(file, g -> g.addInput(value("in", DataType.FLOAT, 1L << 40)), "dimension of 1099511627776");
        refused(file, g -> g.addNode(NodeProto.newBuilder().addOutput("z")), "without an operation");

        ModelProto.Builder model = small();
        assertRefused(model.clearOpsetImport(), file, "no ONNX model");
        Files.write(file, new byte[0]);
        assertThatThrownBy(() -> OnnxReader.read(file)).isInstanceOf(DataException.class);
        Files.writeString(file, "PK\u0003\u0004 this is a zip file, or so it says, of some length");
        assertThatThrownBy(() -> OnnxReader.read(file))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(file.toString())
                .hasMessageContaining("no ONNX file");
        assertThatThrownBy(() -> OnnxReader.read(dir)).isInstanceOf(DataException.class);
        assertThatThrownBy(() -> OnnxReader.read(dir.resolve("none"))).isInstanceOf(NoSuchFileException.class);
    }

    @Test
    void nodesMayStandInAnyOrder() throws IOException {
        ModelProto.Builder model = small();
        GraphProto.Builder graph = model.getGraphBuilder();
        NodeProto first = graph.getNode(0);
        graph.removeNode(0).addNode(first);
        assertThat(OnnxReader.read(write(model, dir.resolve("m.onnx"))).graph().nodes())
                .extracting(OnnxNode::op)
                .containsExactly("MatMul", "Add", "Relu");
    }

    @Test
    void deepNestingAndBlownUpFilesAreRefusedBeforeTheyAreParsed() throws IOException {
        Path file = dir.resolve("m.onnx");
        GraphProto.Builder inner = GraphProto.newBuilder();
        for (int i = 0; i < 60; i++) {
            inner = GraphProto.newBuilder()
                    .addNode(NodeProto.newBuilder()
                            .setOpType("If")
                            .addAttribute(AttributeProto.newBuilder()
                                    .setName("then_branch")
                                    .setType(AttributeProto.AttributeType.GRAPH)
                                    .setG(inner)));
        }
        assertRefused(Models.model(13, inner), file, "nested deeper");

        // Two bytes a message: 32 MB of file would be 4 GB of objects.
        byte[] many = new byte[32 << 20];
        for (int i = 0; i < many.length; i += 2) {
            many[i] = 1 << 3 | 2;
        }
        int length = many.length;
        ByteBuffer bytes = ByteBuffer.allocate(length + 6).put((byte) (7 << 3 | 2));
        for (int rest = length; rest != 0; rest >>>= 7) {
            bytes.put((byte) (rest >= 128 ? rest & 127 | 128 : rest));
        }
        bytes.put(many).flip();
        Files.write(file, Arrays.copyOf(bytes.array(), bytes.limit()));
        long heap = 64 << 20;
        assertThatThrownBy(() -> WireCheck.check(
                        ByteBuffer.wrap(bytes.array(), 0, bytes.limit()), WireCheck.Message.MODEL, heap))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("64 MiB of Java heap");
    }

    /** Cut, flipped, overwritten, repeated: whatever happens to a file, the reader gives a model or a DataException. */
    @Test
    void damagedFilesNeverBreakTheReader() throws IOException {
        JavaOps.install();
        ModelProto.Builder seed = external("w.bin", "4", "24");
        seed.getGraphBuilder()
                .addNode(node("Transpose", "t", "y").addAttribute(Models.attribute("perm", 1, 0)))
                .addInitializer(
                        shaped("long", DataType.INT64, 2).addInt64Data(-7).addInt64Data(1L << 40));
        Files.write(dir.resolve("w.bin"), new byte[64]);
        byte[] whole = seed.build().toByteArray();
        SplittableRandom random = new SplittableRandom(7);
        Path file = dir.resolve("fuzz.onnx");
        int models = 0;
        for (int round = 0; round < 4000; round++) {
            byte[] bytes = mutate(whole, random);
            Files.write(file, bytes);
            try {
                OnnxModel model = OnnxReader.read(file);
                for (OnnxTensor tensor : model.graph().initializers().values()) {
                    assertThat(tensor.elements()).isLessThanOrEqualTo(bytes.length + 64);
                }
                models++;
            } catch (DataException e) {
                assertThat(e.getMessage()).startsWith(file.toString()).doesNotContain("\n");
            }
        }
        assertThat(models).as("some damage goes unnoticed, most does not").isBetween(1, 3000);
    }

    private static byte[] mutate(byte[] whole, SplittableRandom random) {
        byte[] bytes = whole.clone();
        switch (random.nextInt(5)) {
            case 0 -> bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length));
            case 1 -> {
                for (int i = random.nextInt(1, 5); i > 0; i--) {
                    bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
                }
            }
            case 2 -> {
                for (int i = random.nextInt(1, 8); i > 0; i--) {
                    bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
                }
            }
            case 3 -> {
                int from = random.nextInt(bytes.length);
                int to = random.nextInt(from, bytes.length);
                byte[] repeated = Arrays.copyOf(bytes, bytes.length + to - from);
                System.arraycopy(bytes, from, repeated, to, bytes.length - from);
                bytes = repeated;
            }
            default -> {
                int from = random.nextInt(bytes.length);
                int length = Math.min(random.nextInt(1, 16), bytes.length - from);
                Arrays.fill(bytes, from, from + length, (byte) (random.nextBoolean() ? 0xFF : 0));
            }
        }
        return bytes;
    }

    private void refused(Path file, Consumer<GraphProto.Builder> damage, String... words) throws IOException {
        ModelProto.Builder model = small();
        damage.accept(model.getGraphBuilder());
        assertRefused(model, file, words);
    }

    private static void assertRefused(ModelProto.Builder model, Path file, String... words) throws IOException {
        write(model, file);
        assertThatThrownBy(() -> OnnxReader.read(file))
                .isInstanceOf(DataException.class)
                .hasMessageStartingWith(file + ": ")
                .satisfies(e -> assertThat(e.getMessage()).contains(words).doesNotContain("\n"));
    }
}
