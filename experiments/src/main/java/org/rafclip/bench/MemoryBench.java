package org.rafclip.bench;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.DualEncoder;
import org.rafclip.eval.Table;
import org.rafclip.loss.RafLoss;
import org.rafclip.ops.Graph;
import org.rafclip.ops.JavaOps;
import org.rafclip.run.ProcessMemory;
import org.rafclip.text.ClipTokenizer;
import org.rafclip.text.Encoded;
import org.rafclip.train.ContrastiveStep;
import org.rafclip.train.ParameterUpdate;

/** Watches the memory of a training whose batches have ever other numbers and lengths of texts. */
public final class MemoryBench {

    /** The share of the steps after which memory should have stopped growing. */
    private static final double WARM = 0.2;

    private static final int READINGS = 10;

    private final BenchModel subject;
    private final Work work;
    private final Consumer<String> progress;

    /** @param progress is told what is being done */
    public MemoryBench(BenchModel subject, Work work, Consumer<String> progress) {
        this.subject = subject;
        this.work = work;
        this.progress = progress;
    }

    /**
     * @param garments a step, each with two images
     * @param microBatch images, and texts, in memory with their activations at a time
     */
    public record Work(int garments, int microBatch, int steps, int categories, long seed) {}

    /**
     * Memory after some steps, in MiB.
     *
     * @param resident of the process
     * @param pool buffers of the graph
     * @param heap Java objects, garbage included
     */
    public record Reading(int step, double resident, double pool, double heap) {}

    /**
     * What was measured.
     *
     * @param peak the process's most at any moment, in MiB
     * @param moments of AdamW, in MiB
     * @param growth from the reading after a fifth of the steps to the last, in MiB; null for fewer than ten steps
     */
    public record Result(
            String model,
            int garments,
            int microBatch,
            int steps,
            double secondsPerStep,
            List<Reading> readings,
            double peak,
            double moments,
            Double growth) {

        /** The figures as a table. */
        public Table table() {
            List<List<String>> rows = new ArrayList<>();
            for (Reading reading : readings) {
                rows.add(List.of(
                        Integer.toString(reading.step()),
                        mebibytes(reading.resident()),
                        mebibytes(reading.pool()),
                        mebibytes(reading.heap())));
            }
            List<String> notes = new ArrayList<>();
            notes.add(String.format(
                    Locale.ROOT,
                    "%d images a step, %d at a time; %.2f s a step; peak %,.0f MiB, of which AdamW's moments %s",
                    2 * garments,
                    microBatch,
                    secondsPerStep,
                    peak,
                    mebibytes(moments)));
            if (growth != null) {
                notes.add(String.format(Locale.ROOT, "growth after the first fifth of the steps: %+,.0f MiB", growth));
            }
            return new Table(
                    "Memory in training of " + model + ", MiB",
                    List.of("step", "process", "buffers", "Java heap"),
                    rows,
                    notes);
        }

        private static String mebibytes(double value) {
            return String.format(Locale.ROOT, "%,.0f", value);
        }
    }

    /** Trains, and reads the process's memory meanwhile. */
    public Result run() {
        JavaOps.install();
        Garments garments = new Garments(work.categories());
        SplittableRandom random = new SplittableRandom(work.seed());
        try (ClipTokenizer tokenizer = subject.tokenizer(garments)) {
            ClipConfig clip = subject.clipFor(tokenizer);
            DualEncoder encoder = subject.encoder(clip, work.seed());
            Map<String, INDArray> trained = subject.trained(encoder);
            INDArray pixels = subject.pixels(2 * work.garments(), random);
            List<Reading> readings = new ArrayList<>();
            long begin = System.nanoTime();
            try (Graph graph = new Graph(encoder.graph());
                    RafLoss loss = new RafLoss(subject.loss(), Garments.GROUPS, DataType.FLOAT)) {
                ContrastiveStep contrastive =
                        new ContrastiveStep(encoder, graph, loss, List.copyOf(trained.keySet()), work.microBatch());
                ParameterUpdate update = new ParameterUpdate(trained, subject.train(), contrastive::clampTemperature);
                readings.add(reading(0, graph));
                int every = Math.max(1, work.steps() / READINGS);
                for (int step = 1; step <= work.steps(); step++) {
                    progress.accept("step " + step + " of " + work.steps());
                    Garments.Texts texts = garments.draw(work.garments(), subject.loss(), random);
                    Encoded.Padded padded = tokenizer.encode(texts.texts()).pad();
                    int tokens = padded.length() + random.nextInt(tokenizer.contextLength() - padded.length() + 1);
                    Encoded.Padded longer = work.steps() == 1 ? padded : BenchModel.padTo(padded, tokens);
                    try (ContrastiveStep.Result result = contrastive.run(pixels, longer, texts.textOfImage(), step)) {
                        update.apply(result.gradients(), subject.train().lr(), step);
                    }
                    if (step % every == 0) {
                        readings.add(reading(step, graph));
                    }
                }
            }
            double seconds = (System.nanoTime() - begin) / 1e9 / work.steps();
            return new Result(
                    subject.name(),
                    work.garments(),
                    work.microBatch(),
                    work.steps(),
                    seconds,
                    readings,
                    ProcessMemory.now().peak(),
                    moments(trained.values()),
                    work.steps() < READINGS ? null : growth(readings));
        }
    }

    /** What AdamW keeps for some parameters, in MiB. */
    static double moments(Collection<INDArray> trained) {
        return trained.stream()
                        .mapToDouble(
                                array -> 2.0 * array.length() * array.dataType().width())
                        .sum()
                / (1 << 20);
    }

    static double growth(List<Reading> readings) {
        int last = readings.get(readings.size() - 1).step();
        Reading warm = readings.stream()
                .filter(reading -> reading.step() >= WARM * last)
                .findFirst()
                .orElseThrow();
        return readings.get(readings.size() - 1).resident() - warm.resident();
    }

    private static Reading reading(int step, Graph graph) {
        Runtime runtime = Runtime.getRuntime();
        double mebi = 1 << 20;
        return new Reading(
                step,
                ProcessMemory.now().resident(),
                graph.bytes() / mebi,
                (runtime.totalMemory() - runtime.freeMemory()) / mebi);
    }
}
