package org.rafclip.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.open.OpenedEncoder;

/** Training on sentences beside the paper's two branches. */
class SentencesTest {

    private static final String ON = "loss.sentence={weight: 0.8, image: both}";

    @TempDir
    private static Path photos;

    @TempDir
    private Path runs;

    @BeforeAll
    static void draw() throws IOException {
        TinyRun.drawPhotos(photos);
    }

    private RafClipConfig config(String run, String... overrides) {
        List<String> all = new ArrayList<>(List.of("model.clip.text.context-length=77"));
        all.addAll(List.of(overrides));
        return TinyRun.config(photos, runs.resolve(run), all.toArray(String[]::new));
    }

    @Test
    void theirTermIsLoggedHasItsWeightInTheLossAndIsLearned() throws Exception {
        RafClipConfig config = config("on", ON, "train.epochs=12", "train.lr=1e-2");
        TinyRun.Listener told = new TinyRun.Listener();

        TinyRun.train(config, false, told);

        for (MetricsLog.Entry entry :
                MetricsLog.read(new RunFolder(config.output().dir()).metricsFile())) {
            if (entry.values().containsKey("loss")) {
                assertThat(entry.values().get("loss"))
                        .isCloseTo(
                                0.5 * entry.values().get("categoryLoss")
                                        + 0.5 * entry.values().get("attributeLoss")
                                        + 0.8 * entry.values().get("sentenceLoss"),
                                within(1e-5));
                assertThat(entry.values().get("textsCut")).isZero();
            }
        }
        assertThat(mean(told, 40, 48)).isLessThan(mean(told, 0, 8) - 0.2);
        try (OpenedEncoder opened = OpenedEncoder.ofRun(config.output().dir(), Checkpoints.Which.BEST)) {
            assertThat(opened.weights())
                    .isEqualTo("trained from random weights, with sentences of crops and regions by weight 0.8");
        }
    }

    private static double mean(TinyRun.Listener told, int from, int to) {
        return told.steps.subList(from, to).stream()
                .mapToDouble(step -> step.batch().figures().get("sentenceLoss"))
                .average()
                .orElseThrow();
    }

    private static String[] with(String setting, String... others) {
        List<String> all = new ArrayList<>(List.of(others));
        all.add(setting);
        return all.toArray(String[]::new);
    }

    @Test
    void aRunThatWasKilledEndsWithTheSameBits() throws Exception {
        String[] settings = {
            ON, "train.epochs=2", "prompts.retrieval=['a photo of {color} {attributes} {category}', '{attributes}']"
        };
        RafClipConfig whole = config("whole", settings);
        TinyRun.train(whole, false, new TinyRun.Listener());
        RafClipConfig halves = config("halves", settings);
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

        assertThat(TinyRun.lastTensors(halves)).isEqualTo(TinyRun.lastTensors(whole));
    }

    @Test
    void withoutWeightTheRunIsThePapersAndSentencesChangeNeitherItsStartNorItsOtherTexts() throws Exception {
        // Dropout depends on a text's place in the batch.
        String[] exact = {
            "train.epochs=1",
            "model.clip.text.dropout=0",
            "model.clip.vision.dropout=0",
            "model.clip.vision.drop-path=0"
        };
        RafClipConfig paper = config("paper", exact);
        TinyRun.Listener ofPaper = new TinyRun.Listener();
        TinyRun.train(paper, false, ofPaper);
        RafClipConfig off = config("off", with("loss.sentence={weight: 0, image: both}", exact));
        TinyRun.Listener ofOff = new TinyRun.Listener();
        TinyRun.train(off, false, ofOff);
        TinyRun.Listener ofOn = new TinyRun.Listener();
        TinyRun.train(config("on", with(ON, exact)), false, ofOn);

        assertThat(TinyRun.lastTensors(off)).isEqualTo(TinyRun.lastTensors(paper));
        assertThat(ofOff.steps.get(0).batch().figures()).doesNotContainKey("sentenceLoss");
        for (String term : List.of("categoryLoss", "attributeLoss")) {
            assertThat(ofOn.steps.get(0).batch().figures().get(term))
                    .isCloseTo(ofPaper.steps.get(0).batch().figures().get(term), within(1e-5));
        }
    }
}
