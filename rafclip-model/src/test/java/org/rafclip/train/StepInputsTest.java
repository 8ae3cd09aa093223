package org.rafclip.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.NoSuchElementException;
import org.datavec.api.writable.NDArrayWritable;
import org.datavec.api.writable.Writable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.data.DataException;
import org.rafclip.data.Prefetch;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.data.region.FashionRecordReader;
import org.rafclip.data.region.FashionRecordReader.Column;
import org.rafclip.data.region.RegionLoader;
import org.rafclip.data.text.Prompts;
import org.rafclip.ops.JavaOps;
import org.rafclip.photos.PhotoData;
import org.rafclip.photos.PhotoSplits;
import org.rafclip.text.ClipTokenizer;

/** What a training computes on is what its record reader gives. */
class StepInputsTest {

    private static final int BATCH = 8;

    @TempDir
    static Path dir;

    private static RafClipConfig config;
    private static FashionSplit split;
    private static List<FashionItem> train;
    private static ClipTokenizer tokenizer;

    @BeforeAll
    static void drawPhotos() throws IOException {
        JavaOps.install();
        TinyRun.drawPhotos(dir);
        config = TinyRun.config(dir, dir.resolve("run"));
        PhotoData.Parts parts = PhotoData.parts(new PhotoSplits(), config.data(), config.seed());
        split = parts.split().annotations();
        train = parts.train();
        tokenizer = RafClipTrainer.initialModel(config, split.taxonomy(), train).tokenizer();
    }

    private static FashionRecordReader reader(int threads) {
        RegionLoader loader =
                PhotoData.loader(split, config.data(), config.data().train());
        return new FashionRecordReader(loader, train, new FashionRecordReader.Options(true, config.seed(), threads));
    }

    private static INDArray image(List<Writable> record, Column branch) {
        return ((NDArrayWritable) record.get(branch.ordinal())).get();
    }

    private static float[] pixels(INDArray images, int image) {
        int length = (int) (images.length() / images.size(0));
        float[] all = images.data().asFloat();
        return Arrays.copyOfRange(all, image * length, (image + 1) * length);
    }

    @Test
    void aTrainingsFirstBatchesAreTheRecordsOfTheReader() {
        try (FashionRecordReader served = reader(3);
                FashionRecordReader records = reader(1);
                Prefetch<StepInputs.Inputs> ahead = new Prefetch<>(
                        new StepInputs(served, 3, tokenizer, split.taxonomy(), config), 2, StepInputs.Inputs::close)) {
            for (int batch = 0; batch < 3; batch++) {
                List<List<Writable>> expected = records.next(BATCH);
                try (StepInputs.Inputs inputs = ahead.next()) {
                    assertThat(inputs.images().shape()).containsExactly(2 * BATCH, 3, 32, 32);
                    for (int i = 0; i < BATCH; i++) {
                        assertThat(pixels(inputs.images(), i))
                                .isEqualTo(image(expected.get(i), Column.CROP)
                                        .data()
                                        .asFloat());
                        assertThat(pixels(inputs.images(), BATCH + i))
                                .isEqualTo(image(expected.get(i), Column.REGION)
                                        .data()
                                        .asFloat());
                        assertTexts(inputs.texts(), i, expected.get(i), split.taxonomy());
                    }
                    assertThat(inputs.encoded().ids())
                            .isDeepEqualTo(
                                    tokenizer.encode(inputs.texts().texts()).ids());
                }
            }
            assertThat(ahead.hasNext()).isFalse();
        }
    }

    private static void assertTexts(BatchTexts texts, int i, List<Writable> record, AttributeTaxonomy taxonomy) {
        String category = record.get(Column.CATEGORY.ordinal()).toString();
        assertThat(texts.texts().get(texts.textOfImage()[0][i]))
                .isEqualTo(Prompts.PAPER
                        .category(record.get(Column.COLOR.ordinal()).toString(), category)
                        .get(0));
        for (int g = 0; g < taxonomy.groups().size(); g++) {
            int label = record.get(FashionRecordReader.FIRST_ATTRIBUTE + g).toInt();
            assertThat(texts.texts().get(texts.textOfImage()[1 + g][BATCH + i]))
                    .isEqualTo(Prompts.PAPER
                            .attribute(taxonomy.group(g).words(label), category)
                            .get(0));
        }
    }

    @Test
    void withoutTheCategoryBranchThereAreRegionsOnly() {
        try (FashionRecordReader served = reader(2);
                FashionRecordReader records = reader(1)) {
            served.seek(2, BATCH);
            records.seek(2, BATCH);
            RafClipConfig regions = TinyRun.config(dir, dir.resolve("run"), "loss.alpha=1");
            StepInputs inputs = new StepInputs(served, 1, tokenizer, split.taxonomy(), regions);
            List<List<Writable>> expected = records.next(BATCH);
            try (StepInputs.Inputs batch = inputs.next()) {
                assertThat(batch.images().shape()).containsExactly(BATCH, 3, 32, 32);
                for (int i = 0; i < BATCH; i++) {
                    assertThat(pixels(batch.images(), i))
                            .isEqualTo(
                                    image(expected.get(i), Column.REGION).data().asFloat());
                }
            }
            assertThat(inputs.hasNext()).isFalse();
            assertThatThrownBy(inputs::next).isInstanceOf(NoSuchElementException.class);
        }
    }

