package org.rafclip.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.rafclip.data.DataException;
import org.rafclip.ops.JavaOps;

class SafetensorsTest {

    static {
        JavaOps.install();
    }

    @TempDir
    Path folder;

    private static LinkedHashMap<String, INDArray> assortment() {
        LinkedHashMap<String, INDArray> tensors = new LinkedHashMap<>();
        tensors.put("visual.proj", Nd4j.createFromArray(new float[][] {{1, 2, 3}, {4, 5, Float.MIN_VALUE}}));
        tensors.put("logit_scale", Nd4j.scalar(2.6592f));
        tensors.put("double", Nd4j.createFromArray(0.1, -1e300, Double.NEGATIVE_INFINITY));
        tensors.put("int", Nd4j.createFromArray(Integer.MIN_VALUE, 0, 7));
        tensors.put("long", Nd4j.createFromArray(new long[][] {{Long.MAX_VALUE}, {-1}}));
        tensors.put("byte", Nd4j.createFromArray(new byte[] {-128, 0, 127}));
        tensors.put("bool", Nd4j.createFromArray(true, false, true));
        tensors.put("größe 名", Nd4j.createFromArray(1f).reshape(1, 1, 1, 1));
        tensors.put("empty", Nd4j.create(DataType.FLOAT, 0, 3));
        return tensors;
    }

    @Test
    void everyTensorComesBackBitForBit() throws IOException {
        Path file = folder.resolve("model.safetensors");
        LinkedHashMap<String, INDArray> written = assortment();
        Safetensors.write(file, written, Map.of("step", "12", "note", "a \"quoted\"\nline"));
        try (Safetensors open = Safetensors.open(file)) {
            assertThat(open.metadata()).isEqualTo(Map.of("step", "12", "note", "a \"quoted\"\nline"));
            assertThat(open.names()).containsExactlyInAnyOrderElementsOf(written.keySet());
            for (Map.Entry<String, INDArray> tensor : written.entrySet()) {
                INDArray read = open.read(tensor.getKey());
                assertThat(read.dataType()).isEqualTo(tensor.getValue().dataType());
                assertThat(read.shape()).isEqualTo(tensor.getValue().shape());
                assertThat(read.ordering()).isEqualTo('c');
                if (!read.isEmpty()) {
                    assertThat(read).as(tensor.getKey()).isEqualTo(tensor.getValue());
                }
            }
        }
        assertThat(Safetensors.readAll(file)).hasSameSizeAs(written);
    }

    @Test
    void memoryOrderAndViewsDoNotShow() throws IOException {
        INDArray base = Nd4j.linspace(0, 23, 24, DataType.FLOAT).reshape('c', 4, 6);
        LinkedHashMap<String, INDArray> tensors = new LinkedHashMap<>();
        tensors.put("f-ordered", base.dup('f'));
        tensors.put("transposed", base.transpose());
        tensors.put("columns", base.get(NDArrayIndex.all(), NDArrayIndex.interval(2, 4)));
        tensors.put("rows", base.get(NDArrayIndex.interval(1, 3), NDArrayIndex.all()));
        tensors.put("first row", base.getRow(0));
        tensors.put("column", base.getColumn(5));
        tensors.put("element", base.get(NDArrayIndex.point(3), NDArrayIndex.point(3)));
        Path file = folder.resolve("views.safetensors");
        Safetensors.write(file, tensors, Map.of());
        Map<String, INDArray> read = Safetensors.readAll(file);
        tensors.forEach((name, tensor) -> assertThat(read.get(name)).as(name).isEqualTo(tensor.dup('c')));
    }

    @Test
    void existingArraysAreOverwrittenInPlaceViewsToo() throws IOException {
        Path file = folder.resolve("model.safetensors");
        INDArray values = Nd4j.linspace(1, 6, 6, DataType.FLOAT).reshape('c', 2, 3);
        Safetensors.write(file, Map.of("w", values), Map.of());
        INDArray flat = Nd4j.zeros(DataType.FLOAT, 10);
        INDArray view = flat.get(NDArrayIndex.interval(2, 8)).reshape(2, 3);
        INDArray fortran = Nd4j.create(DataType.FLOAT, new long[] {2, 3}, 'f');
        INDArray plain = Nd4j.create(DataType.FLOAT, 2, 3);
        try (Safetensors open = Safetensors.open(file)) {
            open.readInto("w", view);
            open.readInto("w", fortran);
            open.readInto(Map.of("w", plain));
        }
        assertThat(flat.toFloatVector()).containsExactly(0, 0, 1, 2, 3, 4, 5, 6, 0, 0);
        assertThat(fortran.ordering()).isEqualTo('f');
        assertThat(fortran).isEqualTo(values);
        assertThat(plain).isEqualTo(values);
    }

