package org.rafclip.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.DataException;
import org.rafclip.data.DrawnPhotos;
import org.rafclip.data.Stages;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.text.Prompts;
import org.rafclip.open.OpenedEncoder;
import org.rafclip.photos.ModelPreparation;
import org.rafclip.photos.PhotoConfig;
import org.rafclip.photos.PhotoSplit;
import org.rafclip.photos.PhotoSplits;

class MeasuredPhotosTest {

    private static final int PHOTOS = 40;

    @TempDir
    static Path dir;

    private static PhotoSplits splits;
    private static PhotoSplit split;
    private static OpenedEncoder model;

    @BeforeAll
    static void draw() throws Exception {
        Path data = dir.resolve("data");
        DrawnPhotos.twoGroups(data, "train", 0, PHOTOS);
        splits = new PhotoSplits();
        split = splits.split(data, "train");
        model = RandomEncoder.in(dir, data);
    }

    @AfterAll
    static void close() {
        model.close();
    }

    /** The same encoder as if a run had trained on the first photos and held out the next. */
    private static OpenedEncoder ofRun(int trainedOn, int heldOut) {
        return new OpenedEncoder(
                model.source(),
                "step-1",
                model.model(),
                model.hash(),
                model.data(),
                Prompts.PAPER,
                1,
                model.weights(),
                new OpenedEncoder.TrainingPhotos(hashes(0, trainedOn), hashes(trainedOn, trainedOn + heldOut)));
    }

    private static Set<String> hashes(int from, int to) {
        return new HashSet<>(split.hashes(split.items().subList(from, to)).values());
    }

    private static MeasuredPhotos of(OpenedEncoder encoder, Selection selection) {
        return MeasuredPhotos.of(encoder, splits, model.data(), selection, false);
    }

    @Test
    void allPhotosOfTheSplitOrThoseThatTheRunHeldOut() {
        OpenedEncoder run = ofRun(25, 8);

        assertThat(of(run, Selection.ALL).items()).isEqualTo(split.items());
        assertThat(of(run, Selection.HELD_OUT).items()).isEqualTo(split.items().subList(25, 33));
        assertThat(of(run, Selection.HELD_OUT).heldOut()).isTrue();
    }

    @Test
    void unaskedThosePhotosAreLeftOutThatTheRunWasTrainedOn() {
        assertThat(of(ofRun(25, 8), Selection.UNSEEN).items())
                .isEqualTo(split.items().subList(25, 33));
        assertThat(of(ofRun(25, 8), Selection.UNSEEN).heldOut()).isTrue();
        assertThat(of(ofRun(PHOTOS, 0), Selection.UNSEEN).items()).isEqualTo(split.items());
        assertThat(of(ofRun(0, 0), Selection.UNSEEN).items()).isEqualTo(split.items());
        assertThat(of(model, Selection.UNSEEN).items()).isEqualTo(split.items());
    }

    @Test
    void whatWasTrainedOnIsCounted() {
        OpenedEncoder run = ofRun(25, 8);

        assertThat(of(run, Selection.ALL).trainedOn(run)).isEqualTo(25);
        assertThat(of(run, Selection.HELD_OUT).trainedOn(run)).isZero();
        assertThat(of(model, Selection.ALL).trainedOn(model)).isNull();
    }

    @Test
    void aModelFolderHasATenthDrawnForIt() {
        List<FashionItem> drawn = of(model, Selection.HELD_OUT).items();

        assertThat(drawn).hasSize(PHOTOS / 10).isSubsetOf(split.items());
        assertThat(of(model, Selection.HELD_OUT).items()).isEqualTo(drawn);
    }

    @Test
    void aRunThatHeldOutNothingIsRefused() {
        OpenedEncoder run = ofRun(PHOTOS, 0);

        assertThatThrownBy(() -> of(run, Selection.HELD_OUT))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("held no photos out of its training");
    }

    @Test
    void anotherPreparationIsOfTheSamePhotos() {
        MeasuredPhotos photos = of(ofRun(25, 8), Selection.HELD_OUT);
        PhotoConfig elsewhere = PhotoConfig.forModel(Path.of("elsewhere"), "test", ModelPreparation.ofClip(64));

        MeasuredPhotos other = photos.in(elsewhere, true);

        assertThat(other.items()).isEqualTo(photos.items());
        assertThat(other.preparation()).isEqualTo(elsewhere.at(dir.resolve("data"), "train"));
        assertThat(other.mirror()).isTrue();
        assertThat(photos.mirror()).isFalse();
    }

    @Test
    void aRandomPreparationIsRefused() {
        String random = "crop | squash(32) | flip(0.5) | normalize(clip)";
        PhotoConfig data = model.data();
        MeasuredPhotos photos = of(model, Selection.ALL);
        PhotoConfig flipping = new PhotoConfig(
                data.dir(),
                data.split(),
                null,
                data.heldOut(),
                data.segmenter(),
                data.cache(),
                data.train(),
                new PhotoConfig.Branches(random, random),
                false,
                data.palette(),
                data.categoryWord(),
                1,
                1,
                16,
                List.of(),
                null,
                null,
                null,
                List.of(),
                Map.of());

        assertThatThrownBy(() -> photos.in(flipping, false).prepare(Stages.NONE))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("draw random numbers");
    }

    @Test
    void preparedPhotosKeepTheirOrder() throws InterruptedException {
        assertThat(of(model, Selection.ALL).prepare(Stages.NONE).items()).isEqualTo(split.items());
    }
}
