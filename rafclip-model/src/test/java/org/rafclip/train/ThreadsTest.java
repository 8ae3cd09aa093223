package org.rafclip.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.DualEncoder;
import org.rafclip.loss.RafLoss;
import org.rafclip.loss.RafLossConfig;
import org.rafclip.loss.RafLossConfig.Positives;
import org.rafclip.ops.Blas;
import org.rafclip.ops.Graph;
import org.rafclip.ops.JavaOps;
import org.rafclip.ops.Parallel;
import org.rafclip.ops.kernel.Kernels.Activation;
import org.rafclip.run.Configs;
import org.rafclip.text.Encoded;

/** A training comes to the same bits on any number of threads, in arrays that are large enough to be split. */
class ThreadsTest {

    private static final int STEPS = 20;
    private static final int IMAGES = 64;

    @ParameterizedTest
    @ValueSource(strings = {"onednn", "openblas"})
    void weightsHaveTheSameBitsOnOneTwoThreeAndEightThreads(String library) throws Exception {
        assumeTrue(Blas.library() == Blas.Library.ONEDNN || library.equals("openblas"), "there is no oneDNN here");
        Set<String> results = new LinkedHashSet<>();
        for (int threads : new int[] {1, 2, 3, 8}) {
            results.add(train(threads, library));
        }
        assertThat(results).as("SHA-256 of all weights after the same steps").hasSize(1);
    }

    private static String train(int threads, String library) throws Exception {
        ProcessBuilder builder = new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules",
                "jdk.incubator.vector",
                "-Xmx512m",
                "-Drafclip.threads=" + threads,
                "-Drafclip.blas=" + library,
                "-cp",
                System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                Training.class.getName());
        for (String variable : List.of("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")) {
            builder.environment().put(variable, Integer.toString(threads));
        }
        Process process = builder.redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(2, TimeUnit.MINUTES)).as(output).isTrue();
        assertThat(output).contains("threads " + threads + "\n").contains("weights ");
        return output.substring(output.indexOf("weights ")).strip();
    }

    /** The process: a small RaF-CLIP with a convolutional stem on random numbers. */
    static final class Training {

        private Training() {}

        public static void main(String[] arguments) throws Exception {
            JavaOps.install();
            System.out.println("threads " + Parallel.standard().threads());
            ClipConfig config = new ClipConfig(
                    64,
                    Activation.GELU,
                    2.6,
                    ClipConfig.Vision.ofClip(32, 8, 64, 2, 2, 4)
                            .withPool(ClipConfig.Pool.MEAN)
                            .withStem(List.of(12, 24))
                            .withDropout(0.1)
                            .withDropPath(0.1),
                    ClipConfig.Text.ofClip(16, 64, 64, 1, 2, 4).withDropout(0.1));
            DualEncoder encoder = new DualEncoder(config, DataType.FLOAT, 5);
            Nd4j.getRandom().setSeed(7);
            INDArray images = Nd4j.randn(DataType.FLOAT, IMAGES, 3, 32, 32);
            AdamW optimizer = new AdamW(
                    encoder.parameters(),
                    Configs.parse("{weight-decay: 0.1}", "threads", List.of(), TrainConfig.class));
            try (Graph graph = new Graph(encoder.graph());
                    RafLoss loss = new RafLoss(new RafLossConfig(0.5, Positives.IDENTITY, 0), 1, DataType.FLOAT)) {
                ContrastiveStep step = new ContrastiveStep(
                        encoder, graph, loss, List.copyOf(encoder.parameters().keySet()), IMAGES);
                for (int t = 1; t <= STEPS; t++) {
                    try (ContrastiveStep.Result result = step.run(images, texts(), pairs(), t)) {
                        double norm = AdamW.norm(result.gradients());
                        optimizer.step(result.gradients(), 1e-3, t, 1 / Math.max(1, norm));
                    }
                }
            }
            System.out.println("weights " + sha256(encoder.parameters()));
        }

        private static Encoded.Padded texts() {
            int[][] ids = new int[IMAGES][16];
            int[] ends = new int[IMAGES];
            for (int i = 0; i < IMAGES; i++) {
                for (int j = 0; j < 16; j++) {
                    ids[i][j] = (i * 5 + j * 11 + i * j) % 64;
                }
                ends[i] = 15;
            }
            return new Encoded.Padded(ids, ends);
        }

        /** Each image has a text of its own, the garment's and each of the attribute's alike. */
        private static int[][] pairs() {
            int[][] textOfImage = new int[2][IMAGES];
            for (int i = 0; i < IMAGES; i++) {
                textOfImage[0][i] = i;
                textOfImage[1][i] = IMAGES - 1 - i;
            }
            return textOfImage;
        }

        private static String sha256(Map<String, INDArray> weights) throws Exception {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            new LinkedHashMap<>(weights)
                    .values()
                    .forEach(weight -> digest.update(weight.data().asBytes()));
            return HexFormat.of().formatHex(digest.digest());
        }
    }
}
