package org.rafclip.cli;

import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Clock;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.rafclip.agcn.eval.ComposedResult;
import org.rafclip.agcn.train.AgcnConfig;
import org.rafclip.agcn.train.AgcnTrainer;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.eval.AttributeResult;
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
        description = {
            "Train from a YAML file; further arguments override its keys.",
            "A file with a section composer trains AGCN or another composer on features of a finished RaF-CLIP run, any"
                    + " other file RaF-CLIP."
        },
        footer = {
            "",
            "Examples:",
            "  ./rafclip train experiments/configs/rafclip-deepfashion-small.yaml \\",
            "      data.dir=DIR output.dir=runs/raf",
            "  ./rafclip train experiments/configs/rafclip-deepfashion-small.yaml \\",
            "      data.dir=DIR output.dir=runs/raf --resume",
            "  ./rafclip train experiments/configs/agcn-deepfashion-small.yaml \\",
            "      data.dir=DIR rafclip.run=runs/raf output.dir=runs/agcn"
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
        if (hasComposer()) {
            AgcnConfig config = Configs.load(file, overrides, AgcnConfig.class);
            Provenance provenance = provenance(config, config.seed(), AgcnTrainer.dataFingerprint(config));
            try (TrainingConsole console =
                    new TrainingConsole(new RunFolder(config.output().dir()), resume)) {
                report(new AgcnTrainer(config, new OfComposer(console)).train(resume, provenance), "mean R@10");
            }
            tellNext(
                    "composed",
                    config.output().dir(),
                    config.data().dir() != null ? "--data DIR --split SPLIT --held-out" : "--fashioniq DIR");
            return 0;
        }
        RunConfig config = Configs.load(file, overrides, RunConfig.class);
        FashionSplit split =
                FashionSplit.read(config.data().dir(), config.data().split());
        Provenance provenance = provenance(config, config.seed(), PhotoData.fingerprint(split.items()));
        try (TrainingConsole console =
                new TrainingConsole(new RunFolder(config.output().dir()), resume)) {
            report(new Trainer(config, new OfRafClip(console)).train(resume, provenance), "validation score");
        }
        tellNext("attributes", config.output().dir(), "--data DIR --split SPLIT");
        return 0;
    }

    /** A file that cannot be read as YAML is left to whoever loads it to complain of. */
    private boolean hasComposer() {
        try {
            return new YAMLMapper().readTree(file.toFile()).has("composer");
        } catch (IOException e) {
            return false;
        }
    }

    private Provenance provenance(Record config, long seed, String dataFingerprint) {
        return Provenance.capture(
                config,
                seed,
                dataFingerprint,
                Machine.libraries(),
                Parallel.standard().threads(),
                spec.commandLine().getParseResult().originalArgs(),
                Clock.systemUTC());
    }

    private void report(TrainingLoop.Outcome outcome, String score) {
        spec.commandLine()
                .getOut()
                .printf(
                        Locale.ROOT,
                        "%d steps done%s; %s%n",
                        outcome.steps(),
                        outcome.stoppedEarly() ? " (stopped early)" : "",
                        outcome.bestScore()
                                .map(best -> String.format(Locale.ROOT, "best %s %.4f", score, best))
                                .orElse("no validation"));
    }

    private void tellNext(String command, Path folder, String options) {
        PrintWriter out = spec.commandLine().getOut();
        out.printf("Next: ./rafclip eval %s --run %s %s%n", command, folder, options);
    }

    private record OfRafClip(TrainingConsole console) implements Trainer.Listener {

        @Override
        public org.rafclip.data.Progress stage(String name, int total) {
            return console.stage(name, "images", total);
        }

        @Override
        public void started(long done, long totalSteps, long stepsPerEpoch) {
            console.started(done, totalSteps);
        }

        @Override
        public void step(Trainer.Step step) {
            double imagesPerSecond = step.images() / step.seconds();
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
            String shown = String.format(
                    Locale.ROOT,
                    "%.0f images/s, loss %.3f, lr %.2e",
                    imagesPerSecond,
                    step.loss().total(),
                    step.learningRate());
            console.step(step.number(), step.epoch(), shown, values);
        }

        @Override
        public void validated(long step, int epoch, AttributeResult result, double score, boolean best) {
            Map<String, Double> values = new LinkedHashMap<>();
            values.put("validation/meanAccuracy", result.meanAccuracy());
            values.put("validation/meanBalancedAccuracy", result.meanBalancedAccuracy());
            values.put("validation/meanMacroF1", result.meanMacroF1());
            String message = String.format(
                    Locale.ROOT,
                    "step %d, epoch %d: mean accuracy %.4f, balanced %.4f, macro F1 %.4f%s",
                    step,
                    epoch + 1,
                    result.meanAccuracy(),
                    result.meanBalancedAccuracy(),
                    result.meanMacroF1(),
                    best ? " (best)" : "");
            console.validated(step, epoch, message, values);
        }

        @Override
        public void saving() {
            console.saving();
        }
    }

    private record OfComposer(TrainingConsole console) implements AgcnTrainer.Listener {

        @Override
        public org.rafclip.data.Progress stage(String name, int total) {
            return console.stage(name, "rows", total);
        }

        @Override
        public void started(long done, long totalSteps) {
            console.started(done, totalSteps);
        }

        @Override
        public void step(TrainingLoop.Applied step, double loss, double temperature, int queries) {
            double queriesPerSecond = queries / step.seconds();
            Map<String, Double> values = new LinkedHashMap<>();
            values.put("loss", loss);
            values.put("learningRate", step.learningRate());
            values.put("gradientNorm", step.gradientNorm());
            values.put("temperature", temperature);
            values.put("queriesPerSecond", queriesPerSecond);
            String shown = String.format(
                    Locale.ROOT, "%.0f queries/s, loss %.3f, lr %.2e", queriesPerSecond, loss, step.learningRate());
            console.step(step.number(), step.epoch(), shown, values);
        }

        @Override
        public void validated(long step, int epoch, ComposedResult result, boolean best) {
            Map<String, Double> values = new LinkedHashMap<>();
            for (int k : List.of(1, 10, 50)) {
                values.put("validation/meanRecallAt" + k, result.meanRecall(k));
            }
            String message = String.format(
                    Locale.ROOT,
                    "step %d, epoch %d: mean R@10 %.4f, R@50 %.4f%s",
                    step,
                    epoch + 1,
                    result.meanRecall(10),
                    result.meanRecall(50),
                    best ? " (best)" : "");
            console.validated(step, epoch, message, values);
        }

        @Override
        public void saving() {
            console.saving();
        }
    }
}
