package org.rafclip.experiment;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Arrays;
import org.rafclip.data.DrawnPhotos;
import org.rafclip.run.Configs;

/**
 * A suite on 24 drawn photos of split train and 6 of split other. It trains nothing.
 *
 * @param dir where its files lie
 */
record DrawnSuite(Path dir) {

    static final int PHOTOS = 24;
    static final int OTHERS = 6;

    private static final String SUITE = """
            title: drawn
            data: {dir: '%s'}
            rafclip: {config: raf.yaml}
            agcn: {config: agcn.yaml}
            experiments: [table1]
            figures: {}
            output: {dir: '%s'}
            """;

    private static final String RAFCLIP = """
            data:
              held-out: 0.25
              segmenter: box
              train:
                crop: crop(0.15) | squash(40) | flip(0.5) | normalize(clip)
                region: crop(0.15) | squash(40) | mask(mean) | flip(0.5) | normalize(clip)
              evaluation:
                crop: crop | squash(40) | normalize(clip)
                region: mask(mean) | crop | squash(40) | normalize(clip)
            model:
              clip:
                embed-width: 16
                vision: {image-size: 40, patch-size: 20, width: 16, layers: 1, heads: 2}
                text: {context-length: 24, vocabulary-size: 560, width: 16, layers: 1, heads: 2}
            loss: {}
            train: {batch-size: 6, epochs: 2, lr: 1e-3}
            """;

    private static final String AGCN = """
            composer:
              branches: {blocks: 1, heads: 2, mlp-ratio: 1}
              gates: {projection: 8, hidden: 8}
            loss: {temperature: 10}
            train: {batch-size: 8, epochs: 3, lr: 1e-3}
            """;

    /** Draws the photos and writes the configurations. */
    static DrawnSuite in(Path dir) throws IOException {
        Path data = dir.resolve("data");
        DrawnPhotos.twoGroups(data, "train", 0, PHOTOS);
        DrawnPhotos.twoGroups(data, "other", PHOTOS, OTHERS);
        Files.writeString(dir.resolve("raf.yaml"), RAFCLIP);
        Files.writeString(dir.resolve("agcn.yaml"), AGCN);
        return new DrawnSuite(dir);
    }

    Path data() {
        return dir.resolve("data");
    }

    SuiteConfig config(String... overrides) {
        return Configs.parse(
                SUITE.formatted(data(), dir.resolve("out")), "suite.yaml", Arrays.asList(overrides), SuiteConfig.class);
    }

    Models models(String... overrides) {
        return models(config(overrides));
    }

    Models models(SuiteConfig suite) {
        return new Models(
                suite,
                dir.resolve("suite.yaml"),
                new SuitePhotos(suite),
                new Artefacts(suite.output().dir(), Clock.systemUTC(), line -> {}));
    }
}
