package org.rafclip.data.region;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.data.Seeds;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.data.deepfashion.TinyFashion;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.ImageReader;
import org.rafclip.data.image.RgbImage;
import org.rafclip.data.segment.GrabCutSegmenter;
import org.rafclip.data.segment.MaskCache;
import org.rafclip.data.segment.Segmentation;
import org.rafclip.data.segment.Segmenter;
import org.rafclip.data.text.FashionColor;

class RegionBatchesTest {

    private static final String AUGMENTED = "squash(18) | random-crop(16) | flip(0.5) | normalize(clip)";

    @TempDir
    static Path dir;

    @BeforeAll
    static void writeData() throws IOException {
        TinyFashion.write(dir, "train", 23);
    }

    private static RegionLoader loader(RegionSettings settings, long memory) {
        return new RegionLoader(
                FashionSplit.read(dir, "train"),
                new ImageReader(),
                new MaskCache(dir.resolve("masks"), new GrabCutSegmenter()),
                settings,
                memory);
    }

    private static RegionBatches.Options options(int threads, int prefetch) {
        return new RegionBatches.Options(5, true, false, 42, threads, prefetch);
    }

    private static RegionBatches batches(RegionLoader loader, RegionBatches.Options options) {
        return new RegionBatches(loader, loader.split().items(), options);
    }

    private static List<RegionBatch> all(RegionBatches batches, int epoch, int first) {
        List<RegionBatch> served = new ArrayList<>();
        try (RegionBatches.Epoch running = batches.epoch(epoch, first)) {
            running.forEachRemaining(served::add);
        }
        return served;
    }

    private static void assertSame(List<RegionBatch> left, List<RegionBatch> right) {
        assertThat(left).hasSameSizeAs(right);
        for (int i = 0; i < left.size(); i++) {
            assertThat(left.get(i)).usingRecursiveComparison().isEqualTo(right.get(i));
        }
    }

    @Test
    void neitherThreadsNorPrefetchingNorMemoryChangeABatch() {
        RegionSettings settings = RegionSettings.regions("mean", AUGMENTED);
        List<RegionBatch> expected = all(batches(loader(settings, 0), options(1, 0)), 3, 0);

        assertSame(all(batches(loader(settings, 1 << 20), options(4, 3)), 3, 0), expected);
        assertSame(all(batches(loader(settings, 9000), options(2, 1)), 3, 0), expected);
        assertThat(expected).extracting(RegionBatch::size).containsExactly(5, 5, 5, 5, 3);
    }

    @Test
    void anEpochCanStartAtAnyBatch() {
        RegionBatches batches = batches(loader(RegionSettings.regions("mean", AUGMENTED), 1 << 20), options(2, 2));
        List<RegionBatch> whole = all(batches, 1, 0);

        for (int first = 0; first <= 5; first++) {
            assertSame(all(batches, 1, first), whole.subList(first, 5));
        }
        assertThatThrownBy(() -> batches.epoch(1, 6)).hasMessageContaining("no batch 6 of 5");
    }

    @Test
    void everyEpochServesEveryGarmentOnceInAnOrderOfItsOwn() {
        RegionBatches batches = batches(loader(RegionSettings.regions("mean", AUGMENTED), 1 << 20), options(2, 2));
        Set<List<Integer>> orders = new java.util.HashSet<>();
        for (int epoch = 0; epoch < 4; epoch++) {
            List<Integer> order = new ArrayList<>();
            all(batches, epoch, 0)
                    .forEach(batch -> Arrays.stream(batch.samples()).forEach(order::add));
            assertThat(order).hasSize(23);
            assertThat(new TreeSet<>(order)).hasSize(23);
            orders.add(order);
        }
        assertThat(orders).hasSize(4);
    }