    @Test
    void arraysOfAnotherModelAreRefusedBeforeAnyIsChanged() throws IOException {
        Path file = folder.resolve("model.safetensors");
        Safetensors.write(
                file, ordered("a", Nd4j.ones(DataType.FLOAT, 2), "b", Nd4j.ones(DataType.FLOAT, 3)), Map.of());
        INDArray a = Nd4j.zeros(DataType.FLOAT, 2);
        try (Safetensors open = Safetensors.open(file)) {
            assertThatThrownBy(() -> open.readInto(ordered("a", a, "b", Nd4j.zeros(DataType.FLOAT, 4))))
                    .isInstanceOf(DataException.class)
                    .hasMessageContainingAll("model.safetensors", "'b'", "[3]", "[4]", "same configuration");
            assertThatThrownBy(() -> open.readInto(ordered("a", a, "b", Nd4j.zeros(DataType.DOUBLE, 3))))
                    .isInstanceOf(DataException.class)
                    .hasMessageContainingAll("F32", "DOUBLE");
            assertThatThrownBy(() -> open.readInto(ordered("a", a, "c", Nd4j.zeros(DataType.FLOAT, 3))))
                    .isInstanceOf(DataException.class)
                    .hasMessageContainingAll("1 are missing (c)", "1 are unknown (b)");
            assertThatThrownBy(() -> open.read("c"))
                    .isInstanceOf(DataException.class)
                    .hasMessageContainingAll("'c'", "a, b");
        }
        assertThat(a.sumNumber().floatValue()).isZero();
    }

    @Test
    void theSameTensorsGiveTheSameBytes() throws IOException {
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put("first", "v");
        metadata.put("second", "w");
        Safetensors.write(folder.resolve("a"), assortment(), metadata);
        metadata.remove("first");
        metadata.put("first", "v");
        Safetensors.write(folder.resolve("b"), assortment(), metadata);
        assertThat(folder.resolve("a")).hasSameBinaryContentAs(folder.resolve("b"));
    }

    @Test
    void tensorsLargerThanOnePieceComeBack() throws IOException {
        Path file = folder.resolve("large.safetensors");
        INDArray large = Nd4j.linspace(0, 5_000_000, 5_000_001, DataType.FLOAT);
        Safetensors.write(file, ordered("large", large, "small", Nd4j.scalar(1f)), Map.of());
        assertThat(Safetensors.readAll(file).get("large")).isEqualTo(large);
    }

    @Test
    void aFileOfThePythonLibraryIsRead() throws Exception {
        Path file =
                Path.of(SafetensorsTest.class.getResource("python.safetensors").toURI());
        try (Safetensors open = Safetensors.open(file)) {
            assertThat(open.metadata()).isEqualTo(Map.of("format", "pt", "origin", "Python"));
            assertThat(open.read("f32").toFloatMatrix()).isDeepEqualTo(new float[][] {
                {1.5f, -2.25f, 3e-8f}, {Float.POSITIVE_INFINITY, -0f, 7}
            });
            assertThat(open.read("f64").toDoubleVector()).containsExactly(0.1, -1e300);
            assertThat(open.read("i64").toLongMatrix()).isDeepEqualTo(new long[][] {{1L << 40, -3}});
            assertThat(open.read("i32").toIntVector()).containsExactly(-7, 8, 9);
            assertThat(open.read("f16").toFloatVector())
                    .containsExactly(1, -0.5f, 65504, 0x1p-24f, 0x1p-14f, Float.POSITIVE_INFINITY);
            assertThat(open.read("bf16").toFloatVector()).containsExactly(1, -3.140625f, Float.POSITIVE_INFINITY);
            assertThat(open.read("u8").toIntVector()).containsExactly(0, 128, 255);
            assertThat(open.read("bool").toIntVector()).containsExactly(1, 0);
            assertThat(open.read("scalar").rank()).isZero();
            assertThat(open.read("scalar").getFloat()).isEqualTo(2.5f);
            assertThat(open.read("empty").shape()).containsExactly(0, 3);
            INDArray widened = Nd4j.zeros(DataType.FLOAT, 3);
            open.readInto("bf16", widened);
            assertThat(widened.getFloat(1)).isEqualTo(-3.140625f);
        }
    }

