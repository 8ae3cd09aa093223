package org.rafclip.launch;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.rafclip.photos.PhotoData;
import org.rafclip.photos.PhotoSplits;
import org.rafclip.run.Configs;
import org.rafclip.run.Provenance;
import org.rafclip.train.RafClipConfig;
import org.rafclip.train.RafClipTrainer;
import org.rafclip.train.RunFolder;
import org.rafclip.train.TrainConfig;
import org.rafclip.train.TrainingLoop;

/** Trains RaF-CLIP. */
public record RafClipTraining(RafClipConfig config, PhotoSplits photos) implements Training {

    static RafClipTraining load(Path file, List<String> overrides) {
        return new RafClipTraining(Configs.load(file, overrides, RafClipConfig.class), new PhotoSplits());
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
        return PhotoData.fingerprint(photos.split(config.data(), config.data().split()));
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
        return RafClipTrainer.validationMetrics(config.train().metric());
    }

    @Override
    public String score() {
        return switch (config.train().metric()) {
            case ACCURACY -> "mean accuracy over the attribute groups";
            case BALANCED_ACCURACY -> "balanced accuracy, mean over the attribute groups";
            case MEAN -> "mean of accuracy and balanced accuracy over the attribute groups";
            case RECALL_AT_10 -> "R@10 of captions, mean of both directions";
            case RECALL_AT_50 -> throw new IllegalStateException("RaF-CLIP is not measured by R@50");
        };
    }

    @Override
    public String evaluation() {
        Path run = folder().dir();
        String photos = " --run " + run + (validates() ? "" : " --split SPLIT");
        return config.train().metric() == TrainConfig.Metric.RECALL_AT_10
                ? "eval retrieval" + photos + " --texts captions --json " + run.resolve("retrieval.json")
                : "eval attributes" + photos + " --json " + run.resolve("attributes.json");
    }

    @Override
    public List<String> next() {
        Path run = folder().dir();
        List<String> next = new ArrayList<>(List.of(evaluation(), "recognise --run " + run + " PHOTO"));
        next.addAll(Training.search(run, config.data().place()));
        next.add("report " + run);
        return next;
    }

    @Override
    public TrainingLoop.Outcome train(boolean resume, Provenance provenance) throws IOException, InterruptedException {
        try (TrainingConsole console = new TrainingConsole(ProgressLine.View.standardError())) {
            return new RafClipTrainer(config, photos, console).train(resume, provenance);
        }
    }
}
