package org.rafclip.data.webdataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.zip.GZIPOutputStream;
import javax.imageio.ImageIO;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.data.image.ImageReader;

class WebDatasetTest {

    @TempDir
    private Path dir;

    /** A tar in the making. */
    private final class Written {

        private final Path file;
        private final TarArchiveOutputStream out;

        Written(String name) throws IOException {
            file = dir.resolve(name);
            out = new TarArchiveOutputStream(Files.newOutputStream(file), "UTF-8");
            out.setLongFileMode(TarArchiveOutputStream.LONGFILE_POSIX);
        }

        Written add(String name, byte[] content) throws IOException {
            TarArchiveEntry entry = new TarArchiveEntry(name, TarConstants.LF_NORMAL, true);
            entry.setSize(content.length);
            out.putArchiveEntry(entry);
            out.write(content);
            out.closeArchiveEntry();
            return this;
        }

        Written add(String name, String text) throws IOException {
            return add(name, text.getBytes(StandardCharsets.UTF_8));
        }

        Written link(String name, String target) throws IOException {
            TarArchiveEntry entry = new TarArchiveEntry(name, TarConstants.LF_SYMLINK);
            entry.setLinkName(target);
            out.putArchiveEntry(entry);
            out.closeArchiveEntry();
            return this;
        }

        Path close() throws IOException {
            out.close();
            return file;
        }
    }

    private static byte[] photo(String format, int color) throws IOException {
        BufferedImage image = new BufferedImage(8, 6, BufferedImage.TYPE_INT_RGB);
        image.setRGB(1, 1, color);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ImageIO.write(image, format, out);
        return out.toByteArray();
    }

    private WebDataset.Report unpack(Path... shards) {
        return new WebDataset(dir.resolve("out"), new ImageReader()).unpack(List.of(shards), Progress.NONE);
    }

    private List<JsonNode> rows() throws IOException {
        List<JsonNode> rows = new ArrayList<>();
        for (String line : Files.readAllLines(dir.resolve("out/photos.jsonl"))) {
            rows.add(new ObjectMapper().readTree(line));
        }
        return rows;
    }

    @Test
    void aSampleIsARowWithItsPhotoCaptionAndFields() throws IOException {
        byte[] jpeg = photo("jpg", 1);
        byte[] png = photo("png", 2);
        Path tar = new Written("00000.tar")
                .add("000000000.jpg", jpeg)
                .add("000000000.txt", "a\tslim\n\"dress\" – été\n")
                .add("000000000.json", """
                        {"caption": "a\\tslim\\n\\"dress\\" – été", "fit": "slim", "pattern": ["floral", "striped"],
                         "price": 12.5, "sale": true, "none": null, "nan": NaN, "one": ["x"], "who": {"a": 1},
                         "deep": [[1]], "exif": "{\\"Make\\": 1}", "id": 7, "status": "success", "width": 8,
                         "height": 6, "original_width": 80}
                        """)
                .add("000000001.PNG", png)
                .add("000000001.json", "{\"caption\": [\"one\", \"two\", \"one\"]}")
                .add("a/b.jpg", jpeg)
                .close();

        WebDataset.Report report = unpack(tar);

        assertThat(report.rows()).isEqualTo(3);
        assertThat(report.samples()).isEqualTo(3);
        assertThat(report.otherFields()).isEqualTo(Map.of("who", 1, "deep", 1, "exif", 1));
        List<JsonNode> rows = rows();
        assertThat(rows.get(0)).isEqualTo(new ObjectMapper().readTree("""
                        {"image": "images/00000/000000000.jpg", "id": "00000/000000000",
                         "caption": "a\\tslim\\n\\"dress\\" – été", "fit": "slim", "pattern": ["floral", "striped"],
                         "price": 12.5, "sale": true, "one": "x", "json_id": 7, "status": "success", "photo_width": 8,
                         "photo_height": 6, "original_width": 80}
                        """));
        assertThat(rows.get(1).path("caption").toString()).isEqualTo("[\"one\",\"two\"]");
        assertThat(rows.get(2).toString()).isEqualTo("{\"image\":\"images/00000/a/b.jpg\",\"id\":\"00000/a/b\"}");
        assertThat(dir.resolve("out/images/00000/000000000.jpg")).hasBinaryContent(jpeg);
        assertThat(dir.resolve("out/images/00000/000000001.PNG")).hasBinaryContent(png);
    }

