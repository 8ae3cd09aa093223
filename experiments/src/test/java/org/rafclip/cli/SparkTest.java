package org.rafclip.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.clip.ClipModel;
import org.rafclip.io.Safetensors;
import org.rafclip.train.Checkpoints;
import org.rafclip.train.RunFolder;

/** Trainings on Spark, two tasks at a time. */
class SparkTest {

    @RegisterExtension
    static final LocalSpark SPARK = new LocalSpark();

    @TempDir
    static Path dir;

    private static TinyRuns runs;

    @BeforeAll
    static void draw() throws IOException {
        runs = TinyRuns.in(dir, 40);
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
            "--workers",
            2
        };
        CommandRun done = SPARK.run(shared);
        assertThat(done.exitCode()).as(done.err()).isZero();
        assertThat(done.out()).contains("3 steps done");
        Map<String, INDArray> expected = weights(one);
        Map<String, INDArray> found = weights(two);
        assertThat(found).containsOnlyKeys(expected.keySet());
        expected.forEach((name, weight) -> assertThat(
                        weight.sub(found.get(name)).amaxNumber().doubleValue())
                .as(name)
                .isLessThanOrEqualTo(1e-6));

        CommandRun again = SPARK.run(shared);
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
        CommandRun there = SPARK.run("sweep", sweep, data, cache, "output.dir=" + dir.resolve("there"));
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
