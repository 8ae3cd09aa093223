package org.rafclip.data.region;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.datavec.api.records.Record;
import org.datavec.api.records.metadata.RecordMetaDataLine;
import org.datavec.api.split.FileSplit;
import org.datavec.api.writable.NDArrayWritable;
import org.datavec.api.writable.Writable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.DataException;
import org.rafclip.data.DrawnPhotos;
import org.rafclip.data.Progress;
import org.rafclip.data.Seeds;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.ImageReader;
import org.rafclip.data.image.RgbImage;
import org.rafclip.data.region.FashionRecordReader.Column;
import org.rafclip.data.segment.GrabCutSegmenter;
import org.rafclip.data.segment.MaskCache;
import org.rafclip.data.segment.Segmentation;
import org.rafclip.data.segment.Segmenter;
import org.rafclip.data.text.FashionColor;

/** Garments as batches: through the reader, whatever the order, the threads and where an epoch begins. */
class RegionBatchTest {

    private static final String AUGMENTED = "squash(18) | random-crop(16) | flip(0.5) | normalize(clip)";
    private static final int BATCH = 5;

    @TempDir
    static Path dir;

    @BeforeAll
    static void writeData() throws IOException {
        DrawnPhotos.plain(dir, "train", 23);
    }

    private static RegionLoader loader(RegionSettings settings, long memory) {
        return loader(dir, settings, memory);
    }

    private static RegionLoader loader(Path data, RegionSettings settings, long memory) {
        return new RegionLoader(
                FashionSplit.read(data, "train"),
                new ImageReader(),
                new MaskCache(data.resolve("masks"), new GrabCutSegmenter()),
                settings,
                memory);
    }

    private static FashionRecordReader reader(RegionLoader loader, boolean shuffle, int threads) {
        return new FashionRecordReader(
                loader, loader.split().items(), new FashionRecordReader.Options(shuffle, 42, threads));
    }

    private static FashionRecordReader shuffled(RegionLoader loader, int threads) {
        return reader(loader, true, threads);
    }

    private static RegionBatch next(FashionRecordReader reader) {
        return RegionBatch.of(reader.next(BATCH), Column.CROP, Column.REGION);
    }

    /** The batches of an epoch from one of them on; the reader is closed. */
    private static List<RegionBatch> all(FashionRecordReader reader, int epoch, int first) {
        List<RegionBatch> served = new ArrayList<>();
        try (reader) {
            reader.seek(epoch, first * BATCH);
            while (reader.hasNext()) {
                served.add(next(reader));
            }
        }
        return served;
    }

    private static float[] pixels(RegionBatch batch) {
        return batch.images().data().asFloat();
    }

    private static float[] crop(RegionBatch batch, int i) {
        return pixels(batch, i);
    }

    private static float[] region(RegionBatch batch, int i) {
        return pixels(batch, batch.size() + i);
    }

    private static float[] pixels(RegionBatch batch, int image) {
        int length = Math.toIntExact(batch.images().length() / batch.images().size(0));
        return Arrays.copyOfRange(pixels(batch), image * length, (image + 1) * length);
    }

    private static List<Integer> places(RegionBatch batch) {
        return batch.ids().stream()
                .map(id -> Integer.valueOf(id.replaceAll("\\D", "")))
                .toList();
    }

    private static void assertSame(List<RegionBatch> left, List<RegionBatch> right) {
        assertThat(left).hasSameSizeAs(right);
        for (int i = 0; i < left.size(); i++) {
            assertThat(left.get(i))
                    .usingRecursiveComparison()
                    .ignoringFields("images")
                    .isEqualTo(right.get(i));
            assertThat(left.get(i).images().shape())
                    .isEqualTo(right.get(i).images().shape());
            assertThat(pixels(left.get(i))).isEqualTo(pixels(right.get(i)));
        }
    }

    @Test
    void neitherThreadsNorMemoryChangeABatch() {
        RegionSettings settings = RegionSettings.regions("mean", AUGMENTED);
        List<RegionBatch> expected = all(shuffled(loader(settings, 0), 1), 3, 0);

        assertSame(all(shuffled(loader(settings, 1 << 20), 4), 3, 0), expected);
        assertSame(all(shuffled(loader(settings, 9000), 2), 3, 0), expected);
        assertThat(expected).extracting(RegionBatch::size).containsExactly(5, 5, 5, 5, 3);
    }