    @Test
    void filesOfASampleNeedNotLieTogether() throws IOException {
        Path tar = new Written("x.tar")
                .add("./1.json", "{\"fit\": \"slim\"}")
                .add("./2.json", "{\"fit\": \"loose\"}")
                .add("./2.jpg", photo("jpg", 2))
                .add("./1.jpg", photo("jpg", 1))
                .close();

        assertThat(unpack(tar).rows()).isEqualTo(2);
        assertThat(rows())
                .extracting(row ->
                        row.path("image").asText() + " " + row.path("fit").asText())
                .containsExactly("images/x/1.jpg slim", "images/x/2.jpg loose");
    }

    @Test
    void whatCannotBeUsedIsCountedAndNamed() throws IOException {
        byte[] jpeg = photo("jpg", 1);
        Path tar = new Written("0.tar")
                .add("good.jpg", jpeg)
                .add("good.cls", "3")
                .add("good.png", photo("png", 1))
                .add("._good.jpg", "x")
                .add("README", "x")
                .add("gone.json", "{\"status\": \"failed_to_download\", \"error_message\": \"404\"}")
                .add("gone.txt", "a dress")
                .add("bare.json", "{\"status\": \"success\"}")
                .add("bare.seg.png", jpeg)
                .add("cut.jpg", Arrays.copyOf(jpeg, jpeg.length / 2))
                .add("page.jpg", "<!doctype html><html>")
                .add("json.jpg", jpeg)
                .add("json.json", "{\"fit\": ")
                .add("list.jpg", jpeg)
                .add("list.json", "[1]")
                .add("latin.jpg", jpeg)
                .add("latin.txt", new byte[] {'a', (byte) 0xe9})
                .add("twice.jpg", jpeg)
                .add("twice.txt", "a")
                .add("twice.txt", "b")
                .close();

        WebDataset.Report report = unpack(tar);

        assertThat(report.rows()).isEqualTo(1);
        assertThat(report.samples()).isEqualTo(9);
        assertThat(report.failed()).isEqualTo(Map.of("failed_to_download", 1));
        assertThat(report.withoutImage()).singleElement().asString().contains("0.tar: sample 'bare'", "only seg.png");
        assertThat(report.otherFiles())
                .isEqualTo(Map.of(
                        "cls", 1, "seg.png", 1, "hidden", 1, "without ending", 1, "second image of a sample", 1));
        assertThat(report.unreadable())
                .hasSize(6)
                .allMatch(line -> line.startsWith(tar + ": "))
                .satisfiesExactly(
                        line -> assertThat(line).contains("cut.jpg: the", "cut short"),
                        line -> assertThat(line).contains("page.jpg: not an image", "web page"),
                        line -> assertThat(line).contains("json.json: is no JSON ("),
                        line -> assertThat(line).contains("list.json: is no JSON object"),
                        line -> assertThat(line).contains("latin.txt: is not UTF-8"),
                        line -> assertThat(line).contains("twice.txt: is in the tar twice"));
        try (var files = Files.list(dir.resolve("out/images/0"))) {
            assertThat(files).containsExactly(dir.resolve("out/images/0/good.jpg"));
        }
    }

    @Test
    void whatNoFileSystemTakesIsOneLineAndTheRestIsUnpacked() throws IOException {
        byte[] jpeg = photo("jpg", 1);
        Path tar = new Written("0.tar")
                .add("a".repeat(300) + ".jpg", jpeg)
                .add("b.jpg", jpeg)
                .add("b.jpg/c.jpg", jpeg)
                .add("d.jpg", jpeg)
                .close();

        WebDataset.Report report = unpack(tar);

        assertThat(rows())
                .extracting(row -> row.path("image").asText())
                .containsExactly("images/0/b.jpg", "images/0/d.jpg");
        assertThat(report.unreadable())
                .hasSize(2)
                .anyMatch(line -> line.contains("has a name longer than 255 bytes"))
                .anyMatch(line -> line.contains("b.jpg/c.jpg: lies in"));
    }

