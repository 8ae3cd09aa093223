package org.rafclip.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.apache.commons.compress.archivers.zip.ZipFile;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.data.DataException;
import org.rafclip.ops.JavaOps;

/** PyTorch's files: those of {@code src/test/python/write_torch_files.py}, and some that PyTorch would not write. */
class TorchFileTest {

    static {
        JavaOps.install();
    }

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({
        "zip.pt, assortment",
        "zip-protocol-4.pt, assortment",
        "legacy.pth, assortment",
        "script.pt, script",
        "checkpoint.pt, checkpoint"
    })
    void everyTensorIsThatOfPyTorch(String file, String expected) throws IOException {
        Map<String, INDArray> wanted = Safetensors.readAll(resource(expected + ".safetensors"));
        try (TensorFiles tensors = TensorFiles.open(resource(file));
                Safetensors safe = Safetensors.open(resource(expected + ".safetensors"))) {
            assertThat(tensors.names()).containsExactlyInAnyOrderElementsOf(wanted.keySet());
            for (String name : tensors.names()) {
                assertThat(tensors.info(name)).isEqualTo(safe.info(name));
                INDArray read = tensors.read(name);
                assertThat(read.dataType()).isEqualTo(wanted.get(name).dataType());
                assertThat(read.shape()).isEqualTo(wanted.get(name).shape());
                if (!read.isEmpty()) {
                    assertThat(read).as(name).isEqualTo(wanted.get(name));
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "harm.pt     | its pickle holds posix.system, which is not read here, and nothing is run: take",
                "harm.pth    | its pickle holds posix.system, which is not read here",
                "module.pt   | its pickle holds torch.nn.modules.container.Sequential, which is not read here",
                "expanded.pt | a tensor whose elements overlap (shape [4], strides [0]",
                "several.pt  | several state dicts (a, b)",
                "complex.pt  | torch.ComplexFloatStorage"
            })
    void whatIsNotReadIsCalledByItsName(String file, String message) {
        assertThatThrownBy(() -> TorchFile.open(resource(file)))
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll(file + ": ", message);
    }

    @Test
    void prefixesOfWrappersAreTakenOffWhereAllNamesHaveThem() throws IOException {
        Map<String, INDArray> tensors = Safetensors.readAll(resource("script.safetensors"));
        Map<String, INDArray> wrapped = new LinkedHashMap<>();
        tensors.forEach((name, tensor) -> wrapped.put("module._orig_mod.model." + name, tensor));
        Path file = folder.resolve("wrapped.safetensors");
        Safetensors.write(file, wrapped, Map.of());
        try (TensorFiles open = TensorFiles.open(file)) {
            assertThat(open.names()).containsExactlyInAnyOrderElementsOf(tensors.keySet());
            assertThat(open.read("scale")).isEqualTo(tensors.get("scale"));
        }
        wrapped.put("module.head", tensors.get("scale"));
        Safetensors.write(file, wrapped, Map.of());
        try (TensorFiles open = TensorFiles.open(file)) {
            assertThat(open.names()).contains("head", "_orig_mod.model.scale");
        }
    }

    @Test
    void aFolderIsTheWeightsInIt() throws IOException {
        assertThatThrownBy(() -> TensorFiles.open(folder))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("is a folder without weights (open_clip_model.safetensors, ");
        Files.copy(resource("zip.pt"), folder.resolve("any.pt"));
        try (TensorFiles open = TensorFiles.open(folder)) {
            assertThat(open.origin()).isEqualTo(folder.resolve("any.pt"));
        }
        Files.copy(resource("script.pt"), folder.resolve("other.pt"));
        assertThatThrownBy(() -> TensorFiles.open(folder))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("with 2 files that may be weights (any.pt, other.pt): name the file");
        Files.copy(resource("script.safetensors"), folder.resolve("model.safetensors"));
        try (TensorFiles open = TensorFiles.open(folder)) {
            assertThat(open.origin()).isEqualTo(folder.resolve("model.safetensors"));
        }
    }

    /** The arguments of a tensor: offset, shape, strides, over a storage of 4 floats. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "0  | 5     | 1  | reaches beyond its storage of 4 elements",
                "1  | 4     | 1  | reaches beyond its storage of 4 elements",
                "-1 | 1     | 1  | a count in its pickle is -1",
                "0  | -1    | 1  | a count in its pickle is -1",
                "0  | 2     | -1 | a count in its pickle is -1",
                "0  | 3     | 0  | a tensor whose elements overlap",
                "0  | 2 3   | 1 1 | a tensor whose elements overlap",
                "0  | 3 2   | 1 2 | a tensor whose elements overlap",
                "0  | 2147483647 2147483647 2147483647 | 0 0 0 | a tensor whose elements overlap",
                "2147483647 | 2147483647 2 | 2147483647 1 | reaches beyond its storage of 4 elements",
                "0  | 2 2   | 1  | has the shape [2, 2] and the strides [1]"
            })
    void aTensorThatIsNotInItsStorageIsRefused(int offset, String shape, String strides, String message)
            throws IOException {
        Path file = legacy(tensor(offset, shape, strides));

        assertThatThrownBy(() -> TorchFile.open(file))
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll(file.toString(), message);
    }

    @Test
    void aViewOfSomeElementsIsGathered() throws IOException {
        try (TorchFile file = TorchFile.open(legacy(tensor(1, "1 2", "7 2")))) {
            assertThat(file.read("w").toFloatMatrix()).isDeepEqualTo(new float[][] {{2, 4}});
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "ibuiltins~eval~.     | instruction 0x69 (INST)",
                "cos~system~.         | os.system",
                "cbuiltins~eval~.     | builtins.eval",
                "ctorch~load~.        | torch.load",
                "c__torch__~Harm~.    | __torch__.Harm",
                "ccollections~OrderedDict~K1}b. | an object's state",
                "h9.                  | recalls value 57",
                "e.                   | ends a group that was not begun",
                "].                   | a file without any tensor",
                "}(K1u.               | a key without a value",
                "}]K1s.               | a container for a key",
                "K1K2.                | values left over",
                ")R.                  | takes a value where none is"
            })
    void aPickleThatDoesMoreThanTensorsIsRefused(String pickle, String message) throws IOException {
        Path file = legacy(pickle.replace('~', '\n').getBytes(StandardCharsets.ISO_8859_1));

        assertThatThrownBy(() -> TorchFile.open(file))
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll(file.toString(), message);
    }

    @Test
    void bombsAreRefusedBeforeMemoryIsTaken() throws IOException {
        String everyLevelHoldsTheLastTwice = "]q\0" + "](h\0h\0eq\0".repeat(5000) + ".";
        String itHoldsItselfTwice = "]q\0(h\0h\0e.";
        String oneInTheOther = "]".repeat(500_000) + "a".repeat(499_999) + ".";
        String manyValues = "(" + "}".repeat(3_000_000) + "l.";
        String copies = "(" + "N".repeat(1000) + "lq\0" + "ctorch\nSize\nq\1" + "0".repeat(2)
                + "h\1h\0\u0085R0".repeat(100_000) + "N.";
        String longText = "X\u00ff\u00ff\u00ff\u007fabc.";
        for (String pickle :
                List.of(everyLevelHoldsTheLastTwice, itHoldsItselfTwice, oneInTheOther, manyValues, copies, longText)) {
            Path file = legacy(pickle.getBytes(StandardCharsets.ISO_8859_1));
            assertTimeoutPreemptively(
                    Duration.ofSeconds(20),
                    () -> assertThatThrownBy(() -> TorchFile.open(file)).isInstanceOf(DataException.class));
        }
    }

    @Test
    void tensorsThatShareMostOfTheirBytesAreRefused() throws IOException {
        ByteArrayOutputStream pickle = new ByteArrayOutputStream();
        byte[] one = tensor(0, "4", "1");
        pickle.writeBytes(bytes("}(X\1\0\0\0a"));
        pickle.write(one, 7, one.length - 9);
        pickle.writeBytes(bytes("q\7"));
        for (int i = 0; i < 2000; i++) {
            pickle.writeBytes(bytes("U\4" + String.format("%04d", i) + "h\7"));
        }
        pickle.writeBytes(bytes("u."));
        Path file = legacy(pickle.toByteArray());

        assertThat(Files.size(file)).isLessThan(20_000);
        try (TorchFile open = TorchFile.open(file)) {
            assertThat(open.names()).hasSize(2001);
        }
        Path large = legacy(replaced(pickle.toByteArray(), 4, 4000), 4000);
        assertThatThrownBy(() -> TorchFile.open(large))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("share their storages so much that they would fill 30 MiB");
    }

    @Test
    void aZipArchiveIsReadAsPyTorchWritesItAlone() throws IOException {
        Map<String, byte[]> entries = entries(resource("zip.pt"));
        Path packed = zip("packed.pt", entries, ZipEntry.DEFLATED);
        assertThatThrownBy(() -> TorchFile.open(packed))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("the packed or encrypted entry zip/data.pkl");

        Map<String, byte[]> fewer = new LinkedHashMap<>(entries);
        fewer.remove("zip/data/3");
        assertThatThrownBy(() -> TorchFile.open(zip("fewer.pt", fewer, ZipEntry.STORED)))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("it lacks storage 3");

        Map<String, byte[]> shorter = new LinkedHashMap<>(entries);
        shorter.put("zip/data/0", new byte[3]);
        assertThatThrownBy(() -> TorchFile.open(zip("shorter.pt", shorter, ZipEntry.STORED)))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("storage 0 has 3 bytes where its description says ");

        Map<String, byte[]> big = new LinkedHashMap<>(entries);
        big.put("zip/byteorder", bytes("big"));
        assertThatThrownBy(() -> TorchFile.open(zip("big.pt", big, ZipEntry.STORED)))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("another byte order");

        assertThatThrownBy(() -> TorchFile.open(zip("other.zip", Map.of("a/b", new byte[2]), ZipEntry.STORED)))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("is a zip archive");
    }

    @Test
    void changedWeightsOfAnArchiveDoNotHaveItsChecksum() throws IOException {
        byte[] content = Files.readAllBytes(resource("zip.pt"));
        Map<String, INDArray> sound = read(resource("zip.pt"));
        byte[] base = new byte[8];
        ByteBuffer.wrap(base)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putFloat(sound.get("base").getFloat(0, 0))
                .putFloat(sound.get("base").getFloat(0, 1));
        int at = indexOf(content, base);
        content[at] ^= 1;
        Path file = Files.write(folder.resolve("changed.pt"), content);

        assertThatThrownBy(() -> read(file))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("does not have the checksum that the archive keeps of it");
    }

    @ParameterizedTest
    @ValueSource(strings = {"zip.pt", "zip-protocol-4.pt", "legacy.pth", "script.pt", "checkpoint.pt"})
    void damageEndsInOneLineOrInTheRightNumbers(String name) throws IOException {
        byte[] sound = Files.readAllBytes(resource(name));
        boolean checksums = !name.endsWith(".pth");
        Map<String, INDArray> wanted = read(resource(name));
        Random random = new Random(name.hashCode());
        assertTimeoutPreemptively(Duration.ofSeconds(60), () -> {
            int refused = 0;
            for (int i = 0; i < 300; i++) {
                byte[] damaged = damaged(sound, random);
                try {
                    Map<String, INDArray> read = read(Files.write(folder.resolve("damaged"), damaged));
                    if (checksums) {
                        assertThat(read).containsOnlyKeys(wanted.keySet());
                        read.forEach((key, tensor) -> assertThat(tensor.isEmpty() || tensor.equals(wanted.get(key)))
                                .isTrue());
                    }
                } catch (DataException e) {
                    assertThat(e.getMessage())
                            .startsWith(folder.resolve("damaged").toString());
                    assertThat(e.getMessage()).doesNotContain("\n");
                    refused++;
                } catch (IOException | RuntimeException e) {
                    fail("damage no. " + i, e);
                }
            }
            assertThat(refused).isGreaterThan(25);
        });
    }

    /** The archive's checksums are made right again, so that the pickle's own checks are all there is. */
    @ParameterizedTest
    @ValueSource(strings = {"zip.pt", "zip-protocol-4.pt", "script.pt", "checkpoint.pt"})
    void aDamagedPickleEndsInOneLineOrInTensors(String name) throws IOException {
        Map<String, byte[]> entries = entries(resource(name));
        String pickle = entries.keySet().stream()
                .filter(entry -> entry.endsWith("/data.pkl"))
                .findFirst()
                .orElseThrow();
        byte[] sound = entries.get(pickle);
        Random random = new Random(name.hashCode());
        assertTimeoutPreemptively(Duration.ofSeconds(60), () -> {
            for (int i = 0; i < 300; i++) {
                entries.put(pickle, damaged(sound, random));
                try {
                    read(zip("damaged.pt", entries, ZipEntry.STORED));
                } catch (DataException e) {
                    assertThat(e.getMessage()).doesNotContain("\n");
                } catch (IOException | RuntimeException e) {
                    fail("damage no. " + i, e);
                }
            }
        });
    }

    /** With {@code -Dtorch.file=FILE}, written by {@code write_torch_files.py full FILE}. */
    @Test
    void aFileOf375MegabytesIsReadInFiveSeconds() throws IOException {
        String file = System.getProperty("torch.file");
        Assumptions.assumeTrue(file != null, "skipped: give -Dtorch.file=FILE");
        long start = System.nanoTime();
        long heap = Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
        Map<String, INDArray> tensors = read(Path.of(file));
        double seconds = (System.nanoTime() - start) / 1e9;
        long more = Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory() - heap;
        System.out.printf("%d tensors in %.2f s, %d MiB of heap%n", tensors.size(), seconds, more >> 20);
        assertThat(seconds).isLessThan(5);
        assertThat(more).isLessThan(100L << 20);
    }

    private static byte[] damaged(byte[] sound, Random random) {
        byte[] damaged = sound.clone();
        if (random.nextInt(8) == 0) {
            return Arrays.copyOf(damaged, random.nextInt(sound.length));
        }
        for (int flips = 1 + random.nextInt(3); flips > 0; flips--) {
            int at = random.nextInt(sound.length);
            damaged[at] =
                    random.nextBoolean() ? (byte) (damaged[at] ^ 1 << random.nextInt(8)) : (byte) random.nextInt(256);
        }
        return damaged;
    }

    private static Map<String, INDArray> read(Path file) throws IOException {
        Map<String, INDArray> tensors = new LinkedHashMap<>();
        try (TorchFile open = TorchFile.open(file)) {
            for (String name : open.names()) {
                tensors.put(name, open.read(name));
            }
        }
        return tensors;
    }

    /** The pickle of {"w": a tensor over storage "0" of 4 floats}. */
    private static byte[] tensor(int offset, String shape, String strides) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(bytes("}X\1\0\0\0wctorch._utils\n_rebuild_tensor_v2\n("));
        out.writeBytes(bytes("(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0" + "0X\3\0\0\0cpu"));
        out.writeBytes(integer(4));
        out.writeBytes(bytes("NtQ"));
        out.writeBytes(integer(offset));
        out.writeBytes(integers(shape));
        out.writeBytes(integers(strides));
        out.writeBytes(bytes("\u0089NtRs."));
        return out.toByteArray();
    }

    private static byte[] integers(String values) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write('(');
        Arrays.stream(values.split(" ")).map(Integer::valueOf).forEach(value -> out.writeBytes(integer(value)));
        out.write('t');
        return out.toByteArray();
    }

