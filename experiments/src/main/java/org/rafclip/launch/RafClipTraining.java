package org.rafclip.launch;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.rafclip.data.Progress;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.eval.AttributeResult;
import org.rafclip.photos.PhotoData;
import org.rafclip.run.Configs;
import org.rafclip.run.Provenance;
import org.rafclip.train.RafClipConfig;
import org.rafclip.train.RafClipTrainer;
import org.rafclip.train.RunFolder;
import org.rafclip.train.TrainingLoop;

/** Trains RaF-CLIP. */
public record RafClipTraining(RafClipConfig config) implements Training {

    private static final String ACCURACY = "validation/meanAccuracy";
    private static final String BALANCED_ACCURACY = "validation/meanBalancedAccuracy";
    private static final String MACRO_F1 = "validation/meanMacroF1";

    static RafClipTraining load(Path file, List<String> overrides) {
        return new RafClipTraining(Configs.load(file, overrides, RafClipConfig.class));
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
        return PhotoData.fingerprint(
                FashionSplit.read(config.data().dir(), config.data().split()).items());
    }

    @Override
    public String inputsFingerprint() {
        return dataFingerprint();
    }

    @Override
    public boolean validates() {
        return config.data().validationSplit() != null || config.data().heldOut() > 0;
    }

    @Override
    public List<String> validationMetrics() {
        return List.of(ACCURACY, BALANCED_ACCURACY, MACRO_F1);
    }

    @Override
    public String score() {
        return "validation score";
    }

    @Override
    public String evaluation() {
        return "eval attributes --run " + folder().dir() + " --data DIR --split SPLIT";
    }

    @Override
    public TrainingLoop.Outcome train(boolean resume, Provenance provenance) throws IOException, InterruptedException {
        try (TrainingConsole console = new TrainingConsole(folder(), resume)) {
            return new RafClipTrainer(config, new Shown(console)).train(resume, provenance);
        }
    }

    private record Shown(TrainingConsole console) implements RafClipTrainer.Listener {

        @Override
        public Progress stage(String name, int total) {
            return console.stage(name, "images", total);
        }

        @Override
        public void started(long done, long totalSteps, long stepsPerEpoch) {
            console.started(done, totalSteps);
        }

        @Override
        public void step(RafClipTrainer.Step step) {
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
            values.put(ACCURACY, result.meanAccuracy());
            values.put(BALANCED_ACCURACY, result.meanBalancedAccuracy());
            values.put(MACRO_F1, result.meanMacroF1());
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
}
