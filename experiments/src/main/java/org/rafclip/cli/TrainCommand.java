package org.rafclip.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.eval.AttributeResult;
import org.rafclip.metrics.MetricsLog;
import org.rafclip.metrics.Progress;
import org.rafclip.metrics.TensorBoardWriter;
import org.rafclip.ops.Parallel;
import org.rafclip.run.Configs;
import org.rafclip.run.Provenance;
import org.rafclip.train.PhotoData;
import org.rafclip.train.RunConfig;
import org.rafclip.train.RunFolder;
import org.rafclip.train.Trainer;
import org.rafclip.train.TrainingLoop;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Trains from one YAML file. */
@Command(
        name = "train",
        description = "Train RaF-CLIP from a YAML file; further arguments override its keys.",
        footer = {
            "",
            "Examples:",
            "  ./rafclip train experiments/configs/rafclip-deepfashion-small.yaml \\",
            "      data.dir=DIR output.dir=runs/raf",
            "  ./rafclip train experiments/configs/rafclip-deepfashion-small.yaml \\",
            "      data.dir=DIR output.dir=runs/raf --resume"
        })
final class TrainCommand implements Callable<Integer> {

    @Spec
    private CommandSpec spec;

    @Parameters(index = "0", paramLabel = "CONFIG", description = "The run's YAML file.")
    private Path file;

    @Parameters(index = "1..*", paramLabel = "KEY=VALUE", description = "Overrides such as train.batch-size=64.")
    private List<String> overrides = List.of();

    @Option(names = "--resume", description = "Go on with the run in output.dir from its last checkpoint.")
    private boolean resume;

    @Override
    public Integer call() throws IOException, InterruptedException {
        RunConfig config = Configs.load(file, overrides, RunConfig.class);
        FashionSplit split =
                FashionSplit.read(config.data().dir(), config.data().split());
        Provenance provenance = Provenance.capture(
                config,
                config.seed(),
                PhotoData.fingerprint(split.items()),
                Machine.libraries(),
                Parallel.standard().threads(),
                spec.commandLine().getParseResult().originalArgs(),
                Clock.systemUTC());
        TrainingLoop.Outcome outcome;
        try (Console console = new Console(new RunFolder(config.output().dir()), resume)) {
            outcome = new Trainer(config, console).train(resume, provenance);
        }
        PrintWriter out = spec.commandLine().getOut();
        out.printf(
                Locale.ROOT,
                "%d steps done%s; %s%n",
                outcome.steps(),
                outcome.stoppedEarly() ? " (stopped early)" : "",
                outcome.bestScore()
                        .map(score -> "best validation score %.4f".formatted(score))
                        .orElse("no validation"));
        out.printf("Next: ./rafclip eval attributes --run %s --data DIR --split SPLIT%n", outcome.folder());
        return 0;
    }

    /** Shows progress and writes the metrics files. */
    private static final class Console implements Trainer.Listener, AutoCloseable {

        private final Progress.View view = Progress.View.standardError();
        private final RunFolder folder;
        private final boolean resume;
        private Progress current;
        private MetricsLog log;
        private TensorBoardWriter tensorBoard;

        Console(RunFolder folder, boolean resume) {
            this.folder = folder;
            this.resume = resume;
        }

        @Override
        public org.rafclip.data.Progress stage(String name, int total) {
            replace(new Progress(view, name, "images", total, 0));
            return new Counted(current);
        }

        private void replace(Progress next) {
            if (current != null) {
                current.close();
            }
            current = next;
        }

        @Override
        public void started(long done, long totalSteps, long stepsPerEpoch) {
            replace(new Progress(view, "training", "steps", totalSteps, done));
            Path boards = folder.dir().resolve("tensorboard");
            boolean goesOn = resume && Files.exists(folder.metricsFile());
            try {
                Files.createDirectories(boards);
                log = goesOn
                        ? MetricsLog.resume(folder.metricsFile(), done, Clock.systemUTC())
                        : MetricsLog.create(folder.metricsFile(), Clock.systemUTC());
                tensorBoard = goesOn
                        ? TensorBoardWriter.resume(boards, done, Clock.systemUTC())
                        : TensorBoardWriter.create(boards, Clock.systemUTC());
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public void step(Trainer.Step step) {
            double imagesPerSecond = step.images() / step.seconds();
            current.advance(
                    1,
                    String.format(
                            Locale.ROOT,
                            "%.0f images/s, loss %.3f, lr %.2e",
                            imagesPerSecond,
                            step.loss().total(),
                            step.learningRate()));
            Map<String, Double> values = new LinkedHashMap<>();
            values.put("loss", step.loss().total());
            values.put("categoryLoss", step.loss().category());
            values.put("attributeLoss", step.loss().attribute());
            values.put("learningRate", step.learningRate());
            values.put("gradientNorm", step.gradientNorm());
            values.put("temperature", step.temperature());
            values.put("imagesPerSecond", imagesPerSecond);
            values.put("distinctTexts", (double) step.texts());
            values.put("textsCut", (double) step.textsCut());
            write(step.number(), step.epoch(), values);
        }

        @Override
        public void validated(long step, int epoch, AttributeResult result, double score, boolean best) {
            current.message(String.format(
                    Locale.ROOT,
                    "step %d, epoch %d: mean accuracy %.4f, balanced %.4f, macro F1 %.4f%s",
                    step,
                    epoch + 1,
                    result.meanAccuracy(),
                    result.meanBalancedAccuracy(),
                    result.meanMacroF1(),
                    best ? " (best)" : ""));
            Map<String, Double> values = new LinkedHashMap<>();
            values.put("validation/meanAccuracy", result.meanAccuracy());
            values.put("validation/meanBalancedAccuracy", result.meanBalancedAccuracy());
            values.put("validation/meanMacroF1", result.meanMacroF1());
            write(step, epoch, values);
        }

        private void write(long step, int epoch, Map<String, Double> values) {
            try {
                log.log(step, epoch, values);
                tensorBoard.scalars(step, values);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public void saving() {
            try {
                log.force();
                tensorBoard.force();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public void close() throws IOException {
            replace(null);
            if (log != null) {
                log.close();
                tensorBoard.close();
            }
        }

        /** Turns counts so far into advances. */
        private static final class Counted implements org.rafclip.data.Progress {
            private final Progress shown;
            private int before;

            Counted(Progress shown) {
                this.shown = shown;
            }

            @Override
            public void update(int done, int total) {
                shown.advance(done - before);
                before = done;
            }
        }
    }
}