    @Test
    void aLimitedReaderMakesTheSameImagesAndNoOthers() {
        RegionLoader loader = loader(RegionSettings.regions("mean", AUGMENTED), 1 << 20);
        List<RegionBatch> whole = all(shuffled(loader, 2), 1, 0);
        FashionRecordReader limited = shuffled(loader, 2);
        limited.limitTo((offset, branch) -> branch == Column.CROP ? offset >= 2 : offset == 0);

        List<RegionBatch> some = all(limited, 1, 0);
        assertThat(some).hasSameSizeAs(whole);
        for (int b = 0; b < some.size(); b++) {
            RegionBatch expected = whole.get(b);
            RegionBatch found = some.get(b);
            assertThat(found)
                    .usingRecursiveComparison()
                    .ignoringFields("images")
                    .isEqualTo(expected);
            int crops = expected.size() - 2;
            assertThat(found.images().size(0)).isEqualTo(crops + 1);
            for (int i = 0; i < crops; i++) {
                assertThat(pixels(found, i)).isEqualTo(crop(expected, 2 + i));
            }
            assertThat(pixels(found, crops)).isEqualTo(region(expected, 0));
        }
    }

    @Test
    void orderAndAugmentationAreDrawnFromSeedEpochAndPlace() {
        RegionLoader loader = loader(RegionSettings.regions("mean", AUGMENTED), 1 << 20);
        int[] order = Seeds.permutation(23, Seeds.stream(42, 6, -1, 0));
        List<RegionBatch> batches = all(shuffled(loader, 3), 6, 0);

        for (int i = 0; i < order.length; i++) {
            RegionBatch batch = batches.get(i / BATCH);
            RegionSample sample = loader.load(loader.split().items().get(order[i]));
            assertThat(batch.ids().get(i % BATCH)).isEqualTo(sample.id());
            assertThat(crop(batch, i % BATCH))
                    .isEqualTo(loader.cropRest().toFloats(sample.crop(), Seeds.stream(42, 6, order[i], 0)));
            assertThat(region(batch, i % BATCH))
                    .isEqualTo(loader.regionRest().toFloats(sample.region(), Seeds.stream(42, 6, order[i], 1)));
        }
    }

    @Test
    void anEpochCanStartAnywhere() {
        RegionLoader loader = loader(RegionSettings.regions("mean", AUGMENTED), 1 << 20);
        List<RegionBatch> whole = all(shuffled(loader, 2), 1, 0);

        for (int first = 0; first < 5; first++) {
            assertSame(all(shuffled(loader, 2), 1, first), whole.subList(first, 5));
        }
        try (FashionRecordReader reader = shuffled(loader, 2)) {
            reader.seek(1, 23);
            assertThat(reader.hasNext()).isFalse();
            reader.seek(1, 7);
            assertThat(next(reader).ids().subList(0, 3))
                    .isEqualTo(whole.get(1).ids().subList(2, 5));
            assertThatThrownBy(() -> reader.seek(1, 24)).hasMessageContaining("no record 24 of 23");
            assertThatThrownBy(() -> reader.seek(-1, 0)).hasMessageContaining("epoch -1");
        }
    }

    @Test
    void resettingGoesOnToTheNextEpoch() {
        RegionLoader loader = loader(RegionSettings.regions("mean", AUGMENTED), 1 << 20);
        List<RegionBatch> expected = all(shuffled(loader, 2), 2, 0);
        List<RegionBatch> served = new ArrayList<>();
        try (FashionRecordReader reader = shuffled(loader, 2)) {
            reader.seek(1, 20);
            reader.next(BATCH);
            reader.reset();
            assertThat(reader.epoch()).isEqualTo(2);
            while (reader.hasNext()) {
                served.add(next(reader));
            }
        }
        assertSame(served, expected);
    }

    @Test
    void everyEpochServesEveryGarmentOnceInAnOrderOfItsOwn() {
        RegionLoader loader = loader(RegionSettings.regions("mean", AUGMENTED), 1 << 20);
        Set<List<Integer>> orders = new HashSet<>();
        for (int epoch = 0; epoch < 4; epoch++) {
            List<Integer> order = new ArrayList<>();
            all(shuffled(loader, 2), epoch, 0).forEach(batch -> order.addAll(places(batch)));
            assertThat(order).hasSize(23);
            assertThat(new TreeSet<>(order)).hasSize(23);
            orders.add(order);
        }
        assertThat(orders).hasSize(4);
    }

    @Test
    void augmentationBelongsToTheGarmentNotToItsBatch() {
        RegionLoader loader = loader(RegionSettings.regions("mean", AUGMENTED), 1 << 20);
        FashionRecordReader listed = reader(loader, false, 2);
        listed.seek(2, 0);
        RegionBatch one = RegionBatch.of(listed.next(23), Column.CROP, Column.REGION);
        listed.close();

        for (RegionBatch batch : all(shuffled(loader, 2), 2, 0)) {
            for (int i = 0; i < batch.size(); i++) {
                int place = places(batch).get(i);
                assertThat(crop(batch, i)).isEqualTo(crop(one, place));
                assertThat(region(batch, i)).isEqualTo(region(one, place));
            }
        }
    }

