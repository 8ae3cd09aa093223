package org.rafclip.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.agcn.compose.ComposerModel;
import org.rafclip.agcn.features.EncodedData;
import org.rafclip.agcn.open.ComposerRun;
import org.rafclip.agcn.search.DialogSession;
import org.rafclip.agcn.search.ImageSearch;
import org.rafclip.agcn.train.CompositionData;
import org.rafclip.data.Progress;
import org.rafclip.open.OpenedEncoder;
import org.rafclip.photos.PhotoData;
import org.rafclip.photos.PhotoSplit;
import org.rafclip.photos.PhotoSplits;
import org.rafclip.train.Checkpoints;

/** From runs of tiny models to answers on drawn photos. */
class SearchCommandTest {

    @TempDir
    static Path dir;

    private static Path data;
    private static Path agcn;

    @BeforeAll
    static void train() throws IOException {
        TinyRuns runs = TinyRuns.in(dir, 40);
        data = runs.data();
        agcn = dir.resolve("agcn");
        runs.trainEncoder(dir.resolve("raf"));
        runs.trainComposer(agcn, dir.resolve("raf"));
    }

    private static CommandRun search(Object... options) {
        List<Object> words = new ArrayList<>(List.of("search", "--run", agcn, "--data", data, "--split", "train"));
        words.addAll(List.of(options));
        return CommandRun.of(words.toArray());
    }

    private static List<String> photos(String out) {
        return out.lines()
                .filter(line -> line.matches("\\d+\\. .*"))
                .map(line -> line.split("\\s+")[1])
                .toList();
    }

    @Test
    void turnsAreTakenInOrderAndShownOnAPage() throws IOException {
        Path page = dir.resolve("out/search.html");
        CommandRun result = search(
                "--reference",
                "img/train-3.jpg",
                "--say",
                "has long sleeves",
                "--choose",
                "2",
                "--say",
                "is <b>striped</b>",
                "--top",
                "4",
                "--html",
                page);

        assertThat(result.exitCode()).as(result.err()).isZero();
        List<String> photos = photos(result.out());
        assertThat(photos).hasSize(8).doesNotContain("img/train-3.jpg");
        assertThat(photos.subList(4, 8)).doesNotHaveDuplicates().doesNotContain(photos.get(1));
        assertThat(result.out())
                .contains(
                        "img/train-3.jpg + \"has long sleeves\"", photos.get(1) + " + \"is <b>striped</b>\"", "labels");
        String html = Files.readString(page);
        assertThat(html)
                .contains("is &lt;b&gt;striped", "reference: img/train-3.jpg")
                .doesNotContain("<b>");
        assertThat(html.split("<img ", -1)).hasSize(1 + 10);
        assertThat(html.split("data:image/jpeg;base64,", -1)).hasSize(1 + 10);
        assertThat(html.split("class=\"hit chosen\"", -1)).hasSize(2);

        CommandRun fresh = search("--reference", photos.get(1), "--say", "is <b>striped</b>", "--top", "4");
        assertThat(photos(fresh.out()).get(0)).isIn(photos.get(4), "img/train-3.jpg");
    }

    @Test
    void theAnswersAreThoseOfTheProgrammingInterface() throws IOException {
        CommandRun result = search("--text", "solid clothing", "--choose", "1", "--say", "is striped", "--no-repeats");
        assertThat(result.exitCode()).as(result.err()).isZero();

        ComposerRun run = ComposerRun.open(agcn, Checkpoints.Which.BEST);
        try (OpenedEncoder encoder = run.encoder(null);
                ComposerModel composer = run.load()) {
            PhotoSplit split = new PhotoSplits().split(data, "train");
            List<String> ids = split.items().stream().map(item -> item.id()).toList();
            EncodedData features = EncodedData.build(
                    dir.resolve("features"),
                    encoder.model(),
                    encoder.hash(),
                    ids,
                    CompositionData.garmentPhotos(
                            encoder,
                            new PhotoData.Parts(split, split.items(), split, List.of()),
                            run.config().data()),
                    List.of(),
                    run.config().data().storage(),
                    (name, total) -> Progress.NONE);
            DialogSession session = new DialogSession(
                    new ImageSearch(composer, ImageSearch.texts(encoder.model()), features, ids),
                    new DialogSession.Rules(10, false, false));
            List<String> expected = new ArrayList<>();
            session.startWith("solid clothing").hits().forEach(hit -> expected.add(hit.id()));
            session.choose(session.history().get(0).hits().get(0));
            session.refine("is striped").hits().forEach(hit -> expected.add(hit.id()));

            assertThat(photos(result.out())).isEqualTo(expected).doesNotHaveDuplicates();

            StringWriter out = new StringWriter();
            SearchCommand.Dialog dialog = new SearchCommand.Dialog(session, id -> "", new PrintWriter(out));
            dialog.converse(new BufferedReader(
                    new StringReader("11\n1\nis solid\nback\nback\nback\nback\nback\nback\nquit\n")));
            assertThat(out.toString())
                    .contains("the last answer has no photo 11, only 1 to 10")
                    .contains("+ \"is solid\"")
                    .contains("there is nothing to take back");
        }
    }

    @Test
    void whatCannotBeSearchedIsSaidInOneLine() {
        CommandRun unknown = search("--reference", "img/none.jpg", "--say", "is red");
        assertThat(unknown.exitCode()).isEqualTo(1);
        assertThat(unknown.err().lines()).hasSize(1);
        assertThat(unknown.err()).contains("'img/none.jpg'", "gallery of 40");
        assertThat(search("--text", "a", "--choose", "99").err()).contains("no photo 99");
        assertThat(search("--choose", "1").err()).contains("there is no answer to choose 1 of");
        assertThat(search("--text", "a", "--say", "b").err()).contains("choose one of the hits first");
        assertThat(search("--reference", "a", "--text", "b").exitCode()).isEqualTo(2);
        CommandRun silent = search();
        assertThat(silent.exitCode()).isEqualTo(2);
        assertThat(silent.err()).contains("Say what to search");
    }
}