    @Test
    void augmentationBelongsToTheGarmentNotToItsBatch() {
        RegionLoader loader = loader(RegionSettings.regions("mean", AUGMENTED), 1 << 20);
        RegionBatch one = all(
                        new RegionBatches(
                                loader, loader.split().items(), new RegionBatches.Options(23, false, false, 42, 2, 0)),
                        2,
                        0)
                .get(0);
        int pixels = 3 * 16 * 16;

        for (RegionBatch batch : all(batches(loader, options(2, 1)), 2, 0)) {
            for (int i = 0; i < batch.size(); i++) {
                int sample = batch.samples()[i];
                assertThat(Arrays.copyOfRange(batch.crops(), i * pixels, (i + 1) * pixels))
                        .isEqualTo(Arrays.copyOfRange(one.crops(), sample * pixels, (sample + 1) * pixels));
                assertThat(Arrays.copyOfRange(batch.regions(), i * pixels, (i + 1) * pixels))
                        .isEqualTo(Arrays.copyOfRange(one.regions(), sample * pixels, (sample + 1) * pixels));
            }
        }
    }

    @Test
    void labelsColorsAndPixelsBelongTogether() {
        RegionLoader loader = loader(RegionSettings.regions("mean", "squash(24) | normalize(clip)"), 1 << 20);
        FashionColor[] expected = {FashionColor.RED, FashionColor.GREEN, FashionColor.BLUE, FashionColor.BLACK};

        for (RegionBatch batch : all(batches(loader, options(2, 2)), 0, 0)) {
            assertThat(batch.shape()).containsExactly(batch.size(), 3, 24, 24);
            for (int i = 0; i < batch.size(); i++) {
                int sample = batch.samples()[i];
                assertThat(batch.ids().get(i)).isEqualTo("img/train" + sample + ".png");
                assertThat(batch.colors().get(i)).isEqualTo(expected[sample % 4]);
                assertThat(batch.categories().get(i)).isEqualTo("clothing");
                assertThat(batch.attributes()[i]).containsOnly(sample % 3).hasSize(6);
                int center = i * 3 * 24 * 24 + 12 * 24 + 12;
                double red = sample % 4 == 0 ? 1 : 0;
                assertThat(batch.crops()[center]).isCloseTo((float) ((red - 0.48145466) / 0.26862954), within(1e-4f));
                assertThat(batch.regions()[center]).isEqualTo(batch.crops()[center]);
                int corner = i * 3 * 24 * 24;
                assertThat(batch.crops()[corner]).isGreaterThan(1);
                assertThat(batch.regions()[corner]).as("the mean color is zero").isCloseTo(0, within(0.01f));
            }
        }
    }

    @Test
    void completeImagesAreNeitherCroppedNorMasked() {
        RegionLoader loader = loader(RegionSettings.complete("squash(24) | normalize(clip)"), 1 << 20);

        for (RegionBatch batch : all(batches(loader, options(2, 2)), 0, 0)) {
            assertThat(batch.regions()).isEqualTo(batch.crops());
            for (int i = 0; i < batch.size(); i++) {
                int edge = i * 3 * 24 * 24 + 12 * 24 + 1;
                assertThat(batch.crops()[edge])
                        .as("the wall beside the garment")
                        .isGreaterThan(1);
            }
        }
    }

    @Test
    void theLastBatchCanBeLeftOut() {
        RegionLoader loader = loader(RegionSettings.regions("mean", AUGMENTED), 0);
        RegionBatches.Options dropping = new RegionBatches.Options(5, true, true, 1, 1, 0);

        assertThat(batches(loader, dropping).batchesPerEpoch()).isEqualTo(4);
        assertThatThrownBy(
                        () -> new RegionBatches(loader, loader.split().items().subList(0, 3), dropping))
                .hasMessageContaining("3 garments make no batch of 5");
    }

    @Test
    void memoryStaysBelowItsLimit() throws InterruptedException {
        RegionLoader loader = loader(RegionSettings.regions("mean", "squash(16) | normalize(clip)"), 10_000);
        List<Integer> told = new ArrayList<>();

        loader.loadAll(loader.split().items(), 2, (done, total) -> told.add(done));

        assertThat(loader.heldBytes()).isEqualTo(6 * 2 * 16 * 16 * 3);
        assertThat(told).hasSize(23).isSorted().endsWith(23);
    }

