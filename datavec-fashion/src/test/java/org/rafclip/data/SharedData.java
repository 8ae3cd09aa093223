package org.rafclip.data;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;

/** Real data outside the project, for tests that are skipped where it is absent. */
public final class SharedData {

    private SharedData() {}

    /**
     * A data set's folder: in {@code -Dshared=DIR}, else in {@code shared/data} beside the project. Skips the calling
     * test where there is none.
     */
    public static Path require(String name) {
        String given = System.getProperty("shared");
        Path found = null;
        if (given != null) {
            found = Path.of(given).resolve("data").resolve(name);
        } else {
            for (Path up = Path.of("").toAbsolutePath(); up != null && found == null; up = up.getParent()) {
                Path candidate = up.resolve("shared/data").resolve(name);
                found = Files.isDirectory(candidate) ? candidate : null;
            }
        }
        boolean there = found != null && Files.isDirectory(found);
        assumeTrue(there, () -> "skipped: needs the data set " + name + ", see -Dshared=DIR");
        return found;
    }
}
