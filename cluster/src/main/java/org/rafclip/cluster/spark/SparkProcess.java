package org.rafclip.cluster.spark;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.rafclip.data.DataException;
import org.rafclip.io.AtomicFiles;
import org.rafclip.run.Machines;

/**
 * Spark's driver, a process whose class path is Spark's: {@code SPARK_HOME}, or what {@code cluster/spark-job} has fetched. Its
 * executors load this program apart from Spark's libraries, from the places where it lies here.
 */
final class SparkProcess {

    private static final Pattern STANDALONE = Pattern.compile("spark://([^:/,]+):(\\d+).*");
    private static final Pattern LOCAL = Pattern.compile("local(\\[([1-9]\\d{0,3}|\\*)(,\\d+)?\\])?");
    private static final int CONNECT_MILLIS = 5_000;

    /** What Spark needs of Java 17's own classes. */
    private static final List<String> OPENED = List.of(
            "java.base/java.lang",
            "java.base/java.lang.invoke",
            "java.base/java.lang.reflect",
            "java.base/java.io",
            "java.base/java.net",
            "java.base/java.nio",
            "java.base/java.util",
            "java.base/java.util.concurrent",
            "java.base/java.util.concurrent.atomic",
            "java.base/sun.nio.ch",
            "java.base/sun.nio.cs",
            "java.base/sun.security.action",
            "java.base/sun.util.calendar");

    /** The job whose tasks compute in Spark's own processes; those of others have a process of the program's. */
    static final String EMBED = "embed";

    /** Of a process that does not compute: a start costs half. */
    static final List<String> LIGHT = List.of("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1");

    private static final String VECTOR = "jdk.incubator.vector";

    private final Machines machines;
    private final SparkHome home;

    /** @throws DataException if Spark is not here, or no master there */
    SparkProcess(Machines machines) {
        this.machines = machines;
        requireMaster(machines.master());
        this.home = SparkHome.find();
    }

    /** Spark itself would try for a minute and say little. */
    private static void requireMaster(String master) {
        Matcher standalone = STANDALONE.matcher(master);
        if (standalone.matches()) {
            try (Socket socket = new Socket()) {
                socket.connect(
                        new InetSocketAddress(standalone.group(1), Integer.parseInt(standalone.group(2))),
                        CONNECT_MILLIS);
            } catch (IOException | IllegalArgumentException e) {
                throw new DataException(
                        "--master " + master + ": nobody answers there (" + e.getMessage()
                                + "); name a master that runs, or local[N] for N threads of this machine",
                        e);
            }
        } else if (!LOCAL.matcher(master).matches() && !master.equals("yarn") && !master.startsWith("k8s://")) {
            throw new DataException(
                    "--master " + master + ": is no master of Spark; write spark://HOST:7077, or local[N]"
                            + " for N threads of this machine");
        }
    }

    /**
     * Runs a job to its end.
     *
     * @param name of the job
     * @param wanted what it and its executors are to know
     * @param lines takes what the driver says, a line each
     * @param told takes a line for the reader
     * @throws DataException with what the driver says of its failure
     */
    void run(String name, Map<String, String> wanted, Consumer<String> lines, Consumer<String> told)
            throws IOException {
        Path work = Files.createTempDirectory("rafclip-spark");
        try {
            Map<String, String> settings = settings(name);
            settings.putAll(wanted);
            Path file = work.resolve("job.properties");
            Files.writeString(file, text(settings));
            follow(command(name, file), work.resolve("log"), lines, told);
        } finally {
            AtomicFiles.deleteDirectory(work);
        }
    }

    private Map<String, String> settings(String name) throws IOException {
        Map<String, String> settings = home.defaults();
        settings.put("job", name);
        settings.put("master", machines.master());
        settings.put("home", absolute(Path.of(System.getProperty("rafclip.home", "."))));
        settings.put(
                "classpath",
                List.of(System.getProperty("java.class.path").split(File.pathSeparator)).stream()
                        .map(entry -> entry.endsWith("*")
                                ? absolute(Path.of(entry.substring(0, entry.length() - 1))) + "/*"
                                : absolute(Path.of(entry)))
                        .collect(Collectors.joining(File.pathSeparator)));
        settings.put("folder", absolute(Path.of("")));
        settings.put("options", "-Xmx" + machines.memory() + " " + String.join(" ", program()));
        settings.put("spark.jars", home.job().toAbsolutePath().toUri().toString());
        settings.put("spark.ui.enabled", "false");
        settings.put("spark.executor.cores", Integer.toString(machines.cores()));
        settings.put("spark.executor.memory", machines.memory());
        List<String> options = new ArrayList<>(name.equals(EMBED) ? computing(machines.cores()) : LIGHT);
        // Spark splits options at blanks.
        if (home.archived().stream().noneMatch(option -> option.contains(" "))) {
            options.addAll(home.archived());
        }
        settings.put("spark.executor.extraJavaOptions", String.join(" ", options));
        // Its rows are few; to compile code for them takes longer than to do without.
        settings.putIfAbsent("spark.sql.codegen.wholeStage", "false");
        settings.putIfAbsent("spark.sql.codegen.factoryMode", "NO_CODEGEN");
        Optional.ofNullable(System.getenv("OPENBLAS_CORETYPE"))
                .ifPresent(type -> settings.put("spark.executorEnv.OPENBLAS_CORETYPE", type));
        // Elsewhere a service has no locale, and without one Java finds no file whose name has an umlaut.
        settings.putIfAbsent(
                "spark.executorEnv.LC_ALL",
                Optional.ofNullable(System.getenv("LC_ALL")).orElse("C.UTF-8"));
        Matcher standalone = STANDALONE.matcher(machines.master());
        if (!standalone.matches()
                || standalone.group(1).equals("127.0.0.1")
                || standalone.group(1).equals("localhost")) {
            settings.putIfAbsent("spark.driver.host", "127.0.0.1");
            settings.putIfAbsent("spark.driver.bindAddress", "127.0.0.1");
        }
        return settings;
    }

