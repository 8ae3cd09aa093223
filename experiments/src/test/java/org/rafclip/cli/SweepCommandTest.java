package org.rafclip.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.clip.Adapters;
import org.rafclip.io.Sha256;
import org.rafclip.nn.Lora;
import org.rafclip.run.ConfigException;
import org.rafclip.sweep.SweepPlan;
import org.rafclip.sweep.SweepRun;
import org.rafclip.train.Checkpoints;
import org.rafclip.train.RunFolder;

/** Sweeps over a composer's configuration, on drawn photos and tiny models. */
class SweepCommandTest {

    private static final String SWEEP = """
            base: agcn.yaml
            overrides: [data.threads=1, train.epochs=2]
            search: grid
            metric: validation/meanRecallAt10
            spaces:
              train.lr: {choice: [1e-3, 1e38]}
              composer.branches.heads: {choice: [2, 3]}
              composer.branches.dropout: {choice: [0.1, 1.5]}
            """;

    @TempDir
    static Path dir;

    private static TinyRuns runs;
    private static Path raf;
    private static Path sweep;

    @BeforeAll
    static void trainEncoder() throws IOException {
        // Held out are 4: every recall at 10 is 1, so that the first validation stays the best.
        runs = TinyRuns.in(dir, 16);
        raf = dir.resolve("raf");
        runs.trainEncoder(raf, "train.batch-size=6");
        sweep = Files.writeString(dir.resolve("sweep.yaml"), SWEEP);
    }

    private static List<String> arguments(String out, String... more) {
        List<String> arguments = new ArrayList<>(runs.composerFolders(dir.resolve(out), raf));
        arguments.addAll(List.of(more));
        return arguments;
    }

    private static CommandRun run(String out, String... more) {
        List<Object> words = new ArrayList<>(List.of("sweep", sweep));
        words.addAll(arguments(out, more));
        return CommandRun.of(words.toArray());
    }

    private static JsonNode results(String out) throws IOException {
        return new ObjectMapper()
                .readTree(dir.resolve(out).resolve("results.json").toFile());
    }

    private static Path trial(String out, int number) throws IOException {
        try (Stream<Path> entries = Files.list(dir.resolve(out))) {
            return entries.filter(path -> path.getFileName().toString().startsWith("trial-%04d-".formatted(number)))
                    .findFirst()
                    .orElseThrow();
        }
    }

    private static String weights(Path run) throws IOException {
        Path last = new RunFolder(run).checkpoint(Checkpoints.Which.LAST).dir();
        return Sha256.of(last.resolve("composer.safetensors")) + Sha256.of(last.resolve("optimizer.safetensors"));
    }

    @Test
    void aSweepGoesThroughAllTrialsAndGoesOnWhereItStopped() throws IOException {
        CommandRun first = run("grid");

        assertThat(first.exitCode()).as(first.err() + first.out()).isZero();
        assertThat(first.out()).contains("8 of 8 trials", "meanRecallAt10", "Best: " + trial("grid", 1));
        JsonNode best = results("grid").at("/trials/0");
        assertThat(best.path("number").asInt()).isEqualTo(1);
        assertThat(best.path("score").asDouble()).isEqualTo(1);
        assertThat(best.path("steps").asInt()).isPositive();
        assertThat(best.at("/values/train.lr").asDouble()).isEqualTo(1e-3);
        assertThat(best.path("figures").has("validation/meanRecallAt50")).isTrue();
        assertThat(results("grid").at("/provenance/config/sweep/metric").asText())
                .isEqualTo("validation/meanRecallAt10");
        assertThat(results("grid").findValuesAsText("error").stream().filter(error -> !error.equals("null")))
                .hasSize(7)
                .anyMatch(error -> error.contains("diverged at step") || error.contains("NaN"))
                .anyMatch(error -> error.contains("heads"))
                .anyMatch(error -> error.contains("dropout lies in [0, 1)"));
        assertThat(Files.readAllLines(dir.resolve("grid/results.csv"))).hasSizeGreaterThanOrEqualTo(9);
        assertThat(dir.resolve("grid/arbiter.json")).content().contains("GridSearchCandidateGenerator");
        for (String picture : List.of("scatter.png", "parallel.png")) {
            assertThat(ImageIO.read(dir.resolve("grid").resolve(picture).toFile())
                            .getWidth())
                    .isGreaterThan(500);
        }
        Path done = trial("grid", 1);
        assertThat(List.of("config.yaml", "provenance.json", "metrics.jsonl", "checkpoints", "trial.json"))
                .allMatch(name -> Files.exists(done.resolve(name)));

        String weights = weights(done);
        Files.delete(done.resolve("trial.json"));
        Path earlier = new RunFolder(done).checkpoint(Checkpoints.Which.BEST).dir();
        assertThat(new RunFolder(done).checkpoint(Checkpoints.Which.LAST).dir()).isNotEqualTo(earlier);
        Files.writeString(
                done.resolve("checkpoints/last"), earlier.getFileName().toString());
        assertThat(run("grid", "--plan").out()).contains("begun", "failed").doesNotContain("done");
        CommandRun second = run("grid");

        assertThat(second.exitCode()).as(second.err()).isZero();
        assertThat(weights(done)).as("a resumed trial").isEqualTo(weights);
        assertThat(results("grid").at("/trials/0/resumed").asBoolean()).isTrue();
        assertThat(second.out()).contains("> 0:");
        assertThat(run("grid", "--plan").out()).contains("done");
    }

