package org.rafclip.run;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Function;
import org.rafclip.data.DataException;

/**
 * A process that does what its parent asks for, a line each: {@code do NAME}, or {@code join RANK SIZE ATTEMPT} for a share of something.
 * Answers {@code done} or {@code failed WORDS}; {@code gather WORD} asks for the words of all members, which come in one line.
 * Ends with its parent.
 */
public final class TaskProcess {

    private final BlockingQueue<String> lines = new LinkedBlockingQueue<>();
    private final PrintStream answers;

    private TaskProcess(PrintStream answers) {
        this.answers = answers;
    }

    /** @param args a file of settings, among them {@code doer}: a {@code Function} whose constructor takes them */
    public static void main(String[] args) throws Exception {
        PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        // Whatever is printed from here on is no answer.
        System.setOut(System.err);
        Properties read = new Properties();
        try (Reader reader = Files.newBufferedReader(Path.of(args[0]))) {
            read.load(reader);
        }
        Files.delete(Path.of(args[0]));
        Map<String, String> settings = new HashMap<>();
        read.stringPropertyNames().forEach(name -> settings.put(name, read.getProperty(name)));
        TaskProcess process = new TaskProcess(answers);
        Thread reader = new Thread(process::read, "parent");
        reader.setDaemon(true);
        reader.start();
        process.serve(settings);
    }

    private void read() {
        try (BufferedReader parent = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            for (String line = parent.readLine(); line != null; line = parent.readLine()) {
                lines.add(line);
            }
        } catch (IOException e) {
            // It is gone either way.
        }
        Runtime.getRuntime().halt(1);
    }

    @SuppressWarnings("unchecked")
    private void serve(Map<String, String> settings) throws InterruptedException {
        Function<Object, Object> doer = null;
        while (true) {
            String[] words = lines.take().split(" ", 2);
            Object failure;
            try {
                if (doer == null) {
                    doer = (Function<Object, Object>) Class.forName(settings.get("doer"))
                            .getConstructor(Map.class)
                            .newInstance(settings);
                }
                failure = doer.apply(words[0].equals("join") ? member(words[1].split(" ")) : words[1]);
            } catch (Throwable e) {
                e.printStackTrace();
                failure = words(e instanceof java.lang.reflect.InvocationTargetException ? e.getCause() : e);
            }
            answers.println(
                    failure == null ? "done" : "failed " + failure.toString().replaceAll("\\s+", " "));
        }
    }

    private Map<String, Object> member(String[] place) {
        return Map.of(
                SharedCluster.RANK,
                Integer.parseInt(place[0]),
                SharedCluster.SIZE,
                Integer.parseInt(place[1]),
                SharedCluster.ATTEMPT,
                Integer.parseInt(place[2]),
                SharedCluster.ALL_GATHER,
                (Function<String, String[]>) this::gather);
    }

    private String[] gather(String word) {
        answers.println("gather " + word);
        try {
            return lines.take().split(" ");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }

    /** What can be mended by the reader is told as it is, other things with their kind. */
    static String words(Throwable e) {
        boolean forTheUser = e instanceof DataException
                || e instanceof ConfigException
                || e instanceof IOException
                || e instanceof UncheckedIOException;
        return forTheUser ? Optional.ofNullable(e.getMessage()).orElse(e.toString()) : e.toString();
    }
}
