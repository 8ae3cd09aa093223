package org.rafclip.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.io.StringReader;
import java.io.StringWriter;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.agcn.compose.ComposerModel;
import org.rafclip.agcn.features.EncodedData;
import org.rafclip.agcn.features.TextFeatureSource;
import org.rafclip.agcn.open.ComposerRun;
import org.rafclip.agcn.train.CompositionData;
import org.rafclip.data.Progress;
import org.rafclip.eval.Retrieval;
import org.rafclip.open.OpenedEncoder;
import org.rafclip.photos.PhotoData;
import org.rafclip.photos.PhotoSplit;
import org.rafclip.photos.PhotoSplits;
import org.rafclip.search.FashionModel;
import org.rafclip.search.index.LuceneIndex;
import org.rafclip.search.query.Dialog;
import org.rafclip.search.query.Searcher;
import org.rafclip.train.Checkpoints;

/** From runs of tiny models and an index of drawn photos to answers, by the command line and by HTTP. */
class SearchCommandTest {

    private static final double ROUNDING = 1e-4;

    @TempDir
    static Path dir;

    private static Path data;
    private static Path raf;
    private static Path agcn;
    private static Path index;
    private static Path plain;

    @BeforeAll
    static void train() throws IOException {
        TinyRuns runs = TinyRuns.in(dir, 40);
        data = runs.data();
        raf = dir.resolve("raf");
        agcn = dir.resolve("agcn");
        runs.trainEncoder(raf);
        runs.trainComposer(agcn, raf);
        index = dir.resolve("index");
        plain = dir.resolve("plain-index");
        made(CommandRun.of("index", "--run", raf, "--composer", agcn, "--images", data, "--out", index));
        made(CommandRun.of("index", "--run", raf, "--images", data, "--out", plain));
    }

    private static void made(CommandRun index) {
        assertThat(index.exitCode()).as(index.err()).isZero();
    }

    private static CommandRun search(Object... options) {
        List<Object> words = new ArrayList<>(List.of("search", "--index", index));
        words.addAll(List.of(options));
        return CommandRun.of(words.toArray());
    }

    private static List<String> photos(String out) {
        return out.lines()
                .filter(line -> line.matches("\\d+\\. .*"))
                .map(line -> line.split("\\s+")[1])
                .toList();
    }

    private static List<Double> cosines(String out) {
        return out.lines()
                .filter(line -> line.matches("\\d+\\. .*"))
                .map(line -> Double.parseDouble(line.split("\\s+")[2]))
                .toList();
    }

    @Test
    void turnsAreTakenInOrderAndShownOnAPage() throws IOException {
        Path page = dir.resolve("out/search.html");
        CommandRun result = search(
                "--like",
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
                        "img/train-3.jpg + \"has long sleeves\"",
                        photos.get(1) + " + \"is <b>striped</b>\"",
                        "by AGCN, weight of the photo 0.");
        String html = Files.readString(page);
        assertThat(html)
                .contains("is &lt;b&gt;striped", "reference: img/train-3.jpg", "by AGCN")
                .doesNotContain("<b>");
        assertThat(html.split("<img ", -1)).hasSize(1 + 10);
        assertThat(html.split("data:image/jpeg;base64,", -1)).hasSize(1 + 10);
        assertThat(html.split("class=\"hit chosen\"", -1)).hasSize(2);

        CommandRun fresh = search("--like", photos.get(1), "--change", "is <b>striped</b>", "--top", "4");
        assertThat(photos(fresh.out()).get(0)).isIn(photos.get(4), "img/train-3.jpg");
    }

