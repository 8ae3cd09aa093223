package org.rafclip.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.rafclip.data.image.Box;
import org.rafclip.ops.Parallel;
import org.rafclip.run.Provenance;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** What commands share: refusals that picocli has no form for, and where their results come from. */
final class CommandLines {

    /** Photos that went wrong. */
    private static final int NAMED = 20;

    private CommandLines() {}

    /**
     * Names what went wrong, a line each, and after some of them how many more there are.
     *
     * @param all how many there are, of which some may have no words here
     */
    static void name(CommandSpec spec, String before, List<String> faults, long all) {
        PrintWriter errors = spec.commandLine().getErr();
        faults.stream().limit(NAMED).forEach(fault -> errors.println("rafclip: " + before + fault));
        long more = all - Math.min(NAMED, faults.size());
        if (more > 0) {
            errors.printf(Locale.ROOT, "rafclip: %sand %,d more%n", before, more);
        }
        errors.flush();
    }

    /**
     * Work after whose end by a signal (Ctrl-C) a line is written.
     *
     * @param farewell the line, asked for then
     */
    static <T> T stoppable(Callable<T> work, Supplier<String> farewell) throws Exception {
        AtomicBoolean finished = new AtomicBoolean();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            if (!finished.get()) {
                System.err.printf("%nrafclip: stopped; %s%n", farewell.get());
            }
        }));
        try {
            return work.call();
        } finally {
            finished.set(true);
        }
    }

    /** @throws ParameterException if an option's number is too small */
    static void atLeast(CommandSpec spec, String option, long value, long least) {
        if (value < least) {
            throw new ParameterException(
                    spec.commandLine(), "Invalid value for option '" + option + "': " + value + " is below " + least);
        }
    }

    /** Refuses lengths below 1 that {@code --dim} gives to open dimensions. */
    static void dimensions(CommandSpec spec, Map<String, Long> lengths) {
        lengths.forEach((label, length) -> atLeast(spec, "--dim " + label, length, 1));
    }

    /** What {@code --box} says: X,Y,WIDTH,HEIGHT in pixels from the upper left corner. */
    static Box box(CommandSpec spec, String box) {
        if (!box.matches("\\s*-?\\d{1,7}(\\s*,\\s*-?\\d{1,7}){3}\\s*")) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--box is X,Y,WIDTH,HEIGHT in pixels, such as 40,20,180,300, not '" + box + "'");
        }
        int[] numbers = Arrays.stream(box.split(","))
                .map(String::strip)
                .mapToInt(Integer::parseInt)
                .toArray();
        if (numbers[2] < 1 || numbers[3] < 1) {
            throw new ParameterException(spec.commandLine(), "--box needs a width and a height of at least 1");
        }
        return new Box(numbers[0], numbers[1], numbers[0] + numbers[2] - 1, numbers[1] + numbers[3] - 1);
    }

    /**
     * Finds out before long work whether its results will find a place.
     *
     * @param files to be written; null for none
     * @throws IOException naming the file that cannot be written
     */
    static void requireWritable(Path... files) throws IOException {
        for (Path file : files) {
            if (file == null) {
                continue;
            }
            if (Files.isDirectory(file)) {
                throw new FileSystemException(file.toString(), null, "Is a directory");
            }
            Path folder = file.toAbsolutePath().getParent();
            try {
                Files.createDirectories(folder);
                Files.delete(Files.createTempFile(folder, ".rafclip", null));
            } catch (FileSystemException e) {
                throw new FileSystemException(
                        file.toString(), null, "cannot be written: the system lets no file be made in " + folder);
            }
        }
    }

    /** The arguments as given. */
    static List<String> arguments(CommandSpec spec) {
        return spec.commandLine().getParseResult().originalArgs();
    }

    /**
     * The provenance of what a command computes with all threads. Loads ND4J.
     *
     * @param settings that the results depend on besides the data
     */
    static Provenance provenance(CommandSpec spec, Record settings, long seed, String dataFingerprint) {
        return provenance(
                spec,
                settings,
                seed,
                dataFingerprint,
                Machine.libraries(),
                Parallel.standard().threads());
    }

    /**
     * The provenance of what a command computes.
     *
     * @param settings that the results depend on besides the data
     * @param libraries versions by name
     */
    static Provenance provenance(
            CommandSpec spec,
            Record settings,
            long seed,
            String dataFingerprint,
            Map<String, String> libraries,
            int threads) {
        return Provenance.capture(
                settings, seed, dataFingerprint, libraries, threads, arguments(spec), Clock.systemUTC());
    }
}
