package org.rafclip.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JsonReportTest {

    record Part(String name, double share) {}

    record Body(double meanAccuracy, List<Part> groups) {}

    private static final Body BODY = new Body(0.1, List.of(new Part("texture", 1.0 / 3)));

    @Test
    void theBodyLiesBesideItsProvenance(@TempDir Path dir) throws IOException {
        Path file = dir.resolve("made/for/it/report.json");
        new JsonReport<>(BODY, ProvenanceTest.example()).write(file);
        JsonNode tree = new ObjectMapper().readTree(file.toFile());
        assertThat(tree.path("meanAccuracy").doubleValue()).isEqualTo(0.1);
        assertThat(tree.path("groups").path(0).path("share").doubleValue()).isEqualTo(1.0 / 3);
        assertThat(tree.path("provenance").path("config").path("batch-size").intValue())
                .isEqualTo(3);
        assertThat(JsonReport.read(file, Body.class)).isEqualTo(new JsonReport<>(BODY, ProvenanceTest.example()));
    }

    @Test
    void replacesAFileAndLeavesNothingElse(@TempDir Path dir) throws IOException {
        Path file = dir.resolve("report.json");
        Files.writeString(file, "old");
        new JsonReport<>(BODY, ProvenanceTest.example()).write(file);
        assertThat(Files.readString(file)).startsWith("{").endsWith("}\n");
        try (Stream<Path> files = Files.list(dir)) {
            assertThat(files).containsExactly(file);
        }
    }

    @Test
    void aFailedWriteKeepsTheOldFile(@TempDir Path dir) throws IOException {
        Path file = dir.resolve("report.json");
        Files.writeString(file, "old");
        Body bad = new Body(0.5, List.of(new Part("fabric", Double.NaN)));
        assertThatThrownBy(() -> new JsonReport<>(bad, ProvenanceTest.example()).write(file))
                .hasMessageContaining("groups[0].share is NaN");
        assertThat(Files.readString(file)).isEqualTo("old");
    }

    @Test
    void anotherKindOfFileIsRefusedByName(@TempDir Path dir) throws IOException {
        Path file = dir.resolve("other.json");
        Files.writeString(file, "{\"meanAccuracy\": 1}");
        assertThatThrownBy(() -> JsonReport.read(file, Body.class))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining(file.toString())
                .hasMessageContaining("is not a report of Body");
        assertThatThrownBy(() -> JsonReport.read(dir.resolve("none.json"), Body.class))
                .hasMessageContaining("there is no such report");
    }
}