    /** What the composer's own evaluation does: features of the frozen encoder, composed, ranked exactly. */
    @Test
    void aChangeIsRankedAsTheEvaluationRanksIt() throws IOException {
        CommandRun result =
                search("--like", "img/train-5.jpg", "--change", "is striped", "--keep-references", "--top", "40");
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
            List<Retrieval.Hit> expected = new Retrieval.Gallery(features.embeddings(ids))
                    .nearest(
                            composer.compose(
                                    features.images(List.of("img/train-5.jpg")),
                                    new TextFeatureSource(encoder.model(), List.of("is striped")).encode(0, 1)),
                            40,
                            new BitSet());
            List<Double> cosines = cosines(result.out());
            assertThat(photos(result.out())).hasSize(40).doesNotHaveDuplicates();
            for (int i = 0; i < 40; i++) {
                assertThat(cosines.get(i)).isCloseTo(expected.get(i).cosine(), within(2e-3));
            }
            assertThat(photos(result.out()).get(0))
                    .isEqualTo(ids.get(expected.get(0).index()));
        }
    }

    @Test
    void textsPhotosAndWeightsMakeAQuestion() {
        Path photo = data.resolve("img/train-7.jpg");
        CommandRun like = search("--image", photo, "--box", "0,0,5000,5000", "--top", "3");
        assertThat(like.exitCode()).as(like.err()).isZero();
        assertThat(like.out()).contains("train-7.jpg", "by photo");

        List<Double> self = cosines(search("--like", "img/train-7.jpg", "--keep-references", "--top", "1")
                .out());
        assertThat(self.get(0)).isCloseTo(1, within(ROUNDING));

        CommandRun mixed = search(
                "striped",
                "clothing",
                "--like",
                "img/train-1.jpg",
                "--weight",
                "2",
                "--text",
                "solid",
                "--weight",
                "-0.5");
        assertThat(mixed.exitCode()).as(mixed.err()).isZero();
        assertThat(mixed.out())
                .contains("\"striped clothing\" and 2 × img/train-1.jpg and -0.5 × \"solid\"")
                .contains("weighted sum of 1 photo and 2 texts, 1 of them negative");
        assertThat(photos(mixed.out())).hasSize(10).doesNotContain("img/train-1.jpg");

        CommandRun filtered = search("clothing", "--filter", "texture=Striped", "--top", "40");
        assertThat(filtered.exitCode()).as(filtered.err()).isZero();
        assertThat(filtered.out().lines().filter(line -> line.matches("\\d+\\. .*")))
                .isNotEmpty()
                .allMatch(line -> line.contains("striped"));

        CommandRun sum = CommandRun.of("search", "--index", plain, "--like", "img/train-7.jpg", "--change", "is solid");
        assertThat(sum.exitCode()).as(sum.err()).isZero();
        assertThat(sum.out()).contains("sum of photo and text, as the model has no composer");
        CommandRun composed = CommandRun.of(
                "search", "--index", plain, "--composer", agcn, "--like", "img/train-7.jpg", "--change", "is solid");
        assertThat(composed.out()).contains("by AGCN");
    }

    @Test
    void aTerminalIsAskedTurnByTurn() throws IOException {
        try (FashionModel model = FashionModel.open(raf, FashionModel.Settings.DEFAULT.withComposer(agcn));
                LuceneIndex opened = LuceneIndex.open(index)) {
            StringWriter out = new StringWriter();
            SearchCommand.Conversation conversation = new SearchCommand.Conversation(
                    Dialog.begin(new Searcher(model, opened), Dialog.Rules.DEFAULT), new PrintWriter(out));
            conversation.converse(new BufferedReader(new StringReader(
                    "striped clothing\nis solid\n11\n1\nis solid\nback\nback\nback\nback\n\nquit\nnot read")));
            assertThat(out.toString())
                    .contains("choose one of the hits first")
                    .contains("the last answer has no photo 11, only 1 to 10")
                    .contains("+ \"is solid\"")
                    .contains("there is nothing to take back")
                    .doesNotContain("not read");
        }
    }

    @Test
    void whatCannotBeSearchedIsSaidInOneLine() throws IOException {
        CommandRun unknown = search("--like", "img/none.jpg", "--say", "is red");
        assertThat(unknown.exitCode()).isEqualTo(2);
        assertThat(unknown.err().lines()).hasSize(1);
        assertThat(unknown.err()).contains("'img/none.jpg'", "index of 40");
        assertThat(search("a", "--choose", "99").err()).contains("no photo 99");
        assertThat(search("--choose", "1").err()).contains("there is no answer to choose 1 of");
        assertThat(search("a", "--say", "b").err()).contains("choose one of the hits first");
        assertThat(search("a", "--filter", "size=M").err()).contains("'size'", "texture");
        assertThat(search("--image", dir.resolve("none.jpg")).err()).contains("none.jpg");
        assertThat(search("a", "--change", "b").exitCode()).isEqualTo(2);
        assertThat(search("--text", "a", "--box", "1,2,3,4").exitCode()).isEqualTo(2);
        assertThat(search("a", "--filter", "red").exitCode()).isEqualTo(2);
        CommandRun silent = search();
        assertThat(silent.exitCode()).isEqualTo(2);
        assertThat(silent.err()).contains("Say what to search");

        TinyRuns runs = new TinyRuns(dir, data);
        runs.trainEncoder(dir.resolve("other"), "seed=4");
        CommandRun other = search("a", "--run", dir.resolve("other"));
        assertThat(other.exitCode()).isEqualTo(1);
        assertThat(other.err().lines()).hasSize(1);
    }

    @Test
    void aServerAnswersAsTheCommandLine() throws Exception {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules",
                "jdk.incubator.vector",
                "-Xmx1g",
                "-cp",
                System.getProperty("java.class.path"),
                "org.rafclip.cli.Main",
                "serve",
                "--index",
                index.toString(),
                "--port",
                "0"));
        Process serving = new ProcessBuilder(command)
                .redirectError(dir.resolve("serve.err").toFile())
                .start();
        try (BufferedReader out =
                new BufferedReader(new InputStreamReader(serving.getInputStream(), StandardCharsets.UTF_8))) {
            String first = out.readLine();
            assertThat(first)
                    .as(Files.readString(dir.resolve("serve.err")))
                    .matches("http://127\\.0\\.0\\.1:\\d+ serves .*index, 40 garments; model raf.*; composer AGCN");
            URI address = URI.create(first.split(" ")[0]);
            HttpClient http = HttpClient.newHttpClient();
            String answer = http.send(
                            HttpRequest.newBuilder(address.resolve("/api/search"))
                                    .header("Content-Type", "application/json")
                                    .POST(HttpRequest.BodyPublishers.ofString(
                                            "{\"parts\": [{\"id\": \"img/train-3.jpg\"}], \"change\": \"is solid\","
                                                    + " \"without\": [\"img/train-3.jpg\"], \"limit\": 10}"))
                                    .build(),
                            BodyHandlers.ofString())
                    .body();
            JsonNode hits = new ObjectMapper().readTree(answer).path("hits");
            CommandRun said = search("--like", "img/train-3.jpg", "--change", "is solid");
            List<String> ids = new ArrayList<>();
            hits.forEach(hit -> ids.add(hit.path("id").asText()));
            assertThat(ids).as(answer).isEqualTo(photos(said.out()));

            CommandRun taken = CommandRun.of("serve", "--index", index, "--port", address.getPort());
            assertThat(taken.exitCode()).isEqualTo(1);
            assertThat(taken.err().lines()).hasSize(1);
            assertThat(taken.err()).contains("another program serves there");

            serving.destroy();
            assertThat(serving.waitFor(20, TimeUnit.SECONDS)).isTrue();
            assertThat(serving.exitValue()).isEqualTo(143);
            assertThat(Files.readString(dir.resolve("serve.err"))).doesNotContain("at org.", "ERROR");
        } finally {
            serving.destroyForcibly();
        }
    }

    @Test
    void aServersLoadIsMeasured() {
        CommandRun bench = CommandRun.of("bench", "serve", "--index", index, "--clients", "8", "--seconds", "3");
        assertThat(bench.err()).doesNotContain("fault");
        assertThat(bench.exitCode()).as(bench.out() + bench.err()).isZero();
        assertThat(bench.out()).contains("ten times what it takes", "p99 ms", "960");
    }

    @Test
    void aTokenIsNoGuess() throws IOException {
        Path weak = Files.writeString(dir.resolve("weak.txt"), "secret\n");
        CommandRun refused = CommandRun.of("serve", "--index", index, "--token-file", weak);
        assertThat(refused.exitCode()).isEqualTo(1);
        assertThat(refused.err()).contains("weak.txt", "16");
        assertThat(CommandRun.of("serve", "--index", index, "--host", "no such host")
                        .exitCode())
                .isEqualTo(1);
        assertThat(CommandRun.of("serve", "--index", index, "--port", "70000").exitCode())
                .isEqualTo(2);
    }
}