    private static byte[] integer(int value) {
        return new byte[] {'J', (byte) value, (byte) (value >> 8), (byte) (value >> 16), (byte) (value >> 24)};
    }

    private static byte[] replaced(byte[] content, int from, int to) {
        String text = new String(content, StandardCharsets.ISO_8859_1);
        String old = new String(integer(from), StandardCharsets.ISO_8859_1);
        return bytes(text.replace(old, new String(integer(to), StandardCharsets.ISO_8859_1)));
    }

    private static byte[] bytes(String latin) {
        return latin.getBytes(StandardCharsets.ISO_8859_1);
    }

    private Path legacy(byte[] pickle) throws IOException {
        return legacy(pickle, 4);
    }

    /** A file of the older form around a pickle, with one storage of 1, 2, 3, ... */
    private Path legacy(byte[] pickle, int numbers) throws IOException {
        ByteBuffer storage = ByteBuffer.allocate(8 + 4 * numbers)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(numbers);
        for (int i = 1; i <= numbers; i++) {
            storage.putFloat(i);
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(bytes("\u0080\2\u008a\n\u006c\u00fc\u009c\u0046\u00f9\u0020\u006a\u00a8\u0050\u0019."));
        out.writeBytes(bytes("\u0080\2M\u00e9\3."));
        out.writeBytes(bytes("\u0080\2}X\r\0\0\0little_endian\u0088s."));
        out.writeBytes(pickle);
        out.writeBytes(
                bytes(new String(pickle, StandardCharsets.ISO_8859_1).contains("storage") ? "]U\1" + "0a." : "]."));
        out.writeBytes(storage.array());
        return Files.write(Files.createTempFile(folder, "made", ".pth"), out.toByteArray());
    }

    private static Map<String, byte[]> entries(Path file) throws IOException {
        Map<String, byte[]> entries = new LinkedHashMap<>();
        // PyTorch's padding lies in the extra fields, which Java's reader checks and Commons Compress does not.
        try (ZipFile zip = ZipFile.builder().setPath(file).get()) {
            for (var entry : Collections.list(zip.getEntries())) {
                entries.put(entry.getName(), zip.getInputStream(entry).readAllBytes());
            }
        }
        return entries;
    }

    private Path zip(String name, Map<String, byte[]> entries, int method) throws IOException {
        Path file = folder.resolve(name);
        try (ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(file))) {
            for (Map.Entry<String, byte[]> item : entries.entrySet()) {
                ZipEntry entry = new ZipEntry(item.getKey());
                CRC32 crc = new CRC32();
                crc.update(item.getValue());
                entry.setMethod(method);
                entry.setSize(item.getValue().length);
                entry.setCrc(crc.getValue());
                out.putNextEntry(entry);
                out.write(item.getValue());
            }
        }
        return file;
    }

    private static int indexOf(byte[] content, byte[] part) {
        for (int at = 0; at + part.length <= content.length; at++) {
            if (Arrays.equals(content, at, at + part.length, part, 0, part.length)) {
                return at;
            }
        }
        throw new AssertionError("not there");
    }

    private static Path resource(String name) {
        try {
            return Path.of(TorchFileTest.class.getResource("torch/" + name).toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }
}
