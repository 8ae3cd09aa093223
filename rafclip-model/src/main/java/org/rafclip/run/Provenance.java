package org.rafclip.run;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * Where a figure or a file comes from: enough to tell whether two results can be compared, and to run one again. It is
 * part of every checkpoint and report.
 *
 * @param configFingerprint {@link Configs#fingerprint} of the configuration
 * @param config the resolved configuration, defaults filled in, with its YAML keys
 * @param seed the run's seed
 * @param dataFingerprint names the content of the data that was read, as the data reader computes it
 * @param code the build that ran
 * @param libraries what did the arithmetic, by name: versions of {@code nd4j} and {@code blas}, and the {@code processor}
 * @param jvm name and version of the virtual machine
 * @param os operating system, version and architecture
 * @param processors logical processors the JVM sees
 * @param threads threads the run computed with
 * @param maxHeapMiB the JVM's heap limit
 * @param started ISO-8601 instant in UTC
 * @param commandLine the arguments as given
 */
public record Provenance(
        String configFingerprint,
        JsonNode config,
        long seed,
        String dataFingerprint,
        Code code,
        Map<String, String> libraries,
        String jvm,
        String os,
        int processors,
        int threads,
        long maxHeapMiB,
        String started,
        List<String> commandLine) {

    /** How a matrix library's description ends. */
    private static final Pattern THREADS = Pattern.compile(", \\d+ threads$");

    /**
     * A build of this project.
     *
     * @param version the Maven version
     * @param commit the git commit, 40 hexadecimal digits, or {@code unknown} where it was built outside a repository
     * @param dirty true if files differed from that commit, null where it is unknown
     */
    public record Code(String version, String commit, Boolean dirty) {

        /** The build that is running. */
        public static Code current() {
            Properties build = new Properties();
            try (InputStream in = Code.class.getResourceAsStream("build.properties")) {
                if (in == null) {
                    throw new IllegalStateException(
                            "org/rafclip/run/build.properties is not on the class path; build with Maven");
                }
                build.load(in);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            return of(build);
        }

        static Code of(Properties build) {
            String dirty = filtered(build, "dirty");
            return new Code(
                    filtered(build, "version"),
                    filtered(build, "commit"),
                    dirty.equals("unknown") ? null : Boolean.valueOf(dirty));
        }

        /** A property as the build filled it in; a placeholder it could not fill is unknown. */
        private static String filtered(Properties build, String key) {
            String value = build.getProperty(key, "");
            return value.isBlank() || value.contains("${") ? "unknown" : value;
        }
    }

    public Provenance {
        libraries = new TreeMap<>(libraries);
        commandLine = List.copyOf(commandLine);
    }

    /**
     * The provenance of the run that starts now, in this JVM.
     *
     * @param config the resolved configuration
     * @param dataFingerprint as the data reader computes it
     * @param libraries versions by name
     * @param threads threads the run computes with
     * @param commandLine the arguments as given
     * @param clock tells the start
     */
    public static Provenance capture(
            Record config,
            long seed,
            String dataFingerprint,
            Map<String, String> libraries,
            int threads,
            List<String> commandLine,
            Clock clock) {
        Runtime runtime = Runtime.getRuntime();
        return new Provenance(
                Configs.fingerprint(config),
                Configs.toTree(config),
                seed,
                dataFingerprint,
                Code.current(),
                libraries,
                System.getProperty("java.vm.name") + " " + System.getProperty("java.vm.version"),
                System.getProperty("os.name") + " " + System.getProperty("os.version") + " "
                        + System.getProperty("os.arch"),
                runtime.availableProcessors(),
                threads,
                runtime.maxMemory() >> 20,
                clock.instant().toString(),
                commandLine);
    }

    /**
     * Why the same computation may come to other bits now than in an earlier run: another virtual machine, or another
     * {@link #libraries library or processor}. What only one of the two says of itself does not count, nor does the
     * number of threads, on which no bits depend.
     *
     * @return what differs, such as {@code blas: B instead of A}; empty where all is the same
     */
    public Optional<String> otherBits(Provenance earlier) {
        List<String> differences = new ArrayList<>();
        libraries.forEach((name, version) -> {
            String before = earlier.libraries.get(name);
            if (before != null && !withoutThreads(before).equals(withoutThreads(version))) {
                differences.add(name + ": " + version + " instead of " + before);
            }
        });
        if (!jvm.equals(earlier.jvm)) {
            differences.add("jvm: " + jvm + " instead of " + earlier.jvm);
        }
        return differences.isEmpty() ? Optional.empty() : Optional.of(String.join("; ", differences));
    }

    private static String withoutThreads(String library) {
        return THREADS.matcher(library).replaceFirst("");
    }
}
