package org.rafclip.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.rafclip.data.DrawnPhotos;

/**
 * Drawn photos of few labels, and runs of tiny models on them. A quarter of the photos is held out.
 *
 * @param dir where all of it lies
 * @param data the photos, split train
 */
record TinyRuns(Path dir, Path data) {

    private static final String RAFCLIP = """
            seed: 3
            data:
              held-out: 0.25
              segmenter: box
              train: {crop: crop | squash(32) | normalize(clip), region: crop | squash(32) | normalize(clip)}
              evaluation: {crop: crop | squash(32) | normalize(clip), region: crop | squash(32) | normalize(clip)}
            model: {preset: vit-tiny}
            train: {batch-size: 10, epochs: 1, lr: 1e-3, validate-every: 9}
            """;

    private static final String AGCN = """
            composer:
              branches: {blocks: 1, heads: 2, mlp-ratio: 1}
              gates: {projection: 8, hidden: 8}
            loss: {temperature: 10}
            train: {batch-size: 16, epochs: 1, lr: 1e-3}
            """;

    /** Draws the photos and writes raf.yaml and agcn.yaml, which lack their folders. */
    static TinyRuns in(Path dir, int photos) throws IOException {
        Path data = dir.resolve("data");
        DrawnPhotos.striped(data, "train", photos, 1);
        DrawnPhotos.keepTwoGroups(data, "train");
        Files.writeString(dir.resolve("raf.yaml"), RAFCLIP);
        Files.writeString(dir.resolve("agcn.yaml"), AGCN);
        return new TinyRuns(dir, data);
    }

    /** Trains RaF-CLIP into a folder. */
    CommandRun trainEncoder(Path run, String... overrides) {
        List<String> folders = List.of("data.dir=" + data, "data.cache=" + dir.resolve("masks"), "output.dir=" + run);
        return train("raf.yaml", folders, overrides);
    }

    /** Trains a composer into a folder. */
    CommandRun trainComposer(Path run, Path encoder, String... overrides) {
        return train("agcn.yaml", composerFolders(run, encoder), overrides);
    }

    /** The folders that agcn.yaml lacks, {@code key.path=value} each. */
    List<String> composerFolders(Path run, Path encoder) {
        return List.of(
                "data.dir=" + data,
                "data.features=" + dir.resolve("features"),
                "rafclip.run=" + encoder,
                "output.dir=" + run);
    }

    /** Trains on other photos. */
    CommandRun trainOn(List<String> photos, String config, String... overrides) {
        return train(config, photos, overrides);
    }

    private CommandRun train(String config, List<String> folders, String... overrides) {
        List<Object> words = new ArrayList<>(List.of("train", dir.resolve(config)));
        words.addAll(folders);
        words.addAll(List.of(overrides));
        CommandRun trained = CommandRun.of(words.toArray());
        assertThat(trained.exitCode()).as(trained.err()).isZero();
        return trained;
    }
}
