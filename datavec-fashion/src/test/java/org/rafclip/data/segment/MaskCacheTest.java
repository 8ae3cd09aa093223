package org.rafclip.data.segment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.Mask;
import org.rafclip.data.image.RgbImage;

class MaskCacheTest {

    private static final Box BOX = new Box(2, 1, 9, 6);

    @TempDir
    Path dir;

    private final Counting segmenter = new Counting("ellipse-1");

    private static final class Counting implements Segmenter {
        private final Segmenter inner = new EllipseSegmenter();
        private final String id;
        private final AtomicInteger calls = new AtomicInteger();

        Counting(String id) {
            this.id = id;
        }

        @Override
        public Segmentation segment(RgbImage image, Box box) {
            calls.incrementAndGet();
            return image.get(0, 0, 0) == 9
                    ? Segmentation.plainBox(image.width(), image.height(), box)
                    : inner.segment(image, box);
        }

        @Override
        public String id() {
            return id;
        }
    }

    private static RgbImage image(int value) {
        byte[] rgb = new byte[12 * 10 * 3];
        rgb[0] = (byte) value;
        return new RgbImage(12, 10, rgb);
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> files = Files.walk(dir)) {
            return files.filter(Files::isRegularFile).toList();
        }
    }

    @Test
    void aMaskIsComputedOnceAndReadBackEqual() {
        Segmentation first = new MaskCache(dir, segmenter).get(image(1), BOX);
        Segmentation again = new MaskCache(dir, segmenter).get(image(1), BOX);

        assertThat(first)
                .isEqualTo(new EllipseSegmenter().segment(image(1), BOX))
                .isEqualTo(again);
        assertThat(segmenter.calls).hasValue(1);
    }

    @Test
    void theFallbackIsKept() {
        new MaskCache(dir, segmenter).get(image(9), BOX);

        assertThat(new MaskCache(dir, segmenter).get(image(9), BOX))
                .isEqualTo(new Segmentation(Mask.of(12, 10, BOX), true));
        assertThat(segmenter.calls).hasValue(1);
    }

    @Test
    void otherPixelsBoxesAndSegmentersHaveMasksOfTheirOwn() throws IOException {
        MaskCache cache = new MaskCache(dir, segmenter);
        cache.get(image(1), BOX);
        cache.get(image(2), BOX);
        cache.get(image(1), new Box(2, 1, 9, 7));
        cache.get(new RgbImage(10, 12, image(1).rgb()), BOX);
        new MaskCache(dir, new Counting("ellipse-2")).get(image(1), BOX);

        assertThat(files()).hasSize(5);
    }

    @Test
    void aBoxBeyondTheEdgeIsTheSameBoxCutOff() {
        MaskCache cache = new MaskCache(dir, segmenter);

        assertThat(cache.get(image(1), new Box(2, 1, 11, 9))).isEqualTo(cache.get(image(1), new Box(2, 1, 50, 50)));
        assertThat(segmenter.calls).hasValue(1);
    }

    @Test
    void everyTruncatedOrAlteredFileIsComputedAnew() throws IOException {
        Segmentation expected = new MaskCache(dir, segmenter).get(image(1), BOX);
        Path file = files().get(0);
        byte[] whole = Files.readAllBytes(file);
        int damaged = 0;
        for (int length = 0; length < whole.length; length++) {
            Files.write(file, java.util.Arrays.copyOf(whole, length));
            assertThat(new MaskCache(dir, segmenter).get(image(1), BOX)).isEqualTo(expected);
            damaged++;
            byte[] altered = whole.clone();
            altered[length] ^= 0x10;
            Files.write(file, altered);
            assertThat(new MaskCache(dir, segmenter).get(image(1), BOX)).isEqualTo(expected);
            damaged++;
            assertThat(Files.readAllBytes(file)).isEqualTo(whole);
        }
        assertThat(segmenter.calls).hasValue(1 + damaged);
    }

    @Test
    void parallelCallersComputeOnce() {
        MaskCache cache = new MaskCache(dir, segmenter);

        List<Segmentation> answers = IntStream.range(0, 64)
                .parallel()
                .mapToObj(i -> cache.get(image(i % 4), BOX))
                .toList();

        assertThat(answers).hasSize(64);
        assertThat(segmenter.calls).hasValue(4);
    }

    private static List<MaskRequest> requests(int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> new MaskRequest("item " + i, () -> image(i), BOX))
                .toList();
    }

    @Test
    void fillGoesOnWhereItWasInterrupted() throws InterruptedException {
        new MaskCache(dir, segmenter).fill(requests(30), 2, Progress.NONE);
        List<Integer> told = new ArrayList<>();

        MaskCache.FillReport report =
                new MaskCache(dir, segmenter).fill(requests(50), 3, (done, total) -> told.add(done));

        assertThat(report.requested()).isEqualTo(50);
        assertThat(report.computed()).isEqualTo(20);
        assertThat(report.repaired()).isZero();
        assertThat(report.fallbacks()).containsExactly("item 9");
        assertThat(report.failures()).isEmpty();
        assertThat(told)
                .containsExactlyElementsOf(IntStream.rangeClosed(1, 50).boxed().toList());
    }

    @Test
    void fillNamesWhatItCouldNotRead() throws InterruptedException {
        List<MaskRequest> requests = List.of(
                new MaskRequest(
                        "gone",
                        () -> {
                            throw new DataException("gone.jpg: no such file");
                        },
                        BOX),
                new MaskRequest("outside", () -> image(1), new Box(20, 0, 30, 5)),
                new MaskRequest("good", () -> image(1), BOX));

        MaskCache.FillReport report = new MaskCache(dir, segmenter).fill(requests, 2, Progress.NONE);

        assertThat(report.computed()).isEqualTo(1);
        assertThat(report.failures()).extracting(MaskCache.Failure::id).containsExactly("gone", "outside");
        assertThat(report.failures().get(1).message()).contains("no pixel inside the image");
    }

    @Test
    void fillTidiesUpAfterKilledProcesses() throws IOException, InterruptedException {
        Path shard = Files.createDirectories(dir.resolve("ab"));
        Path left = Files.createFile(shard.resolve("abcd.mask.99999999.123.part"));
        Path live = Files.createFile(
                shard.resolve("abcd.mask." + ProcessHandle.current().pid() + ".123.part"));

        new MaskCache(dir, segmenter).fill(requests(1), 1, Progress.NONE);

        assertThat(left).doesNotExist();
        assertThat(live).exists();
    }

    @Test
    void aProcessKilledWhileFillingLeavesOnlyWholeMasks() throws Exception {
        for (int round = 0; round < 3; round++) {
            Process process = new ProcessBuilder(
                            ProcessHandle.current().info().command().orElseThrow(),
                            "-cp",
                            System.getProperty("java.class.path"),
                            Filler.class.getName(),
                            dir.toString())
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            process.getInputStream().read();
            Thread.sleep(round * 20L);
            process.destroyForcibly().waitFor();
        }
        int written = (int) files().stream()
                .filter(file -> file.toString().endsWith(".mask"))
                .count();

        MaskCache.FillReport report = new MaskCache(dir, segmenter).fill(Filler.requests(), 2, Progress.NONE);

        assertThat(written).isPositive();
        assertThat(report.repaired()).isZero();
        assertThat(report.computed()).isEqualTo(Filler.COUNT - written);
        assertThat(files()).allSatisfy(file -> assertThat(file).hasExtension("mask"));
    }

    /** Fills a cache until it is killed. */
    static final class Filler {

        static final int COUNT = 1500;

        static List<MaskRequest> requests() {
            return IntStream.range(0, COUNT)
                    .mapToObj(i -> new MaskRequest(
                            "item " + i,
                            () -> {
                                byte[] rgb = new byte[12 * 10 * 3];
                                rgb[10] = (byte) i;
                                rgb[11] = (byte) (i >> 8);
                                return new RgbImage(12, 10, rgb);
                            },
                            BOX))
                    .toList();
        }

        public static void main(String[] args) throws InterruptedException {
            new MaskCache(Path.of(args[0]), new EllipseSegmenter()).fill(requests(), 2, (done, total) -> {
                if (done == 20) {
                    System.out.println("under way");
                }
            });
        }
    }

    @Test
    void aFolderThatCannotBeWrittenIsNamed() throws IOException {
        Path file = Files.createFile(dir.resolve("file"));

        assertThatThrownBy(() -> new MaskCache(file, segmenter).get(image(1), BOX))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(file.toString())
                .hasMessageContaining("mask cache");
    }
}
