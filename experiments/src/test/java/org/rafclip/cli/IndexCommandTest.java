package org.rafclip.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.search.index.Filter;
import org.rafclip.search.index.Graph;
import org.rafclip.search.index.LuceneIndex;

class IndexCommandTest {

    @TempDir
    private static Path shared;

    private static TinyRuns tiny;
    private static Path run;

    @TempDir
    private Path dir;

    @BeforeAll
    static void train() throws IOException {
        tiny = TinyRuns.in(shared, 40);
        run = shared.resolve("raf");
        tiny.trainEncoder(run);
    }

    @Test
    void photosBecomeAnIndexThatCanBeMeasured() throws IOException {
        Path out = dir.resolve("index");
        CommandRun first = CommandRun.of("index", "--run", run, "--images", tiny.data(), "--out", out);
        assertThat(first.err()).isEmpty();
        assertThat(first.exitCode()).isZero();
        assertThat(first.out()).contains("garments: ", "garments/s", "times what ", "./rafclip serve --index " + out);
        int entries;
        try (LuceneIndex index = LuceneIndex.open(out)) {
            entries = index.info().entries();
            assertThat(index.info().predicted()).isFalse();
            assertThat(index.facets(Filter.ALL)).containsKey("texture");
        }
        assertThat(entries).isPositive();
        CommandRun again = CommandRun.of("index", "--run", run, "--images", tiny.data(), "--out", out);
        assertThat(again.out()).contains(" 0 embedded", entries + " unchanged").doesNotContain("garments/s");

        CommandRun.of("index", "--run", run, "--images", tiny.data(), "--out", out, "--approximate-from", 30);
        CommandRun.of("index", "--run", run, "--images", tiny.data(), "--out", out);
        try (LuceneIndex index = LuceneIndex.open(out)) {
            assertThat(index.graph()).contains(Graph.from(30));
        }
        CommandRun bench =
                CommandRun.of("bench", "search", "--index", out, "--answers", 3, "--questions", 4, "--rounds", 1);
        assertThat(bench.err()).isEmpty();
        assertThat(bench.exitCode()).isZero();
        assertThat(bench.out())
                .contains("plain loop", "in batches of 16", "graph, M 16", "exact answers are those of the plain loop");
    }

    @Test
    void whatIsTakenOverIsNotEmbeddedInAnotherWay() {
        CommandRun labels = CommandRun.of("index", "--from", dir, "--to", dir.resolve("x"), "--labels", "none");
        assertThat(labels.exitCode()).isEqualTo(2);
        assertThat(labels.err()).contains("--labels is for photos that are embedded now");
    }

    @Test
    void anIndexHoldsPhotosTakenWholeOrNot() throws IOException {
        Path out = dir.resolve("index");
        Path photos = tiny.data().resolve("img");
        assertThat(CommandRun.of("index", "--run", run, "--images", photos, "--out", out, "--whole-photos")
                        .exitCode())
                .isZero();
        try (LuceneIndex index = LuceneIndex.open(out)) {
            assertThat(index.info().wholePhotos()).isTrue();
        }
        CommandRun other = CommandRun.of("index", "--run", run, "--images", photos, "--out", out);
        assertThat(other.exitCode()).isEqualTo(1);
        assertThat(other.err()).contains("were taken whole for this index; say --whole-photos, or name another folder");
    }

    @Test
    void badPhotosAndLabelsThatAreNotThere() throws IOException {
        Path photos = Files.createDirectories(dir.resolve("photos"));
        Files.writeString(photos.resolve("page.jpg"), "<html></html>");
        Path out = dir.resolve("index");

        CommandRun bad = CommandRun.of("index", "--run", run, "--images", photos, "--out", out);
        assertThat(bad.exitCode()).isEqualTo(1);
        assertThat(bad.err()).startsWith("rafclip: left out: ").contains("page.jpg");
        assertThat(bad.out()).contains("0 garments", "1 photos left out");

        CommandRun labels = CommandRun.of("index", "--run", run, "--images", photos, "--out", out, "--labels", "table");
        assertThat(labels.exitCode()).isEqualTo(2);
        assertThat(labels.err()).contains("brings no labels");
    }

    @Test
    void drawnVectorsAreSearched() {
        CommandRun drawn = CommandRun.of(
                "bench",
                "search",
                "--rows",
                3000,
                "--width",
                32,
                "--answers",
                5,
                "--questions",
                20,
                "--rounds",
                1,
                "--work",
                dir);
        assertThat(drawn.exitCode()).isZero();
        assertThat(drawn.out())
                .contains("3,000 vectors of 32 elements, like CLIP's", "3,000 vectors of 32 elements, random")
                .contains("filter that keeps 1.0 %", "graph, M 16", "exact answers are those of the plain loop");
        assertThat(dir).isEmptyDirectory();
    }
}