    @Test
    void nothingIsWrittenOutsideTheFolder() throws IOException {
        byte[] jpeg = photo("jpg", 1);
        Path tar = new Written("0.tar")
                .add("../climbs.jpg", jpeg)
                .add("a/../../../climbs.jpg", jpeg)
                .add(dir.resolve("absolute.jpg").toString(), jpeg)
                .add("back\\slash.jpg", jpeg)
                .link("link.jpg", "/etc/passwd")
                .link("folder", dir.toString())
                .add("folder/through.jpg", jpeg)
                .close();

        WebDataset.Report report = unpack(tar);

        assertThat(report.refused())
                .hasSize(6)
                .anyMatch(line ->
                        line.equals(tar + ": entry '../climbs.jpg' leads out of the folder that is unpacked to"))
                .anyMatch(line -> line.contains("absolute.jpg' leads out"))
                .anyMatch(line -> line.contains("'link.jpg' is a link to '/etc/passwd'"));
        assertThat(rows())
                .singleElement()
                .satisfies(row -> assertThat(row.path("image").asText()).isEqualTo("images/0/folder/through.jpg"));
        try (var files = Files.walk(dir)) {
            assertThat(files.filter(file -> file.toString().endsWith(".jpg")))
                    .containsExactly(dir.resolve("out/images/0/folder/through.jpg"));
        }
    }

    @Test
    void aShardThatCannotBeReadIsOneLineAndTheOthersAreUnpacked() throws IOException {
        Path shards = Files.createDirectories(dir.resolve("shards"));
        Path good = new Written("shards/0.tar").add("a.jpg", photo("jpg", 1)).close();
        byte[] tar = Files.readAllBytes(good);
        Files.write(shards.resolve("1-inside.tar"), Arrays.copyOf(tar, 700));
        Files.write(
                shards.resolve("2-between.tar"), Arrays.copyOf(tar, 512 + (photo("jpg", 1).length + 511) / 512 * 512));
        byte[] damaged = tar.clone();
        damaged[130]++;
        Files.write(shards.resolve("3-header.tar"), damaged);
        Files.write(shards.resolve("4-empty.tar"), new byte[0]);
        Files.writeString(
                shards.resolve("5-lfs.tar"),
                "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0".repeat(64) + "\nsize 12345\n");
        try (GZIPOutputStream out = new GZIPOutputStream(Files.newOutputStream(shards.resolve("6.tar.gz")))) {
            out.write(tar);
        }
        byte[] packed = Files.readAllBytes(shards.resolve("6.tar.gz"));
        Files.write(shards.resolve("6-cut.tgz"), Arrays.copyOf(packed, packed.length / 2));
        Files.write(shards.resolve("6-packed.tar"), new byte[] {'(', (byte) 0xb5, '/', (byte) 0xfd, 0, 0});
        Files.writeString(shards.resolve("7-text.tar"), "no tar at all ".repeat(100));
        byte[] longer = tar.clone();
        // the entry's size, in octal digits, and so its checksum
        longer[126] += 1;
        longer[151] += 1;
        Files.write(shards.resolve("8-size.tar"), longer);
        Files.writeString(shards.resolve("notes.txt"), "not looked at");

        WebDataset.Report report = unpack(shards);

        assertThat(report.rows()).as("of 0.tar and 6.tar.gz").isEqualTo(2);
        assertThat(report.shards()).isEqualTo(2);
        assertThat(report.badShards())
                .satisfiesExactly(
                        line -> assertThat(line).contains("1-inside.tar: is cut short"),
                        line -> assertThat(line).contains("2-between.tar: is cut short", "mark at a tar's end"),
                        line -> assertThat(line).contains("3-header.tar: is no tar file"),
                        line -> assertThat(line).contains("4-empty.tar: is empty"),
                        line -> assertThat(line).contains("5-lfs.tar: is a Git LFS pointer", "12,345"),
                        line -> assertThat(line).contains("6-cut.tgz: is cut short"),
                        line -> assertThat(line).contains("6-packed.tar: is packed by zstd: unpack it"),
                        line -> assertThat(line).contains("7-text.tar: is no tar file"),
                        line -> assertThat(line).contains("8-size.tar: "));
        try (var folders = Files.list(dir.resolve("out/images"))) {
            assertThat(folders).containsExactlyInAnyOrder(dir.resolve("out/images/0"), dir.resolve("out/images/6"));
        }
    }