    /** Captions for every second garment. */
    private static List<FashionItem> captioned(List<FashionItem> items) {
        return items.stream()
                .map(item -> item.withCaptions(
                        item.line() % 2 == 0 ? List.of("caption of " + item.line(), "another") : List.of()))
                .toList();
    }

    private static FashionRecordReader captionReader() {
        RegionLoader loader =
                PhotoData.loader(split, config.data(), config.data().train());
        return new FashionRecordReader(
                loader, captioned(train), new FashionRecordReader.Options(true, config.seed(), 2));
    }

    @Test
    void captionsAreTextsOfTheCropsInTheLastTermAndAloneWhereTheyAreTheWholeLoss() {
        for (double share : new double[] {0.3, 1}) {
            RafClipConfig captions = TinyRun.config(dir, dir.resolve("run"), "loss.captions=" + share);
            try (FashionRecordReader served = captionReader();
                    FashionRecordReader records = captionReader()) {
                StepInputs inputs = new StepInputs(served, 1, tokenizer, split.taxonomy(), captions);
                List<List<Writable>> expected = records.next(BATCH);
                try (StepInputs.Inputs batch = inputs.next()) {
                    assertThat(batch.images().size(0)).isEqualTo(share == 1 ? BATCH : 2 * BATCH);
                    int[][] textOf = batch.texts().textOfImage();
                    assertThat(textOf)
                            .hasDimensions(2 + split.taxonomy().groups().size(), (int)
                                    batch.images().size(0));
                    int[] ofCaptions = textOf[textOf.length - 1];
                    for (int i = 0; i < BATCH; i++) {
                        assertThat(pixels(batch.images(), i))
                                .isEqualTo(image(expected.get(i), Column.CROP)
                                        .data()
                                        .asFloat());
                        String caption =
                                expected.get(i).get(Column.CAPTION.ordinal()).toString();
                        assertThat(
                                        ofCaptions[i] < 0
                                                ? ""
                                                : batch.texts().texts().get(ofCaptions[i]))
                                .isEqualTo(caption);
                        if (share < 1) {
                            assertThat(ofCaptions[BATCH + i]).isEqualTo(-1);
                            assertTexts(batch.texts(), i, expected.get(i), split.taxonomy());
                        } else {
                            for (int term = 0; term < textOf.length - 1; term++) {
                                assertThat(textOf[term][i]).isEqualTo(-1);
                            }
                        }
                    }
                    assertThat(Arrays.stream(ofCaptions)
                                    .filter(text -> text >= 0)
                                    .count())
                            .isBetween(1L, BATCH - 1L);
                }
            }
        }
    }

    @Test
    void ofSeveralTemplatesEachGarmentHasOneByItsPositionInTheEpochWhereverAPassBegan() {
        RafClipConfig several = TinyRun.config(
                dir,
                dir.resolve("run"),
                "prompts.category=['{color} a', '{color} b']",
                "prompts.attribute='{attribute}!'");
        try (FashionRecordReader whole = reader(1);
                FashionRecordReader sought = reader(1)) {
            StepInputs inputs = new StepInputs(whole, 3, tokenizer, split.taxonomy(), several);
            inputs.next().close();
            sought.seek(0, BATCH);
            try (StepInputs.Inputs second = inputs.next();
                    StepInputs.Inputs same = new StepInputs(sought, 1, tokenizer, split.taxonomy(), several).next()) {
                assertThat(same.texts().texts()).isEqualTo(second.texts().texts());
                assertThat(same.texts().textOfImage())
                        .isDeepEqualTo(second.texts().textOfImage());
                assertThat(second.texts().texts())
                        .anyMatch(text -> text.endsWith(" a"))
                        .anyMatch(text -> text.endsWith(" b"))
                        .anyMatch(text -> text.endsWith("!"));
            }
        }
    }

    @Test
    void anEpochLeavesOutWhatDoesNotFillABatch() throws Exception {
        TinyRun.Listener listener = new TinyRun.Listener();
        TinyRun.train(
                TinyRun.config(dir, dir.resolve("left-out"), "train.batch-size=15", "train.epochs=1"), false, listener);
        assertThat(train).hasSize(32);
        assertThat(listener.steps).hasSize(2);
    }

    @Test
    void fewerPhotosThanABatchAreRefused() {
        assertThatThrownBy(() -> TinyRun.train(
                        TinyRun.config(dir, dir.resolve("refused"), "train.batch-size=33"),
                        false,
                        new TinyRun.Listener()))
                .isInstanceOf(DataException.class)
                .hasMessage("32 training photos make no batch of 33; add train.batch-size=16");
    }
}
