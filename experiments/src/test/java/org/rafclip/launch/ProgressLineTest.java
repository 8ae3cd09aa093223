package org.rafclip.launch;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import org.junit.jupiter.api.Test;

class ProgressLineTest {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    private Instant now = Instant.parse("2024-05-01T12:00:00Z");
    private final InstantSource clock = () -> now;

    private ProgressLine.View view(boolean live, int columns) {
        return new ProgressLine.View(out, live, columns, clock);
    }

    private void after(double seconds) {
        now = now.plusMillis(Math.round(seconds * 1000));
    }

    private List<String> lines() {
        return bytes.toString(StandardCharsets.UTF_8).lines().toList();
    }

    /** What stands on the terminal's last line after all carriage returns. */
    private String onTerminal() {
        String all = bytes.toString(StandardCharsets.UTF_8);
        return all.substring(all.lastIndexOf('\r') + 1).replace("\u001b[K", "");
    }

    @Test
    void withoutATerminalAPlainLineEveryTenSeconds() {
        try (ProgressLine progress = new ProgressLine(view(false, 80), "train", "images", 10_000, 0)) {
            for (int i = 0; i < 25; i++) {
                after(1);
                progress.advance(100, "loss 3.2");
            }
        }
        assertThat(lines())
                .containsExactly(
                        "train  0/10,000 (0 %)",
                        "train  1,000/10,000 (10 %)  100 images/s  0:01:30 left  loss 3.2",
                        "train  2,000/10,000 (20 %)  100 images/s  0:01:20 left  loss 3.2",
                        "train  2,500/10,000 (25 %)  in 0:00:25, 100 images/s  loss 3.2");
    }

    @Test
    void onATerminalOneLineIsRedrawnAtMostTenTimesASecond() {
        ProgressLine progress = new ProgressLine(view(true, 100), "masks", "images", 200, 0);
        for (int i = 0; i < 100; i++) {
            after(0.02);
            progress.advance(1);
        }
        assertThat(onTerminal())
                .isEqualTo("masks  [##########----------]  100/200 (50 %)  50.0 images/s  0:00:02 left");
        assertThat(bytes.toString(StandardCharsets.UTF_8)).doesNotContain("\n");
        assertThat(bytes.toString(StandardCharsets.UTF_8).chars().filter(c -> c == '\r'))
                .hasSize(1 + 20);
        progress.close();
        progress.close();
        assertThat(onTerminal()).isEqualTo("masks  100/200 (50 %)  in 0:00:02, 50.0 images/s\n");
    }

    @Test
    void aNarrowTerminalLosesTheBarThenTheEnd() {
        ProgressLine progress = new ProgressLine(view(true, 60), "train", "images", 1000, 0);
        after(1);
        progress.advance(10, "loss 3.2");
        assertThat(onTerminal()).isEqualTo("train  10/1,000 (1 %)  10.0 images/s  0:01:39 left  loss 3.");
        assertThat(onTerminal()).hasSize(59);
    }

    @Test
    void theRateIsThatOfTheLastHalfMinuteAndLeavesOutWhatWasDoneBefore() {
        ProgressLine progress = new ProgressLine(view(true, 200), "train", "steps", 1000, 500);
        for (int i = 0; i < 60; i++) {
            after(1);
            progress.advance(1);
        }
        assertThat(onTerminal()).contains("560/1,000 (56 %)", "  1.0 steps/s", "0:07:20 left");
        for (int i = 0; i < 40; i++) {
            after(1);
            progress.advance(5);
        }
        assertThat(onTerminal()).contains("760/1,000", "  5.0 steps/s", "0:00:48 left");
    }

    @Test
    void slowWorkIsCountedByTheMinuteAndUnknownTotalsHaveNoEnd() {
        ProgressLine progress = new ProgressLine(view(true, 200), "read", "files", 0, 0);
        after(20);
        progress.advance(5);
        assertThat(onTerminal()).isEqualTo("read  5 files  15.0 files/min");
    }

    @Test
    void messagesStandAboveTheBar() {
        ProgressLine progress = new ProgressLine(view(true, 80), "train", "steps", 10, 0);
        progress.message("checkpoint written");
        assertThat(bytes.toString(StandardCharsets.UTF_8)).contains("\rcheckpoint written\u001b[K\n\rtrain");
        assertThat(onTerminal()).isEqualTo("train  [--------------------]  0/10 (0 %)");
    }
}
