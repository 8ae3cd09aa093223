package org.rafclip.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.clip.ClipModel;
import org.rafclip.data.DataException;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.open.OpenedEncoder;
import org.rafclip.photos.PhotoSplits;

/** Training on captions, with labels and without. */
class CaptionsTest {

    private static final String PLAIN_CLIP = "loss.captions=1";
    private static final String BY_CAPTIONS = "train.metric=recall-at-10";

    @TempDir
    private static Path photos;

    @TempDir
    private Path runs;

    @BeforeAll
    static void draw() throws IOException {
        TinyRun.drawPhotos(photos);
    }

    /** The drawn photos without any label, with captions that say what two of their labels said. */
    private static List<String> captionsOnly(Path dir) throws IOException {
        AttributeTaxonomy taxonomy =
                FashionSplit.read(dir.resolve("data"), "train").taxonomy();
        return TinyRun.table(dir, "captions.csv", false, item -> {
            String what = String.join(" with ", taxonomy.words(item).subList(0, 2));
            return List.of("a garment, " + what, what + " zebra");
        });
    }

    /** The drawn photos with their labels, and captions of two in three. */
    private static List<String> captioned(Path dir) throws IOException {
        return TinyRun.table(
                dir,
                "both.csv",
                true,
                item -> item.line() % 3 == 0 ? List.of() : List.of("number " + item.line(), "second"));
    }

    private RafClipConfig config(String run, List<String> table, String... overrides) {
        List<String> all = new ArrayList<>(table);
        all.addAll(List.of(overrides));
        return TinyRun.config(photos, runs.resolve(run), all.toArray(String[]::new));
    }

    @Test
    void plainClipTrainsOnPairsOfPhotosWithoutLabelsAndIsComparedByCaptionRetrieval() throws Exception {
        RafClipConfig config =
                config("clip", captionsOnly(photos), PLAIN_CLIP, BY_CAPTIONS, "train.epochs=12", "train.lr=1e-2");
        TinyRun.Listener told = new TinyRun.Listener();

        TrainingLoop.Outcome outcome = TinyRun.train(config, false, told);

        assertThat(mean(told, 40, 48)).isLessThan(mean(told, 0, 8) - 0.2);
        assertThat(told.scores).hasSize(6).allMatch(score -> score > 0 && score <= 1);
        assertThat(outcome.bestScore()).contains(Collections.max(told.scores));
        TrainingListener.Batch batch = told.steps.get(0).batch();
        assertThat(batch.items()).isEqualTo(8);
        assertThat(batch.figures().get("captionLoss")).isEqualTo(batch.loss());
        assertThat(batch.figures().get("categoryLoss")).isZero();
        assertThat(batch.figures().get("attributeLoss")).isZero();
        Path best = new RunFolder(config.output().dir())
                .checkpoints()
                .find(Checkpoints.Which.BEST)
                .orElseThrow();
        try (ClipModel model = ClipModel.load(best)) {
            int pieces = model.tokenizer().encode(List.of("zebra")).ids()[0].length;
            assertThat(pieces)
                    .as("a word of captions alone is in the vocabulary")
                    .isLessThanOrEqualTo(4);
        }
        try (OpenedEncoder opened = OpenedEncoder.ofRun(config.output().dir(), Checkpoints.Which.BEST)) {
            assertThat(opened.weights()).isEqualTo("trained from random weights, by captions alone as plain CLIP is");
        }
    }

    @Test
    void whereCaptionsAreTheWholeLossPhotosWithoutOneTakeNoPart() throws Exception {
        List<String> sparse = TinyRun.table(
                photos,
                "sparse.csv",
                false,
                item -> item.line() % 2 == 0 ? List.of("a garment, number " + item.line()) : List.of());
        RafClipConfig config = config("sparse", sparse, PLAIN_CLIP, BY_CAPTIONS, "train.epochs=1");
        TinyRun.Listener told = new TinyRun.Listener();
        TinyRun.train(config, false, told);

        Set<String> captioned = new PhotoSplits()
                .split(config.data(), "train").items().stream()
                        .filter(item -> !item.captions().isEmpty())
                        .map(FashionItem::id)
                        .collect(Collectors.toSet());
        assertThat(captioned).hasSize(20);
        assertThat(new RunFolder(config.output().dir()).trainedOn().keySet())
                .isNotEmpty()
                .isSubsetOf(captioned);
        assertThat(told.steps).isNotEmpty().allMatch(step -> Double.isFinite(step.loss()));
    }

    private static double mean(TinyRun.Listener told, int from, int to) {
        return told.steps.subList(from, to).stream()
                .mapToDouble(TrainingListener.Step::loss)
                .average()
                .orElseThrow();
    }

    @Test
    void whatCannotBeTrainedOrMeasuredIsRefusedInALine() throws IOException {
        List<String> none = List.of();
        RafClipConfig unlabelled = config("a", captionsOnly(photos), PLAIN_CLIP);
        assertThatThrownBy(() -> TinyRun.train(unlabelled, false, new TinyRun.Listener()))
                .isInstanceOf(DataException.class)
                .hasMessage("none of the 8 validation photos has an attribute label, so attribute recognition cannot be"
                        + " measured; set train.metric=recall-at-10 to validate by caption retrieval");
        assertThatThrownBy(() -> TinyRun.train(config("b", none, "loss.captions=0.5"), false, new TinyRun.Listener()))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("loss.captions is 0.5, but none of the 32 training photos has a caption");
        assertThatThrownBy(() -> TinyRun.train(
                        config("d", captionsOnly(photos), BY_CAPTIONS, "loss.alpha=1"), false, new TinyRun.Listener()))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("loss.alpha is 1, but none of the 32 training photos has an attribute label");
        assertThatThrownBy(() -> TinyRun.train(config("c", none, BY_CAPTIONS), false, new TinyRun.Listener()))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("none of the 8 photos has a caption");
    }

    @Test
    void captionsBesideLabelsAddTheirShareAndAnEpochCanBeResumed() throws Exception {
        String[] both = {"loss.captions=0.4", "train.epochs=2"};
        TinyRun.Listener told = new TinyRun.Listener();
        List<String> table = captioned(photos);
        TinyRun.train(config("whole", table, both), false, told);
        TrainingListener.Batch batch = told.steps.get(0).batch();
        assertThat(batch.items()).isEqualTo(16);
        assertThat(batch.loss())
                .isCloseTo(
                        0.6
                                        * (0.5 * batch.figures().get("categoryLoss")
                                                + 0.5 * batch.figures().get("attributeLoss"))
                                + 0.4 * batch.figures().get("captionLoss"),
                        within(1e-5));

        RafClipConfig halves = config("halves", table, both);
        assertThatThrownBy(() -> TinyRun.train(halves, false, new TinyRun.Listener() {
                    @Override
                    public void step(Step step) {
                        if (step.number() == 7) {
                            throw new IllegalStateException("killed");
                        }
                    }
                }))
                .hasMessage("killed");
        TinyRun.train(halves, true, new TinyRun.Listener());
        assertThat(TinyRun.lastTensors(halves)).isEqualTo(TinyRun.lastTensors(config("whole", table, both)));
    }
}
