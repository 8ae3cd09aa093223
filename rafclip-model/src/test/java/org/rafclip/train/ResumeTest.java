package org.rafclip.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.JavaOps;
import org.rafclip.train.MetricsLog.Entry;

/** A run in processes that are killed comes to the same bits as one that is not, in a process that is warm already. */
class ResumeTest {

    private static final long STEPS = 16;

    @TempDir
    private Path dir;

    /** All of a model, or adapters in it. */
    @ParameterizedTest
    @ValueSource(strings = {"train.lora=null", "train.lora={rank: 4, dropout: 0.2}"})
    void killedAndResumedTrainingEndsWithTheBitsOfAnUninterruptedOne(String how) throws Exception {
        TinyRun.drawPhotos(dir);
        RafClipConfig whole = TinyRun.config(dir, dir.resolve("whole"), how);
        run("whole", how).awaitEnd();
        RafClipConfig killed = TinyRun.config(dir, dir.resolve("killed"), how);
        SplittableRandom random = new SplittableRandom(11);

        // In mid-epoch between two checkpoints, while one is written, and after a validation.
        killAt("step 5", random.nextInt(20), "start", how);
        killAt("saving 9", random.nextInt(4), "resume", how);
        killAt("saving 16", 1 + random.nextInt(4), "resume", how);
        run("resume", how).awaitEnd();

        assertSameBits(TinyRun.lastTensors(whole), TinyRun.lastTensors(killed));
        assertThat(bestStep(killed)).isEqualTo(bestStep(whole));
        List<Entry> entries = MetricsLog.read(new RunFolder(killed.output().dir()).metricsFile());
        assertThat(entries.stream().filter(entry -> entry.values().containsKey("loss")))
                .extracting(Entry::step)
                .containsExactlyElementsOf(
                        LongStream.rangeClosed(1, STEPS).boxed().toList());
        assertThat(entries.stream().filter(entry -> entry.values().containsKey("validation/meanAccuracy")))
                .extracting(Entry::step)
                .containsExactly(8L, 16L);
        assertThat(values(killed)).isEqualTo(values(whole));
    }

    private static List<Map<String, Double>> values(RafClipConfig config) throws IOException {
        return MetricsLog.read(new RunFolder(config.output().dir()).metricsFile()).stream()
                .map(entry -> {
                    Map<String, Double> values = new TreeMap<>(entry.values());
                    values.remove("imagesPerSecond");
                    return values;
                })
                .toList();
    }

    private static String bestStep(RafClipConfig config) {
        return new RunFolder(config.output().dir())
                .checkpoints()
                .find(Checkpoints.Which.BEST)
                .orElseThrow()
                .getFileName()
                .toString();
    }

    private static void assertSameBits(Map<String, INDArray> expected, Map<String, INDArray> actual) {
        assertThat(actual).hasSameSizeAs(expected);
        expected.forEach((name, value) -> assertThat(actual.get(name).data().asBytes())
                .as(name)
                .isEqualTo(value.data().asBytes()));
    }

    private void killAt(String line, int milliseconds, String mode, String how) throws Exception {
        Child child = run(mode, how);
        try {
            child.awaitLine(line);
            Thread.sleep(milliseconds);
        } finally {
            child.process.destroyForcibly();
        }
        assertThat(child.process.waitFor()).as("killed, not ended by itself").isEqualTo(137);
    }

    private Child run(String mode, String how) throws IOException {
        String classPath = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--add-modules",
                        "jdk.incubator.vector",
                        "-Xmx512m",
                        "-cp",
                        classPath,
                        Training.class.getName(),
                        dir.toString(),
                        mode,
                        how)
                .redirectError(dir.resolve("errors.txt").toFile())
                .start();
        return new Child(process, dir.resolve("errors.txt").toFile());
    }

    /** A training process that is waited for. */
    private record Child(Process process, File errors) {

        void awaitLine(String wanted) throws IOException {
            BufferedReader lines = process.inputReader(StandardCharsets.UTF_8);
            List<String> seen = new ArrayList<>();
            for (String line = lines.readLine(); !wanted.equals(line); line = lines.readLine()) {
                assertThat(line)
                        .as("no line '" + wanted + "' in " + seen + ": " + Files.readString(errors.toPath()))
                        .isNotNull();
                seen.add(line);
            }
        }

        void awaitEnd() throws IOException, InterruptedException {
            assertThat(process.waitFor(10, TimeUnit.MINUTES)).isTrue();
            assertThat(process.exitValue())
                    .as(Files.readString(errors.toPath()))
                    .isZero();
        }
    }

    /** The process: tells each step, and each checkpoint by its step just before it is written. */
    static final class Training {

        private Training() {}

        public static void main(String[] args) throws Exception {
            Path dir = Path.of(args[0]);
            JavaOps.install();
            // Memory of odd sizes, so that arrays lie elsewhere than in other processes.
            List<INDArray> ballast = new ArrayList<>();
            for (int i = 1; i < 40; i++) {
                ballast.add(Nd4j.ones(7 * i + args[1].length()));
            }
            if (args[1].equals("whole")) {
                TinyRun.train(TinyRun.config(dir, dir.resolve("warm-up"), args[2]), false, new TinyRun.Listener());
                TinyRun.train(TinyRun.config(dir, dir.resolve("whole"), args[2]), false, new TinyRun.Listener());
            } else {
                RafClipConfig config = TinyRun.config(dir, dir.resolve("killed"), args[2]);
                TinyRun.train(config, args[1].equals("resume"), new Telling());
            }
            System.out.println("done " + ballast.size());
        }
    }

    private static final class Telling extends TinyRun.Listener {

        @Override
        public void step(Step step) {
            super.step(step);
            System.out.println("step " + step.number());
        }

        @Override
        public void validated(Validated validated) {
            super.validated(validated);
            System.out.println("validated " + validated.step());
        }

        @Override
        public void saving(long step) {
            System.out.println("saving " + step);
        }
    }
}