    @Test
    void labelsColorsAndPixelsBelongTogether() {
        RegionLoader loader = loader(RegionSettings.regions("mean", "squash(24) | normalize(clip)"), 1 << 20);
        FashionColor[] expected = {FashionColor.RED, FashionColor.GREEN, FashionColor.BLUE, FashionColor.BLACK};

        for (RegionBatch batch : all(shuffled(loader, 2), 0, 0)) {
            assertThat(batch.images().shape()).containsExactly(2L * batch.size(), 3, 24, 24);
            for (int i = 0; i < batch.size(); i++) {
                int place = places(batch).get(i);
                assertThat(batch.ids().get(i)).isEqualTo("img/train" + place + ".png");
                assertThat(batch.colors().get(i)).isEqualTo(expected[place % 4].word());
                assertThat(batch.categories().get(i)).isEqualTo("clothing");
                assertThat(batch.attributes()[i]).containsOnly(place % 3).hasSize(6);
                int center = 12 * 24 + 12;
                double red = place % 4 == 0 ? 1 : 0;
                assertThat(crop(batch, i)[center]).isCloseTo((float) ((red - 0.48145466) / 0.26862954), within(1e-4f));
                assertThat(region(batch, i)[center]).isEqualTo(crop(batch, i)[center]);
                assertThat(crop(batch, i)[0]).isGreaterThan(1);
                assertThat(region(batch, i)[0]).as("the mean color is zero").isCloseTo(0, within(0.01f));
            }
        }
    }

    @Test
    void completeImagesAreNeitherCroppedNorMasked() {
        RegionLoader loader = loader(RegionSettings.complete("squash(24) | normalize(clip)"), 1 << 20);

        for (RegionBatch batch : all(shuffled(loader, 2), 0, 0)) {
            for (int i = 0; i < batch.size(); i++) {
                assertThat(region(batch, i)).isEqualTo(crop(batch, i));
                assertThat(crop(batch, i)[12 * 24 + 1])
                        .as("the wall beside the garment")
                        .isGreaterThan(1);
            }
        }
    }

