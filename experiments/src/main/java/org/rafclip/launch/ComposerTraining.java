package org.rafclip.launch;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.rafclip.agcn.eval.ComposedResult;
import org.rafclip.agcn.train.AgcnConfig;
import org.rafclip.agcn.train.AgcnTrainer;
import org.rafclip.agcn.train.FrozenEncoder;
import org.rafclip.agcn.train.LeftOut;
import org.rafclip.data.Progress;
import org.rafclip.io.Sha256;
import org.rafclip.run.Configs;
import org.rafclip.run.Provenance;
import org.rafclip.train.RunFolder;
import org.rafclip.train.TrainingLoop;

/** Trains AGCN or another composer on features of a finished RaF-CLIP run. */
public record ComposerTraining(AgcnConfig config) implements Training {

    private static final List<Integer> VALIDATED_K = List.of(1, 10, 50);

    static ComposerTraining load(Path file, List<String> overrides) {
        return new ComposerTraining(Configs.load(file, overrides, AgcnConfig.class));
    }

    private static String recallAt(int k) {
        return "validation/meanRecallAt" + k;
    }

    @Override
    public long seed() {
        return config.seed();
    }

    @Override
    public RunFolder folder() {
        return new RunFolder(config.output().dir());
    }

    @Override
    public String dataFingerprint() {
        return AgcnTrainer.dataFingerprint(config);
    }

    @Override
    public String inputsFingerprint() throws IOException {
        return Sha256.of(dataFingerprint()
                + FrozenEncoder.hash(config.rafclip().run(), config.rafclip().checkpoint()));
    }

    @Override
    public boolean validates() {
        try {
            return config.data().dir() == null
                    || FrozenEncoder.isModel(config.rafclip().run())
                    || !RunFolder.open(config.rafclip().run()).heldOut().isEmpty();
        } catch (IOException e) {
            throw new UncheckedIOException(config.rafclip().run() + ": its list of held-out photos cannot be read", e);
        }
    }

    @Override
    public List<String> validationMetrics() {
        return VALIDATED_K.stream().map(ComposerTraining::recallAt).toList();
    }

    @Override
    public String score() {
        return "mean R@10";
    }

    @Override
    public String evaluation() {
        return "eval composed --run " + folder().dir()
                + (config.data().dir() != null ? " --data DIR --split SPLIT --held-out" : " --fashioniq DIR");
    }

    @Override
    public TrainingLoop.Outcome train(boolean resume, Provenance provenance) throws IOException, InterruptedException {
        try (TrainingConsole console = new TrainingConsole(folder(), resume)) {
            return new AgcnTrainer(config, new Shown(console)).train(resume, provenance);
        }
    }

    private record Shown(TrainingConsole console) implements AgcnTrainer.Listener {

        @Override
        public Progress stage(String name, int total) {
            return console.stage(name, "rows", total);
        }

        @Override
        public void leftOut(LeftOut part) {
            console.message(part.summary());
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
            VALIDATED_K.forEach(k -> values.put(recallAt(k), result.meanRecall(k)));
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
