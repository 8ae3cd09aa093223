package org.rafclip.experiment;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.rafclip.data.Progress;
import org.rafclip.run.Configs;

/** Does tasks of a suite, in a process beside the one that holds it. What it says goes to standard error. */
public final class SuiteHelper implements Function<Object, Object> {

    private static final String SUITE = "suite";
    private static final String FILE = "suite.file";
    private static final String EXPERIMENTS = "suite.experiments";
    private static final String CODE = "suite.code";
    private static final String COMMAND_LINE = "suite.command-line";
    private static final String LIBRARY = "suite.library.";

    private final Suite suite;
    private final List<Experiment> experiments;

    /** What a helper of a suite is to be told. */
    public static Map<String, String> settings(
            SuiteConfig config, Path file, List<Experiment> experiments, Lab.Origin origin) {
        Map<String, String> settings = new HashMap<>();
        settings.put(SUITE, Configs.toYaml(config));
        settings.put(FILE, file.toString());
        settings.put(
                EXPERIMENTS,
                String.join(",", experiments.stream().map(Experiment::id).toList()));
        settings.put(CODE, origin.code());
        settings.put(COMMAND_LINE, String.join("\n", origin.commandLine()));
        origin.libraries().forEach((name, version) -> settings.put(LIBRARY + name, version));
        return settings;
    }

    /** @param settings of {@link #settings} */
    public SuiteHelper(Map<String, String> settings) {
        Map<String, String> libraries = new HashMap<>();
        settings.forEach((name, version) -> {
            if (name.startsWith(LIBRARY)) {
                libraries.put(name.substring(LIBRARY.length()), version);
            }
        });
        this.experiments = Experiments.named(List.of(settings.get(EXPERIMENTS).split(",")));
        this.suite = Suite.helping(
                Configs.parse(settings.get(SUITE), settings.get(FILE), List.of(), SuiteConfig.class),
                Path.of(settings.get(FILE)),
                new Lab.Origin(
                        libraries,
                        List.of(settings.get(COMMAND_LINE).split("\n")),
                        Clock.systemUTC(),
                        settings.get(CODE)),
                new Said());
    }

    /** @param task of {@link Suite#tasks} */
    @Override
    public Object apply(Object task) {
        try {
            suite.doTask((String) task, experiments);
            return null;
        } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }

    private static final class Said implements Lab.Watcher {

        @Override
        public Progress stage(String name, int total) {
            System.err.println(name);
            return Progress.NONE;
        }

        @Override
        public void say(String line) {
            System.err.println(line);
        }

        @Override
        public void failed(String experiment, Throwable error) {
            error.printStackTrace();
        }
    }
}
