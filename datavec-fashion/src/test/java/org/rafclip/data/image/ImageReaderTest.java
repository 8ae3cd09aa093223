package org.rafclip.data.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
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
import java.util.zip.CRC32;
import java.util.zip.DeflaterOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.rafclip.data.DataException;

class ImageReaderTest {

    private final ImageReader reader = new ImageReader();

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({
        "420.jpg, 0",
        "422.jpg, 0",
        "444.jpg, 0",
        "progressive.jpg, 0",
        "gray.jpg, 0",
        "cmyk.jpg, 1",
        "ycck.jpg, 1",
        "orientation-1.jpg, 0",
        "orientation-2.jpg, 0",
        "orientation-3.jpg, 0",
        "orientation-4.jpg, 0",
        "orientation-5.jpg, 0",
        "orientation-6.jpg, 0",
        "orientation-7.jpg, 0",
        "orientation-8.jpg, 0",
        "orientation-6.png, 0",
        "orientation-6.webp, 0",
        "orientation-99.jpg, 0",
        "palette.png, 0",
        "palette-transparent.png, 0",
        "rgba.png, 1",
        "gray-alpha.png, 1",
        "gray.png, 0",
        "bits.png, 0",
        "rgb-16.png, 0",
        "gray-16.png, 0",
        "lossy.webp, 16",
        "lossless.webp, 0",
        "alpha.webp, 1",
        "alpha-lossy.webp, 24",
        "plain.bmp, 0",
        "gray.bmp, 0",
        "plain.gif, 0",
        "transparent.gif, 0"
    })
    void readsWhatPillowReads(String name, int tolerance) {
        RgbImage image = reader.read(file(name));
        Goldens.assertEquals(image, Goldens.read("image/expected/" + name + ".png"), tolerance);
        assertThat(reader.size(file(name))).isEqualTo(new Dimensions(image.width(), image.height()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"444.jpg", "progressive.jpg", "rgba.png", "lossless.webp", "plain.bmp", "plain.gif"})
    void refusesEveryCutOfAFile(String name) throws IOException {
        byte[] whole = Files.readAllBytes(file(name));
        int end = name.endsWith("gif") ? whole.length - 2 : whole.length - 1;
        if (name.endsWith("png")) {
            end = whole.length - 12; // all pixels are there, only the closing chunk is not
        }
        for (int length = 0; length < end; length += Math.max(1, end / 40)) {
            Path cut = Files.write(folder.resolve("cut-" + length), Arrays.copyOf(whole, length));
            assertThatThrownBy(() -> reader.read(cut))
                    .as("%d of %d bytes", length, whole.length)
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining(cut.toString());
        }
    }

    @Test
    void aHeaderOfManyEmptyMarkersIsAFaultOfTheFile() throws IOException {
        byte[] markers = new byte[2 + 200_000];
        for (int i = 0; i < markers.length; i += 2) {
            markers[i] = (byte) 0xff;
        }
        markers[1] = (byte) 0xd8;
        Path file = Files.write(folder.resolve("markers.jpg"), markers);
        assertThatThrownBy(() -> reader.read(file)).hasMessageContaining("markers.jpg");
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void aDeviceIsNotReadForEver() {
        assertThatThrownBy(() -> reader.read(Path.of("/dev/zero")))
                .isInstanceOf(DataException.class)
                .hasMessage("/dev/zero: is no file but a pipe or a device; name an image file");
    }

    /** Of a WebP of format VP8X the flags follow after 20 bytes; 8 promises Exif. */
    @Test
    void aWebpThatPromisesExifAndHasNoneIsUpright() throws IOException {
        byte[] plain = Files.readAllBytes(file("lossy.webp"));
        ByteBuffer extended = ByteBuffer.allocate(plain.length + 18).order(ByteOrder.LITTLE_ENDIAN);
        RgbImage expected = reader.read(file("lossy.webp"));
        extended.put(plain, 0, 4).putInt(plain.length + 18 - 8).put(plain, 8, 4);
        extended.put("VP8X".getBytes(StandardCharsets.US_ASCII)).putInt(10).putInt(8);
        for (int side : new int[] {expected.width() - 1, expected.height() - 1}) {
            extended.put((byte) side).put((byte) (side >> 8)).put((byte) (side >> 16));
        }
        extended.put(plain, 12, plain.length - 12);
        Path file = Files.write(folder.resolve("promises.webp"), extended.array());
        assertThat(reader.read(file).rgb()).isEqualTo(expected.rgb());
    }

    @Test
    void refusesAJpegWithoutItsEndMarkerAndTakesOneWithAfterthoughts() throws IOException {
        byte[] whole = Files.readAllBytes(file("444.jpg"));
        Path cut = Files.write(folder.resolve("cut.jpg"), Arrays.copyOf(whole, whole.length - 2));
        assertThatThrownBy(() -> reader.read(cut)).hasMessageContaining("cut short");
        Path padded = Files.write(folder.resolve("padded.jpg"), Arrays.copyOf(whole, whole.length + 1000));
        assertThat(reader.read(padded).rgb())
                .isEqualTo(reader.read(file("444.jpg")).rgb());
    }

    @Test
    void aFlippedByteNeverGivesMoreThanAnImageOrOneError() throws IOException {
        for (String name :
                new String[] {"420.jpg", "progressive.jpg", "palette.png", "alpha.webp", "plain.gif", "gray.bmp"}) {
            byte[] whole = Files.readAllBytes(file(name));
            for (int at = 0; at < whole.length; at += Math.max(1, whole.length / 60)) {
                byte[] damaged = whole.clone();
                damaged[at] ^= (byte) 0xa5;
                Path path = Files.write(folder.resolve("damaged"), damaged);
                try {
                    RgbImage image = new ImageReader(1_000_000).read(path);
                    assertThat(reader.size(path)).isEqualTo(new Dimensions(image.width(), image.height()));
                    assertThat(image.rgb()).hasSize(3 * image.width() * image.height());
                } catch (DataException e) {
                    assertThat(e).hasMessageContaining(path.toString());
                }
            }
        }
    }

    @Test
    void twoDamagedBytesDoNotKeepTheDecoderBusy() throws IOException {
        // they announce thousands of Huffman tables, which the decoder would read from behind the end for minutes
        byte[] damaged = Files.readAllBytes(file("lossless.webp"));
        damaged[36] = 14;
        damaged[33] = (byte) 160;
        Path path = Files.write(folder.resolve("busy.webp"), damaged);
        assertTimeoutPreemptively(
                Duration.ofSeconds(20),
                () -> assertThatThrownBy(() -> reader.read(path))
                        .isInstanceOf(DataException.class)
                        .hasMessageContaining("cannot be decoded"));
    }

    @Test
    void refusesEmptyFilesAndFilesThatAreNoImages() throws IOException {
        Path empty = Files.createFile(folder.resolve("empty.jpg"));
        assertThatThrownBy(() -> reader.read(empty))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("empty");
        assertThatThrownBy(() -> reader.size(empty))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("empty");
        Path page = Files.writeString(folder.resolve("page.jpg"), "<html>404 not found, and no image at all</html>");
        assertThatThrownBy(() -> reader.read(page))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(page.toString())
                .hasMessageContaining("not an image");
        Path pointer = Files.writeString(
                folder.resolve("pointer.jpg"),
                "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 48123\n");
        assertThatThrownBy(() -> reader.read(pointer))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("pointer.jpg: not an image: it is a Git LFS pointer to a file of 48,123 bytes")
                .hasMessageContaining("git lfs pull");
        Path absent = folder.resolve("absent.jpg");
        assertThatThrownBy(() -> reader.read(absent))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("no such");
        assertThatThrownBy(() -> reader.size(absent))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("no such");
        assertThatThrownBy(() -> reader.read(folder)).isInstanceOf(DataException.class);
    }

    @Test
    void refusesADecompressionBombByItsHeader() throws IOException {
        // 50,000 x 50,000 pixels in a file that has none of them: decoding it would fail differently
        Path bomb = Files.write(folder.resolve("bomb.png"), pngHeader(50_000, 50_000));
        for (Runnable use : new Runnable[] {() -> reader.read(bomb), () -> reader.size(bomb)}) {
            assertThatThrownBy(use::run)
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("50000x50000")
                    .hasMessageContaining("cap of 89478485");
        }
        Path overflowing = Files.write(folder.resolve("overflow.png"), pngHeader(-1, 3));
        assertThatThrownBy(() -> reader.size(overflowing)).hasMessageContaining("impossible size");
    }

    @Test
    void theCapIsInclusive() {
        assertThat(new ImageReader(25 * 18).read(file("444.jpg")).width()).isEqualTo(25);
        for (String name : new String[] {"444.jpg", "gray.png", "lossy.webp", "plain.bmp", "plain.gif"}) {
            assertThatThrownBy(() -> new ImageReader(25 * 18 - 1).read(file(name)))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("25x18 pixels are above the cap of 449");
        }
        assertThatThrownBy(() -> new ImageReader(0)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void findsListedFilesInTheFolderAndNoOthers() throws IOException {
        Path root = Files.createDirectories(folder.resolve("data"));
        Files.createDirectories(root.resolve("img"));
        Files.copy(file("444.jpg"), root.resolve("img/a.jpg"));
        Files.copy(file("444.jpg"), folder.resolve("secret.jpg"));
        Files.createSymbolicLink(root.resolve("img/out.jpg"), folder.resolve("secret.jpg"));
        Files.createSymbolicLink(root.resolve("img/in.jpg"), root.resolve("img/a.jpg"));
        Files.createSymbolicLink(folder.resolve("alias"), root);

        assertThat(reader.read(root, "img/a.jpg").width()).isEqualTo(25);
        assertThat(reader.read(root, "img/in.jpg").width()).isEqualTo(25);
        assertThat(reader.size(root, "img/../img/a.jpg").height()).isEqualTo(18);
        assertThat(reader.read(folder.resolve("alias"), "img/a.jpg").width()).isEqualTo(25);
        assertThat(reader.read(root.resolve("img/.."), "img/a.jpg").width()).isEqualTo(25);
        for (String entry : new String[] {
            "../secret.jpg",
            "img/../../secret.jpg",
            "img/out.jpg",
            root.resolve("img/a.jpg").toAbsolutePath().toString(),
            "../no-such-file.jpg"
        }) {
            assertThatThrownBy(() -> reader.read(root, entry))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("\"" + entry + "\"")
                    .hasMessageContaining("out of the data folder");
        }
        for (String entry : new String[] {"img/b.jpg", "img", ""}) {
            assertThatThrownBy(() -> reader.read(root, entry))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("\"" + entry + "\": there is no file");
        }
        assertThatThrownBy(() -> reader.read(root, "a\0b")).isInstanceOf(DataException.class);
    }

    @Test
    void followsLinksThatLieInTheDataFolderItself() throws IOException {
        Path disk = Files.createDirectories(folder.resolve("disk/photos/men"));
        Files.copy(file("444.jpg"), disk.resolve("a.jpg"));
        Files.copy(file("444.jpg"), folder.resolve("disk/secret.jpg"));
        Path root = Files.createDirectories(folder.resolve("data"));
        Files.createSymbolicLink(root.resolve("img"), folder.resolve("disk/photos"));
        Files.createSymbolicLink(root.resolve("one.jpg"), disk.resolve("a.jpg"));
        Files.createSymbolicLink(disk.resolve("out.jpg"), folder.resolve("disk/secret.jpg"));

        assertThat(reader.read(root, "img/men/a.jpg").width()).isEqualTo(25);
        assertThat(reader.size(root, "img/men/a.jpg").width()).isEqualTo(25);
        assertThat(reader.read(root, "one.jpg").width()).isEqualTo(25);
        assertThatThrownBy(() -> reader.read(root, "img/men/out.jpg")).hasMessageContaining("out of the data folder");
        assertThatThrownBy(() -> reader.read(root, "img/../secret.jpg")).hasMessageContaining("there is no file");
        assertThatThrownBy(() -> reader.read(root, "img/../../disk/secret.jpg"))
                .hasMessageContaining("out of the data folder");
    }

    @ParameterizedTest
    @CsvSource({"1, 1, 0", "2, 2, 3", "4, 5, 6", "8, 77, 78", "16, 20000, 20001"})
    void theTransparentLevelOfAGrayPngShowsWhite(int bits, int hidden, int shown) throws IOException {
        byte[] row = bits == 16
                ? new byte[] {0, (byte) (hidden >> 8), (byte) hidden, (byte) (shown >> 8), (byte) shown}
                : bits == 8
                        ? new byte[] {0, (byte) hidden, (byte) shown}
                        : new byte[] {0, (byte) (hidden << 8 - bits | shown << 8 - 2 * bits)};
        ByteArrayOutputStream png = new ByteArrayOutputStream();
        png.write(new byte[] {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'});
        png.write(chunk(
                "IHDR",
                ByteBuffer.allocate(13).putInt(2).putInt(1).put((byte) bits).array()));
        png.write(chunk("tRNS", ByteBuffer.allocate(2).putShort((short) hidden).array()));
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (DeflaterOutputStream out = new DeflaterOutputStream(packed)) {
            out.write(row);
        }
        png.write(chunk("IDAT", packed.toByteArray()));
        png.write(chunk("IEND", new byte[0]));

        RgbImage image = reader.read(Files.write(folder.resolve("gray.png"), png.toByteArray()));

        int level = bits == 16 ? shown >> 8 : shown * 255 / ((1 << bits) - 1);
        for (int channel = 0; channel < 3; channel++) {
            assertThat(image.get(0, 0, channel)).isEqualTo(255);
            assertThat(image.get(1, 0, channel)).isEqualTo(level);
        }
    }

    private static byte[] chunk(String type, byte[] data) {
        ByteBuffer chunk = ByteBuffer.allocate(12 + data.length)
                .putInt(data.length)
                .put(type.getBytes(StandardCharsets.US_ASCII))
                .put(data);
        CRC32 sum = new CRC32();
        sum.update(chunk.array(), 4, 4 + data.length);
        return chunk.putInt((int) sum.getValue()).array();
    }

    private Path file(String name) {
        try {
            return Path.of(
                    Goldens.class.getResource("/org/rafclip/data/image/" + name).toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    private static byte[] pngHeader(int width, int height) {
        ByteBuffer chunk = ByteBuffer.allocate(17)
                .put("IHDR".getBytes(StandardCharsets.US_ASCII))
                .putInt(width)
                .putInt(height)
                .put(new byte[] {8, 2, 0, 0, 0});
        CRC32 crc = new CRC32();
        crc.update(chunk.array());
        ByteArrayOutputStream png = new ByteArrayOutputStream();
        png.writeBytes(new byte[] {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13});
        png.writeBytes(chunk.array());
        png.writeBytes(ByteBuffer.allocate(4).putInt((int) crc.getValue()).array());
        png.writeBytes(new byte[] {0, 0, 0, 0, 'I', 'E', 'N', 'D', (byte) 0xae, 0x42, 0x60, (byte) 0x82});
        return png.toByteArray();
    }
}