    @Test
    void aBatchHasTheBranchesAskedForAndClosesTheRecordsImages() {
        RegionLoader loader = loader(RegionSettings.regions("mean", AUGMENTED), 1 << 20);
        RegionBatch both;
        try (FashionRecordReader reader = reader(loader, false, 2)) {
            both = next(reader);
            reader.seek(0, 0);
            List<List<Writable>> records = reader.next(BATCH);
            RegionBatch regions = RegionBatch.of(records, Column.REGION);

            assertThat(regions.images().shape()).containsExactly(5, 3, 16, 16);
            for (int i = 0; i < BATCH; i++) {
                assertThat(pixels(regions, i)).isEqualTo(region(both, i));
                for (Column column : List.of(Column.CROP, Column.REGION)) {
                    assertThat(((NDArrayWritable) records.get(i).get(column.ordinal()))
                                    .get()
                                    .wasClosed())
                            .isTrue();
                }
            }
            regions.close();
            assertThat(regions.images().wasClosed()).isTrue();
        }
        assertThat(both.images().wasClosed()).isFalse();
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
    void aPhotoThatCannotBeReadSurfacesInItsBatchAndTheNextGoesOn(@TempDir Path broken) throws Exception {
        DrawnPhotos.plain(broken, "train", 12);
        Files.delete(broken.resolve("img/train7.png"));
        Files.delete(broken.resolve("img/train5.png"));
        RegionLoader loader = loader(broken, RegionSettings.regions("mean", AUGMENTED), 0);

        for (int threads : new int[] {1, 2, 4}) {
            try (FashionRecordReader reader = reader(loader, false, threads)) {
                assertThat(reader.next(4)).hasSize(4);
                assertThatThrownBy(() -> reader.next(4))
                        .as("the first of two")
                        .isInstanceOf(DataException.class)
                        .hasMessageContaining("train5.png");
                assertThat(reader.next(4)).hasSize(4);
            }
        }
        assertThatThrownBy(() -> loader.loadAll(loader.split().items(), 2, Progress.NONE))
                .hasMessageContaining("train5.png");
    }

    @Test
    void closingEndsTheThreadsAndABatchAfterwardsIsRefused() throws InterruptedException {
        FashionRecordReader reader = shuffled(loader(RegionSettings.regions("mean", AUGMENTED), 0), 3);
        reader.next(BATCH);
        assertThat(workers()).isEqualTo(3);
        reader.close();
        reader.close();

        assertThatThrownBy(() -> reader.next(BATCH))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
        assertThatThrownBy(reader::next).isInstanceOf(IllegalStateException.class);
        long deadline = System.nanoTime() + 5_000_000_000L;
        while (workers() > 0 && System.nanoTime() < deadline) {
            Thread.sleep(10);
        }
        assertThat(workers()).isZero();
    }

    private static long workers() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().equals("records"))
                .count();
    }

    @Test
    void anInterruptionEndsTheCallWithNothingLeftInHand() throws InterruptedException {
        CountDownLatch working = new CountDownLatch(2);
        AtomicInteger inHand = new AtomicInteger();
        Segmenter slow = segmenter(() -> {
            inHand.incrementAndGet();
            working.countDown();
            sleep(200);
            inHand.decrementAndGet();
        });
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        try (FashionRecordReader reader = shuffled(loader(slow, dir.resolve("slow")), 2)) {
            Thread consumer = new Thread(() -> {
                thrown.set(catchThrowable(() -> reader.next(23)));
                assertThat(inHand).hasValue(0);
            });
            consumer.start();
            working.await();
            consumer.interrupt();
            consumer.join();
        }
        assertThat(thrown.get()).isInstanceOf(CancellationException.class);
        assertThat(inHand).hasValue(0);
    }

    private static void sleep(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private static RegionLoader loader(Segmenter segmenter, Path masks) {
        return new RegionLoader(
                FashionSplit.read(dir, "train"),
                new ImageReader(),
                new MaskCache(masks, segmenter),
                RegionSettings.regions("mean", AUGMENTED),
                1 << 20);
    }

    private static Segmenter segmenter(Runnable work) {
        return new Segmenter() {
            @Override
            public Segmentation segment(RgbImage image, Box box) {
                work.run();
                return Segmentation.plainBox(image.width(), image.height(), box);
            }

            @Override
            public String id() {
                return "counting";
            }
        };
    }

    @Test
    void noMoreRecordsAreMadeThanAsked() {
        AtomicInteger made = new AtomicInteger();
        Segmenter counting = segmenter(made::incrementAndGet);
        try (FashionRecordReader reader = shuffled(loader(counting, dir.resolve("counted")), 4)) {
            reader.next(BATCH);
            reader.next(BATCH);
            assertThat(made).hasValue(10);
        }
    }

    @Test
    void recordsOfAListAreFoundAgainByTheirMetadata() {
        RegionLoader loader = loader(RegionSettings.regions("mean", AUGMENTED), 1 << 20);
        List<FashionItem> some =
                List.of(loader.split().items().get(9), loader.split().items().get(4));
        try (FashionRecordReader reader =
                new FashionRecordReader(loader, some, new FashionRecordReader.Options(false, 42, 2))) {
            Record first = reader.nextRecord();
            Record second = reader.nextRecord();

            assertThat(first.getMetaData().getURI())
                    .isEqualTo(loader.split().file().toUri());
            assertThat(((RecordMetaDataLine) first.getMetaData()).getLineNumber())
                    .isEqualTo(10);
            assertThat(reader.loadFromMetaData(List.of(second.getMetaData(), first.getMetaData())))
                    .containsExactly(second, first);
            assertThatThrownBy(() -> reader.loadFromMetaData(
                            new RecordMetaDataLine(1, loader.split().file().toUri(), FashionRecordReader.class)))
                    .hasMessageContaining("does not come from this reader");
        }
    }

    @Test
    void aReaderOfAListCanBeGivenAnInputSplit() {
        RegionLoader loader = loader(RegionSettings.regions("mean", AUGMENTED), 1 << 20);
        List<RegionBatch> expected = all(shuffled(loader, 2), 0, 0);
        FashionRecordReader reader = new FashionRecordReader(
                loader, loader.split().items().subList(0, 2), new FashionRecordReader.Options(true, 42, 2));
        reader.close();
        reader.initialize(new FileSplit(loader.split().file().toFile()));

        assertSame(all(reader, 0, 0), expected);
    }

    @Test
    void aReaderNeedsAThread() {
        RegionLoader loader = loader(RegionSettings.regions("mean", AUGMENTED), 0);
        assertThatThrownBy(() -> reader(loader, true, 0)).hasMessageContaining("at least one thread, not 0");
    }

    @Test
    void aBoxOutsideItsPhotoNamesItsLine(@TempDir Path outside) throws IOException {
        DrawnPhotos.plain(outside, "train", 2);
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
