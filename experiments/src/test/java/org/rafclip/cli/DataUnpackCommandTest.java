package org.rafclip.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.DrawnPhotos;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.data.table.PhotoTable;
import org.rafclip.data.table.TableSettings;

/** From shards to a table that is trained on. */
class DataUnpackCommandTest {

    private static final int PHOTOS = 12;

    @TempDir
    private Path dir;

    private static void add(TarArchiveOutputStream tar, String name, byte[] content) throws IOException {
        TarArchiveEntry entry = new TarArchiveEntry(name);
        entry.setSize(content.length);
        tar.putArchiveEntry(entry);
        tar.write(content);
        tar.closeArchiveEntry();
    }

    /** Shards of six samples each, with a failed download at the end of each. */
    private Path shards() throws IOException {
        DrawnPhotos.striped(dir, "train", PHOTOS, 5);
        Path shards = Files.createDirectories(dir.resolve("shards"));
        for (int shard = 0; shard < 2; shard++) {
            try (TarArchiveOutputStream tar = new TarArchiveOutputStream(
                    Files.newOutputStream(shards.resolve("0000" + shard + ".tar")), "UTF-8")) {
                for (int i = 6 * shard; i < 6 * shard + 6; i++) {
                    String key = "%09d".formatted(10000 * shard + i % 6);
                    add(tar, key + ".jpg", Files.readAllBytes(dir.resolve("img/train-" + i + ".jpg")));
                    add(tar, key + ".txt", ("garment\t" + i + "\nof “cloth”").getBytes(StandardCharsets.UTF_8));
                    String json =
                            "{\"fit\": \"%s\", \"category\": \"dress\", \"split\": \"%s\", \"status\": \"success\"}"
                                    .formatted(i % 2 == 0 ? "slim" : "loose", i < 9 ? "train" : "val");
                    add(tar, key + ".json", json.getBytes(StandardCharsets.UTF_8));
                }
                add(
                        tar,
                        "%09d.json".formatted(10000 * shard + 6),
                        "{\"status\": \"failed_to_download\"}".getBytes(StandardCharsets.UTF_8));
            }
        }
        return shards;
    }

    @Test
    void shardsBecomeATableThatIsCheckedAndOpened() throws IOException {
        Path shards = shards();
        Path out = dir.resolve("out");
        Path table = out.resolve("photos.jsonl");

        CommandRun unpack = CommandRun.of("data", "unpack", shards, "--out", out);
        assertThat(unpack.exitCode()).as(unpack.err()).isZero();
        assertThat(unpack.out())
                .contains(table + ": 12 photos of 14 samples in 2 shards, 0 of them unpacked before")
                .contains("samples that were never fetched: failed_to_download 2")
                .endsWith("next: ./rafclip data check " + table + System.lineSeparator());

        CommandRun check = CommandRun.of("data", "check", table);
        assertThat(check.exitCode()).as(check.out() + check.err()).isZero();
        assertThat(check.out()).contains("train: 9 garments in 9 photos", "No problems.");

        FashionSplit val = PhotoTable.open(table, TableSettings.DEFAULT).split("val");
        assertThat(val.items()).hasSize(3).first().satisfies(item -> {
            assertThat(item.id()).isEqualTo("00001/000010003");
            assertThat(item.captions()).isEqualTo(List.of("garment\t9\nof “cloth”"));
            assertThat(item.category()).contains("dress");
        });
        assertThat(val.taxonomy().group(0).attributes()).containsExactly("loose", "slim");

        assertThat(CommandRun.of("data", "unpack", shards, "--out", out).out()).contains("2 of them unpacked before");
    }

    @Test
    void badShardsAreListedAndAFailure() throws IOException {
        Path shards = shards();
        Path first = shards.resolve("00000.tar");
        byte[] tar = Files.readAllBytes(first);
        Files.write(first, Arrays.copyOf(tar, tar.length / 2));

        CommandRun half = CommandRun.of("data", "unpack", shards, "--out", dir.resolve("out"), "--show", "0");
        assertThat(half.exitCode()).isEqualTo(1);
        assertThat(half.out())
                .contains("6 photos of 7 samples in 1 shards", "shards that cannot be read, left out: 1")
                .contains("... and 1 more")
                .doesNotContain("cut short");
        CommandRun none = CommandRun.of("data", "unpack", first, "--out", dir.resolve("none"));
        assertThat(none.exitCode()).isEqualTo(1);
        assertThat(none.out()).contains("00000.tar: is cut short", "There is no photo to train on.");
        CommandRun missing = CommandRun.of("data", "unpack", dir.resolve("no.tar"), "--out", dir.resolve("none"));
        assertThat(missing.exitCode()).isEqualTo(1);
        assertThat(missing.err()).contains("no.tar: there is no such file");
    }
}
