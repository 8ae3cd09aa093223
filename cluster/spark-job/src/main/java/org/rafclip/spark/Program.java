package org.rafclip.spark;

import java.io.File;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/**
 * The program inside an executor, with class path and class loader of its own: of Spark's libraries it sees none, and Spark sees
 * none of its. Both speak through Java's own types only. Of each of its classes there is one object in a process, with one model.
 */
final class Program {

    /** Marks, in a failed job's trace, a line for the user. */
    static final String COMPLAINT = "rafclip complains: ";

    private static final Set<String> COMPLAINTS = Set.of("DataException", "ConfigException", "OverrideException");

    private static final Map<String, Function<Object, Object>> READY = new HashMap<>();
    private static ClassLoader loader;
    private static RuntimeException failure;

    private Program() {}

    /**
     * Asks the program; the first call of a class makes its object, which takes as long as opening a model.
     *
     * @param name of a class with a constructor that takes settings
     * @param settings of all calls, the same each time
     * @param threads for the matrix library
     */
    static Object call(String name, Map<String, String> settings, int threads, Object question) {
        Thread thread = Thread.currentThread();
        ClassLoader before = thread.getContextClassLoader();
        try {
            Function<Object, Object> program = ready(name, settings, threads);
            thread.setContextClassLoader(loader);
            return program.apply(question);
        } catch (RuntimeException | Error e) {
            throw told(e);
        } finally {
            thread.setContextClassLoader(before);
        }
    }

    /** Spark does not know the program's classes: what goes to it is made of Java's own. */
    private static RuntimeException told(Throwable e) {
        if (e == failure) {
            return failure;
        }
        e.printStackTrace();
        Throwable cause = e;
        while (cause.getCause() != null && !COMPLAINTS.contains(cause.getClass().getSimpleName())) {
            cause = cause.getCause();
        }
        String said = COMPLAINTS.contains(cause.getClass().getSimpleName()) || cause instanceof IOException
                ? cause.getMessage()
                : cause.toString();
        return new IllegalStateException(COMPLAINT + said);
    }

    @SuppressWarnings("unchecked")
    private static synchronized Function<Object, Object> ready(
            String name, Map<String, String> settings, int threads) {
        if (failure != null) {
            throw failure;
        }
        Function<Object, Object> known = READY.get(name);
        if (known != null) {
            return known;
        }
        try {
            if (loader == null) {
                // Tasks side by side share the cores: the matrix library takes as many threads as there are.
                System.setProperty("rafclip.threads", Integer.toString(threads));
                System.setProperty("rafclip.home", settings.getOrDefault("home", "."));
                loader = new URLClassLoader(urls(settings.get("classpath")), ClassLoader.getPlatformClassLoader());
            }
            Thread.currentThread().setContextClassLoader(loader);
            Function<Object, Object> made = (Function<Object, Object>) Class.forName(name, true, loader)
                    .getConstructor(Map.class)
                    .newInstance(settings);
            READY.put(name, made);
            return made;
        } catch (ReflectiveOperationException | IOException | RuntimeException | Error e) {
            failure = told(e instanceof java.lang.reflect.InvocationTargetException ? e.getCause() : e);
            throw failure;
        }
    }

    private static URL[] urls(String classpath) throws IOException {
        List<URL> urls = new ArrayList<>();
        for (String entry : classpath.split(File.pathSeparator)) {
            if (entry.endsWith("*")) {
                try (DirectoryStream<Path> jars =
                        Files.newDirectoryStream(Path.of(entry.substring(0, entry.length() - 1)), "*.jar")) {
                    for (Path jar : jars) {
                        urls.add(jar.toUri().toURL());
                    }
                }
            } else if (Files.exists(Path.of(entry))) {
                urls.add(Path.of(entry).toUri().toURL());
            } else if (entry.endsWith(".jar") || urls.isEmpty()) {
                // A folder of classes that was never made is none that is missing, as long as the program itself is there.
                throw new FileNotFoundException(entry
                        + ": is not on this executor's machine; the program has to lie in a folder that all machines share");
            }
        }
        return urls.toArray(URL[]::new);
    }
}