    @Test
    void aPhotoThatCannotBeReadSurfacesInItsBatchAndThreadsEnd(@TempDir Path broken) throws Exception {
        TinyFashion.write(broken, "train", 12);
        Files.delete(broken.resolve("img/train7.png"));
        RegionLoader loader = new RegionLoader(
                FashionSplit.read(broken, "train"),
                new ImageReader(),
                new MaskCache(broken.resolve("masks"), new GrabCutSegmenter()),
                RegionSettings.regions("mean", AUGMENTED),
                0);
        RegionBatches batches =
                new RegionBatches(loader, loader.split().items(), new RegionBatches.Options(4, false, false, 1, 2, 2));

        try (RegionBatches.Epoch epoch = batches.epoch(0)) {
            assertThat(epoch.next().ids()).hasSize(4);
            assertThatThrownBy(epoch::next).isInstanceOf(DataException.class).hasMessageContaining("train7.png");
            assertThat(epoch.next().ids()).hasSize(4);
        }
        assertThatThrownBy(() -> loader.loadAll(loader.split().items(), 2, Progress.NONE))
                .hasMessageContaining("train7.png");
    }

    @Test
    void closingEarlyEndsTheThreadsAndABatchAfterwardsIsRefused() throws InterruptedException {
        RegionBatches batches = batches(loader(RegionSettings.regions("mean", AUGMENTED), 0), options(3, 3));
        RegionBatches.Epoch epoch = batches.epoch(0);
        epoch.next();
        epoch.close();

        assertThatThrownBy(epoch::next).isInstanceOf(IllegalStateException.class);
        long deadline = System.nanoTime() + 5_000_000_000L;
        while (workers() > 0 && System.nanoTime() < deadline) {
            Thread.sleep(10);
        }
        assertThat(workers()).isZero();
    }

    private static long workers() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().equals("region-batches"))
                .count();
    }

    @Test
    void noMoreBatchesArePreparedAheadThanAsked() throws InterruptedException {
        AtomicInteger made = new AtomicInteger();
        Segmenter counting = new Segmenter() {
            @Override
            public Segmentation segment(RgbImage image, Box box) {
                made.incrementAndGet();
                return Segmentation.plainBox(image.width(), image.height(), box);
            }

            @Override
            public String id() {
                return "counting";
            }
        };
        RegionLoader loader = new RegionLoader(
                FashionSplit.read(dir, "train"),
                new ImageReader(),
                new MaskCache(dir.resolve("counted"), counting),
                RegionSettings.regions("mean", AUGMENTED),
                1 << 20);
        try (RegionBatches.Epoch epoch = batches(loader, options(4, 1)).epoch(0)) {
            epoch.next();
            Thread.sleep(300);
            assertThat(made.get()).isLessThanOrEqualTo(10);
        }
    }

    @Test
    void aBoxOutsideItsPhotoNamesItsLine(@TempDir Path outside) throws IOException {
        TinyFashion.write(outside, "train", 2);
        Files.write(outside.resolve("Anno_fine/train_bbox.txt"), List.of("9 11 32 44", "900 11 932 44"));
        RegionLoader loader = new RegionLoader(
                FashionSplit.read(outside, "train"),
                new ImageReader(),
                new MaskCache(outside.resolve("masks"), new GrabCutSegmenter()),
                RegionSettings.regions("mean", AUGMENTED),
                0);
        FashionItem bad = loader.split().items().get(1);

        assertThatThrownBy(() -> loader.load(bad))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("train.txt:2: the box of img/train1.png lies outside");
    }

    @Test
    void settingsThatGiveNoBatchAreRefused() {
        assertThatThrownBy(() -> RegionSettings.regions("mean", "resize(24) | normalize(clip)"))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("images of one size");
        assertThatThrownBy(() -> RegionSettings.regions("mean", "squash(24)")).hasMessageContaining("normalize(clip)");
        assertThatThrownBy(() -> RegionSettings.of("squash(24) | normalize(clip)", "squash(32) | normalize(clip)"))
                .hasMessageContaining("24x24")
                .hasMessageContaining("32x32");
    }

    @Test
    void permutationsAreUniform() {
        int[][] seen = new int[5][5];
        for (int i = 0; i < 20_000; i++) {
            int[] order = Seeds.permutation(5, Seeds.stream(9, i));
            for (int place = 0; place < 5; place++) {
                seen[place][order[place]]++;
            }
        }
        for (int[] row : seen) {
            for (int count : row) {
                assertThat(count).isBetween(3750, 4250);
            }
        }
    }
}
