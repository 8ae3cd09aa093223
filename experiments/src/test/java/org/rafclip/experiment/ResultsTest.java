package org.rafclip.experiment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.DataException;
import org.rafclip.data.image.Box;
import org.rafclip.eval.Table;
import org.rafclip.measure.Figure;
import org.rafclip.measure.GateSummary;
import org.rafclip.run.ConfigException;
import org.rafclip.run.Provenance;

class ResultsTest {

    private record Settings(long seed) {}

    private static final Provenance PROVENANCE = Provenance.capture(
            new Settings(1),
            1,
            "data",
            Map.of("nd4j", "x"),
            2,
            List.of("ablate"),
            Clock.fixed(Instant.EPOCH, ZoneOffset.UTC));

    @TempDir
    Path dir;

    private static ExperimentResult example(String id) {
        Figure.Picture picture = new Figure.Picture("data/img/1.jpg", new Box(1, 2, 30, 40), List.of("striped"));
        Figure figure = new Figure(
                "Figure 6",
                List.of(new Figure.Query(
                        "AGCN",
                        picture,
                        "is striped",
                        List.of(
                                new Figure.Answer(1, picture, null, 0.5, true, null),
                                new Figure.Answer(2, null, "a photo of striped clothing", 0.25, false, "solid")),
                        List.of(new Figure.Measure("image branch", 0.75)),
                        new Figure.Attention(1, 2, List.of(0.25, 0.75)),
                        List.of(new Figure.Word("striped", 1)))),
                List.of("drawn by the seed"));
        return new ExperimentResult(
                id,
                "Composed retrieval",
                List.of(new Table("Table 3", List.of("Method", "R@10"), List.of(List.of("AGCN", "39.18")), List.of())),
                List.of(figure),
                List.of(new ExperimentResult.Run("AGCN", "agcn", 1, "artefacts/agcn-1")),
                List.of(),
                new GateSummary(
                        1,
                        new GateSummary.Histogram(0.25, List.of(1, 0)),
                        new GateSummary.Histogram(0.75, List.of(0, 1)),
                        List.of(new GateSummary.Kind("All queries", 1, 0.25, 0, 0.75, 0))),
                List.of(new ExperimentResult.Stage("train AGCN, seed 1", "agcn-1", 12.5)),
                null);
    }

    @Test
    void whatWasWrittenIsReadBackInReadingOrder() throws IOException {
        Results results = new Results(dir);
        for (String id : List.of("figure6", "ablation-alpha", "table5", "table1")) {
            results.write(example(id), PROVENANCE);
        }
        assertThat(results.readAll())
                .extracting(report -> report.body().id())
                .containsExactly("table1", "table5", "figure6", "ablation-alpha");
        assertThat(results.readAll().get(2).body()).isEqualTo(example("figure6"));
        assertThat(results.readAll().get(2).provenance().configFingerprint()).isEqualTo(PROVENANCE.configFingerprint());
    }

    @Test
    void confusionsAndFailuresSurviveTheirFile() throws IOException {
        Results results = new Results(dir);
        int[][] counts = {{3, 1}, {0, 2}};
        results.write(
                new ExperimentResult(
                        "table1",
                        "t",
                        List.of(),
                        List.of(),
                        List.of(),
                        List.of(new ExperimentResult.Confusion(
                                "RaF-CLIP", 1, "fit", List.of("tight", "loose"), counts)),
                        null,
                        List.of(),
                        null),
                PROVENANCE);
        results.write(ExperimentResult.failed("table2", "t", List.of(), "the disk is full"), PROVENANCE);
        assertThat(results.readAll().get(0).body().confusions().get(0).counts()).isDeepEqualTo(counts);
        assertThat(results.readAll().get(1).body().error()).isEqualTo("the disk is full");
    }

    @Test
    void aFolderWithoutResultsAndAnotherFormAreRefused() throws IOException {
        Results results = new Results(dir);
        assertThatThrownBy(results::readAll)
                .isInstanceOf(DataException.class)
                .hasMessageContaining("holds no results of experiments");
        results.write(example("table1"), PROVENANCE);
        Path file = results.file("table1");
        Files.writeString(file, Files.readString(file).replace("\"version\" : 2", "\"version\" : 3"));
        assertThatThrownBy(results::readAll)
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("table1.json: was written by another version of this program (its form is 3");
    }

    @Test
    void filesInsideTheFolderAreNamedRelativeToIt() {
        Results results = new Results(dir);
        assertThat(results.name(dir.resolve("data/img/1.jpg"))).isEqualTo("data/img/1.jpg");
        Path outside = dir.resolveSibling("elsewhere/1.jpg");
        assertThat(results.name(outside)).isEqualTo(outside.toString());
        assertThat(results.resolve(results.name(outside))).isEqualTo(outside);
    }

    @Test
    void recordsRefuseWhatCannotBeShown() {
        assertThatThrownBy(() -> new Figure.Answer(1, null, null, 0, true, null))
                .hasMessageContaining("either a picture or a text");
        assertThatThrownBy(() -> new Figure.Attention(2, 2, List.of(1.0))).hasMessageContaining("1 weights");
        assertThatThrownBy(() ->
                        new ExperimentResult.Confusion("m", 1, "fit", List.of("tight", "loose"), new int[][] {{1, 2}}))
                .hasMessageContaining("2 rows");
    }
}