    @Test
    void noDamageIsMoreThanALine() throws IOException {
        byte[] tar = Files.readAllBytes(new Written("whole.tar")
                .add("a.jpg", photo("jpg", 1))
                .add("a-very-long-name".repeat(10) + ".json", "{\"fit\": \"slim\"}")
                .add("a.json", "{\"fit\": \"slim\"}")
                .add("a.txt", "a dress")
                .close());
        SplittableRandom random = new SplittableRandom(1);
        for (int i = 0; i < 400; i++) {
            byte[] damaged = tar.clone();
            for (int bytes = random.nextInt(1, 4); bytes > 0; bytes--) {
                int block = random.nextInt(8) * 512;
                damaged[block + random.nextInt(512)] = (byte) (random.nextBoolean() ? random.nextInt() : '0' + bytes);
            }
            Path shard = Files.write(dir.resolve(i + ".tar"), damaged);
            WebDataset.Report report =
                    new WebDataset(dir.resolve("out" + i), new ImageReader()).unpack(List.of(shard), Progress.NONE);
            assertThat(report.shards() + report.badShards().size()).isEqualTo(1);
        }
    }

    @Test
    void finishedShardsAreNotUnpackedAgain() throws IOException {
        Path first = new Written("0.tar").add("a.jpg", photo("jpg", 1)).close();
        Path second = new Written("1.tar").add("a.jpg", photo("jpg", 2)).close();
        assertThat(unpack(first).already()).isZero();
        Path photo = dir.resolve("out/images/0/a.jpg");
        FileTime longAgo = FileTime.fromMillis(0);
        Files.setLastModifiedTime(photo, longAgo);
        // as a kill leaves it: photos without a word on what became of their shard
        Files.createDirectories(dir.resolve("out/images/1"));
        Files.writeString(dir.resolve("out/images/1/half.jpg"), "half");

        WebDataset.Report report = unpack(first, second);

        assertThat(report.rows()).isEqualTo(2);
        assertThat(report.already()).isEqualTo(1);
        assertThat(Files.getLastModifiedTime(photo)).isEqualTo(longAgo);
        assertThat(dir.resolve("out/images/1/half.jpg")).doesNotExist();
        byte[] table = Files.readAllBytes(report.table());

        Files.delete(photo);
        Files.delete(photo.getParent());
        assertThat(unpack(second).rows()).as("a shard whose photos are gone").isEqualTo(1);
        assertThat(unpack(dir).already()).isEqualTo(1);
        assertThat(report.table()).hasBinaryContent(table);

        new Written("0.tar")
                .add("b.jpg", photo("jpg", 3))
                .add("c.jpg", photo("jpg", 4))
                .close();
        Files.setLastModifiedTime(first, FileTime.fromMillis(5000));
        assertThat(unpack(first).rows()).as("a shard that has changed").isEqualTo(3);
        assertThat(photo).doesNotExist();
    }

    @Test
    void thereMustBeSomethingToUnpackAndAPlaceForIt() throws IOException {
        Path tar = new Written("0.tar").add("a.jpg", photo("jpg", 1)).close();
        assertThatThrownBy(() -> unpack(dir.resolve("none.tar")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("none.tar: there is no such file");
        Path empty = Files.createDirectories(dir.resolve("empty"));
        assertThatThrownBy(() -> unpack(empty)).hasMessageContaining("empty: holds no .tar file");
        Path other = Files.createDirectories(dir.resolve("other"));
        Files.copy(tar, other.resolve("0.tar"));
        assertThatThrownBy(() -> unpack(tar, other)).hasMessageContaining("has the name of " + tar);
        assertThatThrownBy(() -> new WebDataset(other, new ImageReader()).unpack(List.of(tar), Progress.NONE))
                .hasMessageContaining("other: holds other files");
        assertThat(unpack(new Written("1.tar").close()).rows()).isZero();
        assertThat(dir.resolve("out/photos.jsonl")).doesNotExist();
    }
}