    @Test
    void pythonReadsOurFile() throws Exception {
        Path file = folder.resolve("model.safetensors");
        LinkedHashMap<String, INDArray> tensors = assortment();
        tensors.remove("double");
        Safetensors.write(file, tensors, Map.of("step", "12"));
        JsonNode seen = PythonScript.run("read_safetensors.py", file, folder);
        assertThat(seen.at("/metadata/step").textValue()).isEqualTo("12");
        JsonNode read = seen.get("tensors");
        assertThat(read.size()).isEqualTo(tensors.size());
        assertThat(read.at("/visual.proj/shape").toString()).isEqualTo("[2,3]");
        assertThat(read.at("/visual.proj/values/4").floatValue()).isEqualTo(5);
        assertThat(read.at("/logit_scale/shape").toString()).isEqualTo("[]");
        assertThat(read.at("/logit_scale/values/0").floatValue()).isEqualTo(2.6592f);
        assertThat(read.at("/long/values/0").longValue()).isEqualTo(Long.MAX_VALUE);
        assertThat(read.at("/int/values/0").intValue()).isEqualTo(Integer.MIN_VALUE);
        assertThat(read.at("/byte/values").toString()).isEqualTo("[-128,0,127]");
        assertThat(read.at("/bool/values").toString()).isEqualTo("[true,false,true]");
        assertThat(read.at("/größe 名/shape").toString()).isEqualTo("[1,1,1,1]");
        assertThat(read.at("/empty/shape").toString()).isEqualTo("[0,3]");
    }

    @Test
    void aFileCutAnywhereOrWithMoreBytesIsRefused() throws IOException {
        Path file = folder.resolve("model.safetensors");
        Safetensors.write(file, assortment(), Map.of("step", "12"));
        byte[] whole = Files.readAllBytes(file);
        for (int length = 0; length < whole.length; length++) {
            Files.write(file, Arrays.copyOf(whole, length));
            assertThatThrownBy(() -> Safetensors.open(file))
                    .as("first %d bytes", length)
                    .isInstanceOf(DataException.class)
                    .hasMessageContainingAll("model.safetensors", "fetch it again");
        }
        Files.write(file, Arrays.copyOf(whole, whole.length + 1));
        assertThatThrownBy(() -> Safetensors.open(file)).isInstanceOf(DataException.class);
    }

    @Test
    void aFileThatShrinksWhileOpenIsNoticed() throws IOException {
        Path file = folder.resolve("model.safetensors");
        Safetensors.write(file, Map.of("w", Nd4j.ones(DataType.FLOAT, 100)), Map.of());
        byte[] whole = Files.readAllBytes(file);
        try (Safetensors open = Safetensors.open(file)) {
            Files.write(file, Arrays.copyOf(whole, whole.length - 200));
            assertThatThrownBy(() -> open.read("w"))
                    .isInstanceOf(DataException.class)
                    .hasMessageContainingAll("'w'", "became shorter");
        }
    }

