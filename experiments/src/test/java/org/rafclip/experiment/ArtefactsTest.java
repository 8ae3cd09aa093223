package org.rafclip.experiment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ArtefactsTest {

    @TempDir
    Path dir;

    private static Artefacts.Inputs inputs(int epochs, String data) {
        return new Artefacts.Inputs(
                "run", JsonNodeFactory.instance.objectNode().put("epochs", epochs), Map.of("data", data), "1.0");
    }

    @Test
    void equalInputsFindWhatIsThereAndOthersDoNot() throws IOException, InterruptedException {
        Artefacts artefacts = new Artefacts(dir.resolve("a"), Clock.systemUTC(), line -> {});
        Artefacts.Artefact made =
                artefacts.get(inputs(3, "x"), folder -> Files.writeString(folder.resolve("value"), "42"));
        assertThat(made.reused()).isFalse();
        Artefacts.Artefact again = artefacts.get(inputs(3, "x"), folder -> {
            throw new AssertionError("made twice");
        });
        assertThat(again.reused()).isTrue();
        assertThat(again.folder().resolve("value")).hasContent("42");
        assertThat(again.seconds()).isEqualTo(made.seconds());
        assertThat(artefacts.find(inputs(4, "x"))).isEmpty();
        assertThat(artefacts.find(inputs(3, "y"))).isEmpty();
    }

    @Test
    void whatWasAlteredSinceIsSaidAndMadeAgain() throws IOException, InterruptedException {
        List<String> said = new ArrayList<>();
        Path folder = dir.resolve("a").resolve(inputs(3, "x").name());
        Artefacts.Maker maker = made -> {
            Files.createDirectories(made.resolve("model"));
            Files.writeString(made.resolve("model/weights"), "42");
            Files.writeString(made.resolve("measured.json"), "{}");
            Files.writeString(made.resolve("config.yaml"), "dir: here");
        };
        new Artefacts(dir.resolve("a"), Clock.systemUTC(), said::add).get(inputs(3, "x"), maker);

        Files.writeString(folder.resolve("config.yaml"), "dir: moved");
        assertThat(new Artefacts(dir.resolve("a"), Clock.systemUTC(), said::add).find(inputs(3, "x")))
                .isPresent();
        assertThat(said).isEmpty();

        Files.writeString(folder.resolve("model/weights"), "43");
        Files.delete(folder.resolve("measured.json"));
        Artefacts fresh = new Artefacts(dir.resolve("a"), Clock.systemUTC(), said::add);
        assertThat(fresh.get(inputs(3, "x"), maker).reused()).isFalse();
        assertThat(said)
                .containsExactly(folder + ": measured.json, model/weights are not as when this was finished; it is made"
                        + " again");
        assertThat(folder.resolve("model/weights")).hasContent("42");
        assertThat(fresh.get(inputs(3, "x"), maker).reused()).isTrue();
        assertThat(new Artefacts(dir.resolve("a"), Clock.systemUTC(), said::add).find(inputs(3, "x")))
                .isPresent();
    }

    @Test
    void whatFailedIsNotFinishedAndFindsItsPartAgain() throws IOException, InterruptedException {
        Artefacts artefacts = new Artefacts(dir, Clock.systemUTC(), line -> {});
        assertThatThrownBy(() -> artefacts.get(inputs(3, "x"), folder -> {
                    Files.writeString(folder.resolve("part"), "half");
                    throw new IOException("the disk is full");
                }))
                .hasMessage("the disk is full");
        assertThat(artefacts.find(inputs(3, "x"))).isEmpty();
        artefacts.get(
                inputs(3, "x"), folder -> assertThat(folder.resolve("part")).hasContent("half"));
        assertThat(artefacts.find(inputs(3, "x"))).isPresent();
    }

    @Test
    void anArtefactsTimeIsWithoutThoseMadeOnTheWay() throws IOException, InterruptedException {
        MovedClock clock = new MovedClock();
        Artefacts artefacts = new Artefacts(dir.resolve("nested"), clock, line -> {});
        List<Artefacts.Artefact> inner = new ArrayList<>();
        Artefacts.Artefact outer = artefacts.get(inputs(1, "outer"), folder -> {
            clock.move(3);
            inner.add(artefacts.get(inputs(1, "inner"), other -> clock.move(20)));
            clock.move(4);
        });
        assertThat(inner.get(0).seconds()).isEqualTo(20);
        assertThat(outer.seconds()).isEqualTo(7);
    }

    private static final class MovedClock extends Clock {

        private Instant now = Instant.EPOCH;

        void move(int seconds) {
            now = now.plusSeconds(seconds);
        }

        @Override
        public Instant instant() {
            return now;
        }

        @Override
        public ZoneId getZone() {
            return ZoneOffset.UTC;
        }

        @Override
        public Clock withZone(ZoneId zone) {
            return this;
        }
    }
}