    static String absolute(Path path) {
        return path.toAbsolutePath().normalize().toString();
    }

    /** How the program wants its JVM; its tensors lie outside of the heap and are as large as they are. */
    private static List<String> program() {
        List<String> options = new ArrayList<>(List.of(
                "-Dorg.bytedeco.javacpp.maxbytes=0",
                "-Dorg.bytedeco.javacpp.maxphysicalbytes=0",
                "-Djava.awt.headless=true"));
        if (ModuleLayer.boot().findModule(VECTOR).isPresent()) {
            options.add("--add-modules=" + VECTOR);
        }
        return options;
    }

    /**
     * Of a process in which the model computes beside Spark: no more threads than cores, also for the JVM's own work. Ten times
     * as many calls before the optimizing compiler takes a method up: those of the model's loops are reached at once, those of
     * Spark's and Hadoop's start no more.
     */
    private static List<String> computing(int cores) {
        List<String> options = new ArrayList<>(program());
        options.add(cores == 1 ? "-XX:+UseSerialGC" : "-XX:+UseParallelGC");
        options.addAll(List.of(
                "-XX:ActiveProcessorCount=" + cores,
                "-XX:Tier4InvocationThreshold=50000",
                "-XX:Tier4MinInvocationThreshold=6000",
                "-XX:Tier4CompileThreshold=150000",
                "-XX:Tier4BackEdgeThreshold=400000"));
        return options;
    }

    /** Of what {@code local[…]} names. */
    private static int threads(String named) {
        return named == null
                ? 1
                : named.equals("*") ? Runtime.getRuntime().availableProcessors() : Integer.parseInt(named);
    }

    private List<String> command(String name, Path settings) {
        Matcher local = LOCAL.matcher(machines.master());
        boolean computes = name.equals(EMBED) && local.matches();
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx" + (computes ? machines.memory() : "1g")));
        command.addAll(computes ? computing(threads(local.group(2))) : LIGHT);
        command.addAll(home.archived());
        OPENED.forEach(opened -> command.add("--add-opens=" + opened + "=ALL-UNNAMED"));
        command.addAll(List.of(
                "-cp",
                home.jars() + File.separator + "*" + File.pathSeparator + home.job()
                        + (home.hadoop() == null ? "" : File.pathSeparator + home.hadoop()),
                "org.rafclip.spark.Driver",
                settings.toString()));
        return command;
    }

    private void follow(List<String> command, Path log, Consumer<String> lines, Consumer<String> told)
            throws IOException {
        Process process =
                new ProcessBuilder(command).redirectError(log.toFile()).start();
        Thread stop = new Thread(process::destroyForcibly);
        Runtime.getRuntime().addShutdownHook(stop);
        try (BufferedReader output = process.inputReader(StandardCharsets.UTF_8)) {
            String failed = null;
            for (String line = output.readLine(); line != null; line = output.readLine()) {
                if (line.startsWith("failed ")) {
                    failed = line.substring("failed ".length());
                } else if (line.equals("waiting")) {
                    told.accept("waiting for " + machines.master() + " to give a process of " + machines.cores()
                            + (machines.cores() == 1 ? " core and " : " cores and ") + machines.memory()
                            + "; are its workers there, and free?");
                } else {
                    lines.accept(line);
                }
            }
            int status = process.waitFor();
            if (status != 0) {
                throw new DataException(refused(log) ? refusal() : failed == null ? lastLine(log) : failed);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new DataException("interrupted", e);
        } finally {
            process.destroy();
            Runtime.getRuntime().removeShutdownHook(stop);
        }
    }

    private static boolean refused(Path log) throws IOException {
        try (Stream<String> lines = Files.lines(log)) {
            return lines.anyMatch(line -> line.contains("All masters are unresponsive"));
        }
    }

    private String refusal() {
        return "--master " + machines.master() + ": somebody answers there, but takes no job of this Spark ("
                + home.home() + "): another version, or another spark.authenticate.secret in its spark-defaults.conf";
    }

    private static String lastLine(Path log) throws IOException {
        List<String> lines = Files.readAllLines(log);
        return lines.isEmpty() ? "the driver ended" : lines.get(lines.size() - 1);
    }

    static String text(Map<String, String> settings) {
        Properties all = new Properties();
        all.putAll(settings);
        StringWriter text = new StringWriter();
        try {
            all.store(text, null);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return text.toString();
    }
}