    @ParameterizedTest(name = "{1}")
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            {"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}                 | a hole
            {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}} | 'b' begins at byte 8
            {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}} | an overlap
            {"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},"b":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}} | an overlap
            {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,12]}}                 | takes 8 bytes
            {"a":{"dtype":"F32","shape":[3],"data_offsets":[12,0]}}                 | data_offsets are [12, 0]
            {"a":{"dtype":"F32","shape":[-3],"data_offsets":[0,12]}}                | -3 in shape
            {"a":{"dtype":"F32","shape":[3.0],"data_offsets":[0,12]}}               | 3.0 in shape
            {"a":{"dtype":"F32","shape":[3],"data_offsets":[0,99999999999999999999]}} | in data_offsets
            {"a":{"dtype":"F32","shape":[9223372036854775807,9],"data_offsets":[0,12]}} | more bytes than
            {"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}} | more bytes than
            {"a":{"dtype":"F32","shape":[3],"data_offsets":[0]}}                    | two data_offsets
            {"a":{"dtype":"F32","shape":3,"data_offsets":[0,12]}}                   | two data_offsets
            {"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12],"more":1}}        | two data_offsets
            {"a":[1,2,3]}                                                           | not described by
            {"a":{"dtype":"F4","shape":[3],"data_offsets":[0,12]}}                  | has dtype F4
            {"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}} | Duplicate field 'a'
            {"__metadata__":{"n":1},"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}} | entry 'n' is not a text
            {"__metadata__":"n","a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}} | not an object of texts
            {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}                  | describes 8 bytes of data, but 12
            {"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}                 | it was cut short
            {}                                                                      | describes 0 bytes
            {"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}} {}              | not JSON
            {"a":{"dtype":"F32"                                                     | not JSON
            [1]                                                                     | does not start with '{'
            ` {}`                                                                   | does not start with '{'
            """)
    void aHeaderThatBreaksTheFormatIsRefused(String header, String fault) throws IOException {
        Path file = raw(header.getBytes(StandardCharsets.UTF_8), 12);
        assertThatThrownBy(() -> Safetensors.open(file))
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll("hostile.safetensors", fault);
    }

    @Test
    void lengthsEncodingsNestingAndRankAreBounded() throws IOException {
        Path file = folder.resolve("hostile.safetensors");
        for (long length : new long[] {100_000_001, Long.MAX_VALUE, -1, Long.MIN_VALUE}) {
            Files.write(
                    file,
                    ByteBuffer.allocate(32)
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .putLong(length)
                            .array());
            assertThatThrownBy(() -> Safetensors.open(file)).hasMessageContaining("the format allows 100000000");
        }
        assertThatThrownBy(() -> Safetensors.open(raw(new byte[] {'{', '"', (byte) 0xff, '"', '}'}, 0)))
                .hasMessageContaining("not UTF-8");
        assertThatThrownBy(() ->
                        Safetensors.open(raw(("{\"a\":" + "[".repeat(100_000)).getBytes(StandardCharsets.UTF_8), 0)))
                .isInstanceOf(DataException.class);
        String shape = "1,".repeat(39) + "1";
        assertThatThrownBy(() -> Safetensors.open(raw(
                        ("{\"a\":{\"dtype\":\"I8\",\"shape\":[" + shape + "],\"data_offsets\":[0,1]}}")
                                .getBytes(StandardCharsets.UTF_8),
                        1)))
                .hasMessageContaining("40 dimensions");
    }

    @Test
    void aFileWithoutTensorsIsSound() throws IOException {
        Safetensors.write(folder.resolve("none"), Map.of(), Map.of());
        assertThat(Safetensors.readAll(folder.resolve("none"))).isEmpty();
    }

    @Test
    void namesAndTypesTheFormatCannotHoldAreRefusedBeforeWriting() {
        Path file = folder.resolve("model.safetensors");
        assertThatThrownBy(() -> Safetensors.write(file, Map.of("__metadata__", Nd4j.scalar(1f)), Map.of()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("rename");
        assertThatThrownBy(() -> Safetensors.write(file, Map.of("t", Nd4j.create("text")), Map.of()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("'t'", "UTF8");
        assertThat(file).doesNotExist();
    }

    @ParameterizedTest
    @EnumSource(
            value = DataType.class,
            names = {"DOUBLE", "FLOAT", "LONG", "INT", "SHORT", "BYTE", "UBYTE"})
    void everyNumberTypeSurvives(DataType type) throws IOException {
        Path file = folder.resolve("model.safetensors");
        INDArray values = Nd4j.createFromArray(0, 1, 100).castTo(type);
        Safetensors.write(file, Map.of("v", values), Map.of());
        assertThat(Safetensors.readAll(file).get("v")).isEqualTo(values);
    }

    private static LinkedHashMap<String, INDArray> ordered(String a, INDArray first, String b, INDArray second) {
        LinkedHashMap<String, INDArray> tensors = new LinkedHashMap<>();
        tensors.put(a, first);
        tensors.put(b, second);
        return tensors;
    }

    private Path raw(byte[] header, int dataBytes) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(8 + header.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(header.length).put(header);
        return Files.write(folder.resolve("hostile.safetensors"), bytes.array());
    }
}
