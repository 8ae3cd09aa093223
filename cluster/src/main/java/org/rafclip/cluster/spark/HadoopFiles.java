package org.rafclip.cluster.spark;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.rafclip.data.DataException;

/**
 * Files on a file system of Hadoop's, by Spark's own classes and settings: they have a class loader of their own, and of this
 * program's libraries they see none. Each call fails with a {@link DataException} that names the address.
 */
final class HadoopFiles {

    private static final String STORAGE = "org.rafclip.spark.Storage";

    private final ClassLoader loader;
    private final Function<Object[], Object> storage;

    private HadoopFiles(ClassLoader loader, Function<Object[], Object> storage) {
        this.loader = loader;
        this.storage = storage;
    }

    /** @throws DataException if Spark is not here */
    @SuppressWarnings("unchecked")
    static HadoopFiles open() {
        SparkHome home = SparkHome.find();
        try {
            List<URL> urls = new ArrayList<>();
            try (DirectoryStream<Path> jars = Files.newDirectoryStream(home.jars(), "*.jar")) {
                for (Path jar : jars) {
                    urls.add(jar.toUri().toURL());
                }
            }
            urls.add(home.job().toUri().toURL());
            if (home.hadoop() != null) {
                urls.add(Path.of(home.hadoop()).toUri().toURL());
            }
            Map<String, String> settings = home.defaults();
            ClassLoader loader = new URLClassLoader(urls.toArray(URL[]::new), ClassLoader.getPlatformClassLoader());
            return new HadoopFiles(
                    loader, within(loader, () -> (Function<Object[], Object>) Class.forName(STORAGE, true, loader)
                            .getConstructor(Map.class)
                            .newInstance(settings)));
        } catch (IOException | ReflectiveOperationException e) {
            throw new DataException(home.home() + ": holds no Hadoop that can be used (" + e + ")", e);
        }
    }

    void make(String folder) {
        ask("make", folder);
    }

    /** Empty where there is no such folder. */
    @SuppressWarnings("unchecked")
    Optional<List<String>> names(String folder) {
        return Optional.ofNullable((List<String>) ask("names", folder));
    }

    /** In milliseconds since 1970. */
    long modified(String file) {
        return (long) ask("modified", file);
    }

    InputStream read(String file) {
        return (InputStream) ask("read", file);
    }

    /** The file grows while it is written to. */
    OutputStream create(String file) {
        return (OutputStream) ask("create", file);
    }

    /** The file is whole or absent. */
    void write(String file, InputStream content) {
        ask("write", file, content);
    }

    void delete(String place) {
        ask("delete", place);
    }

    /** A lock, empty where another process has it; to find that one dead takes twelve seconds. */
    Optional<Closeable> hold(String file) {
        return Optional.ofNullable((AutoCloseable) ask("hold", file)).map(lock -> () -> {
            try {
                lock.close();
            } catch (IOException e) {
                throw e;
            } catch (Exception e) {
                throw new IOException(e);
            }
        });
    }

    private Object ask(Object... call) {
        try {
            return within(loader, () -> storage.apply(call));
        } catch (IllegalStateException e) {
            throw new DataException(e.getMessage(), e);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    private interface Work<T> {
        T run() throws ReflectiveOperationException;
    }

    /** Hadoop looks for its own classes by the thread. */
    private static <T> T within(ClassLoader loader, Work<T> work) throws ReflectiveOperationException {
        Thread thread = Thread.currentThread();
        ClassLoader before = thread.getContextClassLoader();
        thread.setContextClassLoader(loader);
        try {
            return work.run();
        } finally {
            thread.setContextClassLoader(before);
        }
    }
}
