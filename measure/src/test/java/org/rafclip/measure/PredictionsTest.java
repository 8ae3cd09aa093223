package org.rafclip.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rafclip.eval.Retrieval;

class PredictionsTest {

    /** A photo with a label and one without. */
    private static final Consumer<Predictions> TWO_ANSWERS = out -> {
        out.line("a")
                .answer("fit", "tight", "loose", List.of("tight", "loose"), new float[] {0.25f, 0.5f})
                .end();
        out.line("b")
                .answer("fit", null, "tight", List.of("tight", "loose"), new float[] {0.75f, -0.5f})
                .end();
    };

    private static final Consumer<Predictions> A_RANKING = out -> out.line("dress/0")
            .put("text", "is red, \"long\" and ↔ longer")
            .ranking(
                    List.of("B1", "B3"),
                    List.of(new Retrieval.Hit(2, 0.5f), new Retrieval.Hit(0, 0.25f)),
                    List.of("B0", "B1", "B2", "B3"))
            .end();

    @TempDir
    Path dir;

    private List<String> write(String name, Consumer<Predictions> content) throws IOException {
        Predictions.write(dir.resolve(name), content);
        return Files.readAllLines(dir.resolve(name));
    }

    @Test
    void aLineIsOneJsonObject() throws IOException {
        List<String> lines = write("answers.jsonl", TWO_ANSWERS);

        assertThat(lines)
                .containsExactly(
                        "{\"id\":\"a\",\"fit\":{\"truth\":\"tight\",\"answer\":\"loose\","
                                + "\"scores\":{\"tight\":0.25,\"loose\":0.5}}}",
                        "{\"id\":\"b\",\"fit\":{\"truth\":null,\"answer\":\"tight\","
                                + "\"scores\":{\"tight\":0.75,\"loose\":-0.5}}}");
    }

    @Test
    void aRankingNamesRightEntriesEvenThoseNotFound() throws IOException {
        JsonNode line =
                new ObjectMapper().readTree(write("ranking.ndjson", A_RANKING).get(0));

        assertThat(line.path("text").asText()).isEqualTo("is red, \"long\" and ↔ longer");
        assertThat(line.path("right")).extracting(JsonNode::asText).containsExactly("B1", "B3");
        assertThat(line.path("ranked")).extracting(JsonNode::asText).containsExactly("B2", "B0");
        assertThat(line.path("scores")).extracting(JsonNode::asDouble).containsExactly(0.5, 0.25);
    }

    @Test
    void whatIsNotKnownIsAnEmptyCell() throws IOException {
        assertThat(write("answers.CSV", TWO_ANSWERS))
                .containsExactly(
                        "id,fit.truth,fit.answer,fit.scores.tight,fit.scores.loose",
                        "a,tight,loose,0.25,0.5",
                        "b,,tight,0.75,-0.5");
    }

    @Test
    void aCellWithCommasAndQuotesIsQuotedAndListsArePartedBySemicolons() throws IOException {
        assertThat(write("ranking.csv", A_RANKING))
                .containsExactly(
                        "id,text,right,ranked,scores",
                        "dress/0,\"is red, \"\"long\"\" and ↔ longer\",B1;B3,B2;B0,0.5;0.25");
    }

    @ParameterizedTest
    @ValueSource(strings = {"answers.txt", "answers", "csv", "answers.csv.gz"})
    void anotherEndingIsRefusedBeforeAnythingIsWritten(String name) {
        assertThat(Predictions.known(Path.of(name))).isFalse();
        assertThatThrownBy(() -> Predictions.write(dir.resolve(name), TWO_ANSWERS))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(".csv")
                .hasMessageContaining(".jsonl");
        assertThat(dir).isEmptyDirectory();
    }

    @Test
    void aFileIsWholeOrAsItWas() throws IOException {
        Path file = dir.resolve("made/on/demand/answers.json");
        Predictions.write(file, TWO_ANSWERS);
        String before = Files.readString(file);

        assertThatThrownBy(() -> Predictions.write(file, out -> {
                    out.line("c").end();
                    throw new UncheckedIOException(new IOException("the disk is full"));
                }))
                .isInstanceOf(IOException.class)
                .hasMessage("the disk is full");
        assertThatThrownBy(() -> Predictions.write(file.resolveSibling("new.csv"), out -> {
                    out.line("c").end();
                    throw new IllegalStateException("stopped");
                }))
                .hasMessage("stopped");

        assertThat(file).hasContent(before);
        try (Stream<Path> files = Files.list(file.getParent())) {
            assertThat(files).containsExactly(file);
        }
    }
}
