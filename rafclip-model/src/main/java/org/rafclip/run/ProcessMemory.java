package org.rafclip.run;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What this process takes of the machine's memory, Java heap and native memory together, in MiB.
 *
 * @param resident now
 * @param peak the most so far
 */
public record ProcessMemory(double resident, double peak) {

    private static final Path STATUS = Path.of("/proc/self/status");

    /**
     * Reads Linux's process table.
     *
     * @throws UnsupportedOperationException on other systems
     */
    public static ProcessMemory now() {
        if (!Files.isReadable(STATUS)) {
            throw new UnsupportedOperationException(STATUS + " is needed to measure memory, which only Linux has");
        }
        try {
            return parse(Files.readAllLines(STATUS));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** {@link #now()}, or empty on other systems. */
    public static Optional<ProcessMemory> ifKnown() {
        return Files.isReadable(STATUS) ? Optional.of(now()) : Optional.empty();
    }

    static ProcessMemory parse(List<String> status) {
        return new ProcessMemory(mebibytes(status, "VmRSS:"), mebibytes(status, "VmHWM:"));
    }

    private static double mebibytes(List<String> status, String key) {
        String line = status.stream()
                .filter(candidate -> candidate.startsWith(key))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(STATUS + " has no line " + key));
        return Long.parseLong(line.replaceAll("\\D", "")) / 1024.0;
    }
}
