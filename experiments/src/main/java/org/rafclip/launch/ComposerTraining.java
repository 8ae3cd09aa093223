package org.rafclip.launch;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.rafclip.agcn.train.AgcnConfig;
import org.rafclip.agcn.train.AgcnTrainer;
import org.rafclip.io.Sha256;
import org.rafclip.open.OpenedEncoder;
import org.rafclip.photos.PhotoSplits;
import org.rafclip.run.Configs;
import org.rafclip.run.Provenance;
import org.rafclip.train.RunFolder;
import org.rafclip.train.TrainConfig;
import org.rafclip.train.TrainingLoop;

/** Trains AGCN or another composer on features of a finished RaF-CLIP run. */
public record ComposerTraining(AgcnConfig config, PhotoSplits photos) implements Training {

    static ComposerTraining load(Path file, List<String> overrides) {
        return new ComposerTraining(Configs.load(file, overrides, AgcnConfig.class), new PhotoSplits());
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
        return AgcnTrainer.dataFingerprint(config, photos);
    }

    @Override
    public String inputsFingerprint() throws IOException {
        return Sha256.of(dataFingerprint()
                + OpenedEncoder.hash(config.rafclip().run(), config.rafclip().checkpoint()));
    }

    @Override
    public boolean validates() {
        try {
            return config.data().place() == null
                    || OpenedEncoder.isModel(config.rafclip().run())
                    || !RunFolder.open(config.rafclip().run()).heldOut().isEmpty();
        } catch (IOException e) {
            throw new UncheckedIOException(config.rafclip().run() + ": its list of held-out photos cannot be read", e);
        }
    }

    @Override
    public List<String> validationMetrics() {
        return AgcnTrainer.VALIDATION_METRICS;
    }

    @Override
    public String score() {
        return config.train().metric() == TrainConfig.Metric.RECALL_AT_50 ? "mean R@50" : "mean R@10";
    }

    @Override
    public String evaluation() {
        Path run = folder().dir();
        String command = "eval composed --run " + run;
        String json = " --json " + run.resolve("composed.json");
        AgcnConfig.Data data = config.data();
        if (data.place() == null) {
            return command + " --fashioniq " + data.fashioniq() + json;
        }
        return command + " --data " + data.place() + (validates() ? "" : " --split SPLIT") + json;
    }

    @Override
    public List<String> next() {
        Path run = folder().dir();
        List<String> next = new ArrayList<>(List.of(evaluation()));
        if (config.data().place() != null) {
            next.addAll(Training.search(run, config.data().place()));
        }
        next.add("report " + run);
        return next;
    }

    @Override
    public TrainingLoop.Outcome train(boolean resume, Provenance provenance) throws IOException, InterruptedException {
        try (TrainingConsole console = new TrainingConsole(ProgressLine.View.standardError())) {
            return new AgcnTrainer(config, photos, console).train(resume, provenance);
        }
    }
}
