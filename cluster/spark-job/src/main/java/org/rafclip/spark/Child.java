package org.rafclip.spark;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.File;
import java.io.IOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Function;
import org.apache.spark.TaskContext;

/**
 * The program as a process beside its executor, in the folder in which the command was started, so that relative names mean the
 * same. It ends with the executor, whose pipe it reads. It is asked by a line, and answers {@code done}, {@code failed WORDS} or, any number of times before, {@code gather WORD}.
 */
final class Child {

    private static final String MAIN = "org.rafclip.run.TaskProcess";

    private static final int POLL_MILLIS = 10;

    /** As many as there are tasks at a time: one in an executor, several where Spark runs in one process. */
    private static final Queue<Child> IDLE = new ConcurrentLinkedQueue<>();

    private final Process process;
    private final BufferedReader answers;
    private final BufferedWriter questions;

    private Child(Process process) {
        this.process = process;
        this.answers = process.inputReader(StandardCharsets.UTF_8);
        this.questions = process.outputWriter(StandardCharsets.UTF_8);
    }

    /**
     * Has something done.
     *
     * @param settings of all calls, the same each time: {@code doer}, {@code classpath}, {@code folder}, {@code options}
     * @param threads for the matrix library
     * @param gather answers what others of a group say
     * @return null, or why it failed
     * @throws IOException if the process ended
     */
    static String ask(
            Map<String, String> settings, int threads, String question, Function<String, String[]> gather)
            throws IOException {
        Child child = IDLE.poll();
        if (child == null || !child.process.isAlive()) {
            child = start(settings, threads);
        }
        try {
            String failure = child.asked(question, gather);
            IDLE.add(child);
            return failure;
        } catch (IOException | RuntimeException e) {
            child.process.destroyForcibly();
            throw e;
        }
    }

    private static Child start(Map<String, String> settings, int threads) throws IOException {
        File folder = new File(settings.get("folder"));
        if (!folder.isDirectory()) {
            throw new IOException(Program.COMPLAINT + folder + ": is not on this executor's machine; start the command in a"
                    + " folder that all machines share");
        }
        Path file = Files.createTempFile("rafclip", ".properties");
        Properties given = new Properties();
        // Spark's own settings hold its secrets.
        settings.forEach((name, value) -> {
            if (!name.startsWith("spark.") || name.equals("spark.driver.host")) {
                given.put(name, value);
            }
        });
        try (Writer writer = Files.newBufferedWriter(file)) {
            given.store(writer, null);
        }
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of(settings.get("options").split(" ")));
        command.add("-Drafclip.threads=" + threads);
        command.add("-Drafclip.home=" + settings.get("home"));
        command.addAll(List.of("-cp", settings.get("classpath"), MAIN, file.toString()));
        Process process = new ProcessBuilder(command)
                .directory(folder)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
        return new Child(process);
    }

    private String asked(String question, Function<String, String[]> gather) throws IOException {
        say(question);
        while (true) {
            await();
            String line = answers.readLine();
            if (line == null) {
                throw new IOException("the program's process ended with status " + status());
            } else if (line.equals("done")) {
                return null;
            } else if (line.startsWith("failed ")) {
                return line.substring("failed ".length());
            } else if (line.startsWith("gather ")) {
                say(String.join(" ", gather.apply(line.substring("gather ".length()))));
            }
        }
    }

    /** A read cannot be interrupted, and a task that is to end has to. */
    private void await() throws IOException {
        TaskContext task = TaskContext.get();
        while (!answers.ready() && process.isAlive()) {
            try {
                Thread.sleep(POLL_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException("interrupted", e);
            }
            if (task != null && task.isInterrupted()) {
                throw new IOException("the task was ended");
            }
        }
    }

    private String status() {
        try {
            return Integer.toString(process.waitFor());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return "unknown";
        }
    }

    private void say(String line) throws IOException {
        questions.write(line);
        questions.newLine();
        questions.flush();
    }
}
