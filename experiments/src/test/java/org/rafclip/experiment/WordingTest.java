package org.rafclip.experiment;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.eval.Setting;

class WordingTest {

    @TempDir
    static Path dir;

    private static DrawnSuite drawn;

    @BeforeAll
    static void draw() throws IOException {
        drawn = DrawnSuite.in(dir);
    }

    private static Wording wording(Models models) {
        return new Wording(models.suite(), models.photos());
    }

    @Test
    void aRowSaysWhatItWasTrainedFromAndMeasuredOn() throws IOException {
        Models models = drawn.models();

        assertThat(wording(models).setting(models.rafclips(), "one text an attribute"))
                .isEqualTo(new Setting(
                        "trained from random weights",
                        "measured on 6 photos of split train in " + drawn.data() + ", held out of the training",
                        "one text an attribute; best checkpoint, chosen on the same photos",
                        18));
    }

    @Test
    void aStartIsNotTrained() throws IOException {
        Models models = drawn.models();
        Setting setting = wording(models).setting(models.starts(), "one text an attribute");

        assertThat(setting.weights()).isEqualTo("random weights, untrained");
        assertThat(setting.protocol()).isEqualTo("one text an attribute");
        assertThat(setting.trainingImages()).isZero();
    }

    @Test
    void whereACheckpointWasChosenIsSaid() throws IOException {
        Models last = drawn.models("checkpoint=last");
        assertThat(wording(last).setting(last.rafclips(), "p").protocol()).isEqualTo("p; last checkpoint");

        Models other = drawn.models("data.measured=other");
        Setting setting = wording(other).setting(other.rafclips(), "p");
        assertThat(setting.protocol()).isEqualTo("p; best checkpoint, chosen on photos held out of the training");
        assertThat(setting.data()).isEqualTo("measured on 6 photos of split other in " + drawn.data());
    }

    @Test
    void composersSayWhatTheirQueriesAreMadeOf() throws IOException {
        Models labels = drawn.models("checkpoint=last");
        assertThat(wording(labels).queries(labels.composers("AGCN", List.of()).get(0)))
                .isEqualTo("triplets from the labels of 6 photos of split train in " + drawn.data()
                        + ", held out of the training; last checkpoint");
    }
}
