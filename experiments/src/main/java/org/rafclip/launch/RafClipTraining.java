package org.rafclip.launch;

import java.io.IOException;
import java.nio.file.Path;
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
        return "validation score";
    }

    @Override
    public String evaluation() {
        String photos = " --run " + folder().dir() + (validates() ? "" : " --split SPLIT");
        return config.train().metric() == TrainConfig.Metric.RECALL_AT_10
                ? "eval retrieval" + photos + " --texts captions"
                : "eval attributes" + photos;
    }

    @Override
    public TrainingLoop.Outcome train(boolean resume, Provenance provenance) throws IOException, InterruptedException {
        try (TrainingConsole console = new TrainingConsole(ProgressLine.View.standardError())) {
            return new RafClipTrainer(config, photos, console).train(resume, provenance);
        }
    }
}