    @Test
    void whatWasDoneIsNotDoneAgain() throws Exception {
        List<String> told = new ArrayList<>();
        List<String> arguments = arguments(
                "random",
                "search=random",
                "trials=2",
                "spaces={train.lr: {log-uniform: [1e-4, 1e-3]}, loss.temperature: {integer: [5, 20]}}",
                "train.epochs=1");
        SweepPlan plan = SweepPlan.load(sweep, arguments);
        IllegalStateException killed = new IllegalStateException("killed");
        assertThatThrownBy(() -> new SweepRun(plan, false, Map.of(), List.of(), line -> {
                            if (line.startsWith("trial 2")) {
                                throw killed;
                            }
                            told.add(line);
                        })
                        .run())
                .isSameAs(killed);
        assertThat(told).hasSize(2).last().asString().contains("trial 1 of 2", "meanRecallAt10 1.0000");
        assertThat(results("random").path("trials")).hasSize(1);
        Path done = trial("random", 1).resolve("metrics.jsonl");
        String before = Files.readString(done);

        told.clear();
        new SweepRun(plan, false, Map.of(), List.of(), told::add).run();

        assertThat(told.get(0)).startsWith("trial 1 of 2, done earlier");
        assertThat(told.get(1)).startsWith("trial 2 of 2: lr ");
        assertThat(Files.readString(done)).isEqualTo(before);
        assertThat(results("random").path("trials")).hasSize(2);
        try (Stream<Path> features = Files.list(dir.resolve("features"))) {
            assertThat(features.filter(Files::isDirectory).count())
                    .as("images and texts, encoded once for all trials")
                    .isEqualTo(2);
        }
        arguments.set(arguments.indexOf("trials=2"), "trials=3");
        assertThat(SweepPlan.load(sweep, arguments).trials().subList(0, 2))
                .extracting("dir")
                .isEqualTo(plan.trials().stream().map(t -> t.dir()).toList());

        arguments.add("train.epochs=3");
        CommandRun other = CommandRun.of(
                Stream.concat(Stream.of("sweep", sweep), arguments.stream()).toArray());
        assertThat(other.exitCode()).isEqualTo(1);
        assertThat(other.err()).contains("another configuration (train.epochs: 3 instead of 1)");
        arguments.add("seed=2");
        CommandRun moved = CommandRun.of(
                Stream.concat(Stream.of("sweep", sweep), arguments.stream()).toArray());
        assertThat(moved.err()).contains("holds another sweep", "seed");
    }

    @Test
    void ranksOfAdaptersAreSwept() throws IOException {
        Path ranks = Files.writeString(dir.resolve("ranks.yaml"), """
                base: raf.yaml
                overrides: [train.batch-size=6, train.lr=1e-2, train.lora.alpha=2]
                search: grid
                metric: validation/meanAccuracy
                spaces: {train.lora.rank: {choice: [1, 3]}}
                """);
        CommandRun done = CommandRun.of(
                "sweep",
                ranks,
                "data.dir=" + runs.data(),
                "data.cache=" + dir.resolve("masks"),
                "output.dir=" + dir.resolve("ranks"));

        assertThat(done.exitCode()).as(done.err()).isZero();
        assertThat(done.out()).contains("2 of 2 trials");
        for (int number : new int[] {1, 2}) {
            Path last = new RunFolder(trial("ranks", number))
                    .checkpoint(Checkpoints.Which.LAST)
                    .dir();
            Adapters adapters = Adapters.read(last);
            assertThat(adapters.config().rank()).isEqualTo(number == 1 ? 1 : 3);
            assertThat(adapters.config().alphaOrRank()).isEqualTo(2);
            adapters.layers()
                    .forEach(layer -> assertThat(
                                    adapters.tensors().get(layer + Lora.A).size(0))
                            .as(layer)
                            .isEqualTo(adapters.config().rank()));
        }
    }

    @Test
    void mistakesAreToldBeforeAnythingRuns() {
        assertThat(run("none", "spaces={train.lrr: {uniform: [0, 1]}}", "points=2")
                        .err())
                .contains("train.lrr: unknown key", "train.lr");
        assertThat(run("none", "spaces={composer.kind: {choice: [agcn, agnc]}}").err())
                .contains("composer.kind", "did you mean agcn");
        assertThat(run("none", "metric=validation/meanAccuracy").err())
                .contains("validation/meanAccuracy", "known: validation/meanRecallAt1, ");
        assertThat(run("none", "base=missing.yaml").err()).contains("missing.yaml: there is no such");
        assertThat(run("none", "trails=3").err()).contains("trails: unknown key");
        assertThat(run("none", "spaces={composer.kind: {choice: [sum, sum2]}}").err())
                .contains("composer.kind");
        assertThatThrownBy(
                        () -> SweepPlan.load(sweep, arguments("none", "spaces={loss.temperature: {choice: [-1, -2]}}")))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("no trial can run; the first: ")
                .hasMessageContaining("temperature must be above 0");
        assertThat(run("none", "data.dir=" + dir.resolve("nothing")).err())
                .contains(dir.resolve("nothing").toString());
        assertThat(run("none", "rafclip.run=" + dir.resolve("nothing")).err()).contains("not a training run");
        assertThat(dir.resolve("none/results.json")).doesNotExist();
    }

    @Test
    void theShippedSweepsAreLaidOut() {
        for (String name : List.of("sweep-agcn.yaml", "sweep-rafclip.yaml")) {
            CommandRun plan = CommandRun.of(
                    "sweep",
                    Path.of("configs", name),
                    "data.dir=DIR",
                    name.contains("agcn") ? "rafclip.run=RUN" : "seed=2",
                    "output.dir=" + dir.resolve("shipped"),
                    "--plan");
            assertThat(plan.exitCode()).as(plan.err()).isZero();
            assertThat(plan.out()).contains("trial-0001-", "to do").doesNotContain("refused");
            assertThat(dir.resolve("shipped")).doesNotExist();
        }
    }
}
