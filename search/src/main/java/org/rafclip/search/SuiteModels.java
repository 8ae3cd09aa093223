package org.rafclip.search;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.rafclip.io.AtomicFiles;
import org.rafclip.run.Configs;
import org.rafclip.run.Default;

/**
 * What a suite trained that can be asked: its first RaF-CLIP and the AGCN on that one's features.
 *
 * @param rafclip its run
 * @param agcn its run, null where the suite trained none
 */
public record SuiteModels(Path rafclip, @Default("null") Path agcn) {

    private static final String FILE = "models.yaml";

    /** Those of a suite's folder; empty where it is no suite's, or nothing was trained there yet. */
    public static Optional<SuiteModels> in(Path dir) {
        Path file = dir.resolve(FILE);
        if (!Files.isRegularFile(file)) {
            return Optional.empty();
        }
        SuiteModels written = Configs.load(file, List.of(), SuiteModels.class);
        return Optional.of(new SuiteModels(
                dir.resolve(written.rafclip()), written.agcn() == null ? null : dir.resolve(written.agcn())));
    }

    /** Names them in the suite's folder, which may be moved. */
    public void writeTo(Path dir) throws IOException {
        Path whole = dir.toAbsolutePath().normalize();
        AtomicFiles.writeString(
                dir.resolve(FILE),
                Configs.toYaml(new SuiteModels(
                        whole.relativize(rafclip.toAbsolutePath().normalize()),
                        agcn == null
                                ? null
                                : whole.relativize(agcn.toAbsolutePath().normalize()))));
    }
}
