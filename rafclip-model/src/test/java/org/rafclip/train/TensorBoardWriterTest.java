package org.rafclip.train;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HexFormat;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.io.PythonScript;

class TensorBoardWriterTest {
    private static final InstantSource NOON = InstantSource.fixed(Instant.parse("2024-05-01T12:00:00.500Z"));

    @TempDir
    Path folder;

    @Test
    void theFirstRecordIsTheVersionBitForBit() throws IOException {
        TensorBoardWriter.create(folder, NOON).close();
        Path file = folder.resolve("events.out.tfevents.1714564800.rafclip.000");
        // Length 26 and its masked CRC32C; wall time 1714564800.5, step 0, "brain.Event:2"; masked CRC32C of the event.
        assertThat(HexFormat.of().formatHex(Files.readAllBytes(file)))
                .isEqualTo("1a00000000000000" + "129bd82d"
                        + "09000020b08b8cd941" + "1000" + "1a0d627261696e2e4576656e743a32"
                        + "0814d524");
    }

    @Test
    void anIndependentReaderSeesTheCurves() throws Exception {
        Path logs = folder.resolve("logs");
        try (TensorBoardWriter writer = TensorBoardWriter.create(logs, NOON)) {
            for (long step = 1; step <= 4; step++) {
                writer.scalars(step, Map.of("train/loss", 1.0 / step, "train/lr", 5e-7));
            }
            writer.scalars(5_000_000_000L, Map.of("val/größe", Float.NaN));
            writer.force();
        }
        JsonNode events = PythonScript.run("read_events.py", logs, folder);
        assertThat(events.size()).isEqualTo(6);
        assertThat(events.at("/0/version").textValue()).isEqualTo("brain.Event:2");
        assertThat(events.at("/3/step").longValue()).isEqualTo(3);
        assertThat(events.at("/3/time").doubleValue()).isEqualTo(1714564800.5);
        assertThat(events.at("/3/scalars").get("train/loss").floatValue()).isEqualTo(1f / 3);
        assertThat(events.at("/3/scalars").get("train/lr").floatValue()).isEqualTo(5e-7f);
        assertThat(events.at("/5/step").longValue()).isEqualTo(5_000_000_000L);
        assertThat(events.at("/5/scalars").get("val/größe").textValue()).isEqualTo("NaN");
    }

    @Test
    void aResumedRunTellsTensorBoardWhatToForget() throws Exception {
        Path logs = folder.resolve("logs");
        try (TensorBoardWriter writer = TensorBoardWriter.create(logs, NOON)) {
            for (long step = 1; step <= 5; step++) {
                writer.scalars(step, Map.of("loss", 1));
            }
        }
        InstantSource clockSetBack = InstantSource.fixed(NOON.instant().minusSeconds(3600));
        try (TensorBoardWriter writer = TensorBoardWriter.resume(logs, 3, clockSetBack)) {
            writer.scalars(4, Map.of("loss", 2));
        }
        try (Stream<Path> files = Files.list(logs)) {
            assertThat(files.map(file -> file.getFileName().toString()).sorted())
                    .containsExactly(
                            "events.out.tfevents.1714564800.rafclip.000", "events.out.tfevents.1714564800.rafclip.001");
        }
        JsonNode events = PythonScript.run("read_events.py", logs, folder);
        assertThat(events.size()).isEqualTo(6 + 3);
        assertThat(events.at("/7/session").intValue()).isEqualTo(1);
        assertThat(events.at("/7/step").longValue()).isEqualTo(4);
        assertThat(events.at("/8/scalars/loss").floatValue()).isEqualTo(2);
    }
}
