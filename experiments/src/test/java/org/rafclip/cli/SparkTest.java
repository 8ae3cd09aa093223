package org.rafclip.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.clip.ClipModel;
import org.rafclip.io.Safetensors;
import org.rafclip.run.TaskCluster;
import org.rafclip.train.Checkpoints;
import org.rafclip.train.RunFolder;

/** Trainings on Spark in a process of its own, two tasks at a time; skipped where it was not fetched. */
class SparkTest {

    private static final String HOME = "rafclip.home";
    private static final String MASTER = "local[2]";

    @TempDir
    static Path dir;

    private static String before;
    private static TinyRuns runs;

    @BeforeAll
    static void draw() throws IOException {
        assumeTrue(
                ServiceLoader.load(TaskCluster.class).findFirst().isPresent()
                        && Files.isDirectory(Path.of("..", "cluster", "spark-job", "target", "home")),
                "Spark is not here; fetch it: ./mvnw -f cluster/spark-job/pom.xml package, and build with -Pcluster");
        before = System.setProperty(HOME, "..");
        runs = TinyRuns.in(dir, 40);
    }

    @AfterAll
    static void forget() {
        if (before == null) {
            System.clearProperty(HOME);
        } else {
            System.setProperty(HOME, before);
        }
    }

    private static Map<String, INDArray> weights(Path run) throws IOException {
        Path last =
                new RunFolder(run).checkpoints().find(Checkpoints.Which.LAST).orElseThrow();
        return Safetensors.readAll(last.resolve(ClipModel.WEIGHTS_FILE));
    }

    @Test
    void twoProcessesTrainWhatOneDoes() throws IOException {
        Path one = dir.resolve("one");
        Path two = dir.resolve("two");
        runs.trainEncoder(one, "train.micro-batch=5");
        Object[] shared = {
            "train",
            dir.resolve("raf.yaml"),
            "data.dir=" + runs.data(),
            "data.cache=" + dir.resolve("masks"),
            "output.dir=" + two,
            "train.micro-batch=5",
            "--master",
            MASTER,
            "--workers",
            2
        };
        CommandRun done = CommandRun.of(shared);
        assertThat(done.exitCode()).as(done.err()).isZero();
        assertThat(done.out()).contains("3 steps done");
        Map<String, INDArray> expected = weights(one);
        Map<String, INDArray> found = weights(two);
        assertThat(found).containsOnlyKeys(expected.keySet());
        expected.forEach((name, weight) -> assertThat(
                        weight.sub(found.get(name)).amaxNumber().doubleValue())
                .as(name)
                .isLessThanOrEqualTo(1e-6));

        CommandRun again = CommandRun.of(shared);
        assertThat(again.exitCode()).isEqualTo(1);
        assertThat(again.err()).contains("rafclip: ", "two");
    }

    @Test
    void aSweepsTrialsAreThoseOfOneProcess() throws IOException {
        Path sweep = Files.writeString(dir.resolve("sweep.yaml"), """
                base: raf.yaml
                search: grid
                points: 2
                metric: validation/meanAccuracy
                spaces: {train.lr: {choice: [1e-3, 1e-4]}}
                output: {dir: '%s'}
                """.formatted(dir.resolve("here")));
        String data = "data.dir=" + runs.data();
        String cache = "data.cache=" + dir.resolve("masks");
        CommandRun here = CommandRun.of("sweep", sweep, data, cache);
        assertThat(here.exitCode()).as(here.err()).isZero();
        CommandRun there =
                CommandRun.of("sweep", sweep, data, cache, "output.dir=" + dir.resolve("there"), "--master", MASTER);
        assertThat(there.exitCode()).as(there.err()).isZero();
        assertThat(scores(dir.resolve("there"))).isEqualTo(scores(dir.resolve("here")));
    }

    private static Map<Integer, Double> scores(Path sweep) throws IOException {
        Map<Integer, Double> scores = new TreeMap<>();
        for (JsonNode row : new ObjectMapper()
                .readTree(sweep.resolve("results.json").toFile())
                .findValue("trials")) {
            scores.put(row.get("number").asInt(), row.get("score").asDouble());
        }
        assertThat(scores).hasSize(2);
        return scores;
    }
}
