package org.rafclip.sweep;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.IntStream;

/** Does trials of a sweep, in a process beside the one that runs it. */
public final class SweepHelper implements Function<Object, Object> {

    private static final String FILE = "sweep.file";
    private static final String OVERRIDE = "sweep.override.";
    private static final String COMMAND_LINE = "sweep.command-line";
    private static final String LIBRARY = "sweep.library.";

    private final SweepRun run;

    /** What a helper of a sweep is to be told. */
    public static Map<String, String> settings(
            Path file, List<String> overrides, Map<String, String> libraries, List<String> commandLine) {
        Map<String, String> settings = new HashMap<>();
        settings.put(FILE, file.toString());
        IntStream.range(0, overrides.size()).forEach(i -> settings.put(OVERRIDE + i, overrides.get(i)));
        settings.put(COMMAND_LINE, String.join("\n", commandLine));
        libraries.forEach((name, version) -> settings.put(LIBRARY + name, version));
        return settings;
    }

    /** @param settings of {@link #settings} */
    public SweepHelper(Map<String, String> settings) {
        List<String> overrides = IntStream.iterate(0, i -> settings.containsKey(OVERRIDE + i), i -> i + 1)
                .mapToObj(i -> settings.get(OVERRIDE + i))
                .toList();
        Map<String, String> libraries = new HashMap<>();
        settings.forEach((name, version) -> {
            if (name.startsWith(LIBRARY)) {
                libraries.put(name.substring(LIBRARY.length()), version);
            }
        });
        this.run = new SweepRun(
                SweepPlan.load(Path.of(settings.get(FILE)), overrides),
                false,
                libraries,
                List.of(settings.get(COMMAND_LINE).split("\n")),
                System.err::println);
    }

    /** @param trial its number */
    @Override
    public Object apply(Object trial) {
        try {
            run.help(Integer.parseInt((String) trial));
            return null;
        } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }
}
