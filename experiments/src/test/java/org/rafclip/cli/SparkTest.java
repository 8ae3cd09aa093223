package org.rafclip.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.clip.Adapters;
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
        boolean adapted = Files.exists(last.resolve(Adapters.TENSORS_FILE));
        return Safetensors.readAll(last.resolve(adapted ? Adapters.TENSORS_FILE : ClipModel.WEIGHTS_FILE));
    }

    @Test
    void twoProcessesTrainWhatOneDoes() throws IOException {
        Object[] shared = requireSame("", "train.micro-batch=5");

        CommandRun again = SPARK.run(shared);
        assertThat(again.exitCode()).isEqualTo(1);
        assertThat(again.err()).contains("rafclip: ", "two");
    }

    @Test
    void twoProcessesTrainTheAdaptersThatOneDoes() throws IOException {
        requireSame("adapted-", "train.micro-batch=5", "train.lora.rank=2");
    }

    /**
     * Trains in one process and in two.
     *
     * @return the words of the latter's command
     */
    private static Object[] requireSame(String prefix, String... settings) throws IOException {
        Path one = dir.resolve(prefix + "one");
        Path two = dir.resolve(prefix + "two");
        runs.trainEncoder(one, settings);
        List<Object> shared = new ArrayList<>(List.of(
                "train",
                dir.resolve("raf.yaml"),
                "data.dir=" + runs.data(),
                "data.cache=" + dir.resolve("masks"),
                "output.dir=" + two,
                "--workers",
                2));
        shared.addAll(List.of(settings));
        CommandRun done = SPARK.run(shared.toArray());
        assertThat(done.exitCode()).as(done.err()).isZero();
        assertThat(done.out()).contains("3 steps done");
        Map<String, INDArray> expected = weights(one);
        Map<String, INDArray> found = weights(two);
        assertThat(found).containsOnlyKeys(expected.keySet());
        expected.forEach((name, weight) -> assertThat(
                        weight.sub(found.get(name)).amaxNumber().doubleValue())
                .as(name)
                .isLessThanOrEqualTo(1e-6));
        return shared.toArray();
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
