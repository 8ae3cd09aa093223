package org.rafclip.spark;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.SocketTimeoutException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileAlreadyExistsException;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.ipc.RpcException;
import org.apache.hadoop.security.AccessControlException;
import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.core.config.Configurator;

/**
 * A Hadoop file system for the program, which has a class loader of its own and knows Java's types alone. A call is an array of
 * what to do and an address:
 *
 * <ul>
 *   <li>{@code make}: a folder, where there is none
 *   <li>{@code names}: of a folder, a list; null where there is no such folder
 *   <li>{@code modified}: of a file, milliseconds
 *   <li>{@code read}: an {@link InputStream}
 *   <li>{@code create}: an {@link java.io.OutputStream} to a file, there as it grows
 *   <li>{@code write}: a file, with the {@link InputStream} that comes third; it is whole or absent
 *   <li>{@code delete}: a file or folder, with all in it
 *   <li>{@code hold}: a lock, an {@link AutoCloseable} which frees it; null where another process has it
 * </ul>
 */
public final class Storage implements Function<Object[], Object> {

    private static final String PARTIAL = ".tmp";

    /** A lock whose holder lives is written anew so often, */
    private static final int SIGN_MILLIS = 3_000;

    /** and one that was not in this time is a dead process's. */
    private static final int DEAD_MILLIS = 12_000;

    private final Configuration hadoop = new Configuration();

    /** @param settings Spark's, of which those of Hadoop are taken */
    public Storage(Map<String, String> settings) {
        Configurator.setRootLevel(Level.OFF);
        settings.forEach((name, value) -> {
            if (name.startsWith("spark.hadoop.")) {
                hadoop.set(name.substring("spark.hadoop.".length()), value);
            }
        });
    }

    /** @throws IllegalStateException with a line for the user */
    @Override
    public Object apply(Object[] call) {
        String address = (String) call[1];
        try {
            Path path = new Path(address);
            FileSystem files = path.getFileSystem(hadoop);
            return switch ((String) call[0]) {
                case "make" -> files.mkdirs(path);
                case "names" -> names(files, path);
                case "modified" -> files.getFileStatus(path).getModificationTime();
                case "read" -> files.open(path);
                case "create" -> files.create(path, true);
                case "write" -> write(files, path, (InputStream) call[2]);
                case "delete" -> files.delete(path, true);
                case "hold" -> hold(files, path);
                default -> throw new IllegalArgumentException((String) call[0]);
            };
        } catch (IOException | UncheckedIOException | IllegalArgumentException e) {
            throw new IllegalStateException(address + ": " + fault(e), e);
        }
    }

    /** What is wrong with a place in a file system, for people, behind its address. */
    static String fault(Throwable e) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            if (cause instanceof java.net.UnknownHostException) {
                return "there is no machine of the name " + cause.getMessage();
            } else if (cause instanceof ConnectException || cause instanceof SocketTimeoutException) {
                return "the file system does not answer (" + innermost(cause) + "); is it running, under this name and port?";
            } else if (cause instanceof RpcException) {
                return "who answers there is no such file system (" + line(cause) + "); is the port right?";
            } else if (cause instanceof AccessControlException) {
                return "this is not allowed (" + line(cause) + ")";
            } else if (cause instanceof org.apache.hadoop.fs.UnsupportedFileSystemException) {
                return "Spark knows no file system of this kind; put its library into SPARK_HOME/jars";
            }
        }
        return String.valueOf(e.getMessage()).contains("Lost task") ? Words.of(e) : line(e);
    }

    private static String innermost(Throwable e) {
        return e.getCause() == null ? line(e) : innermost(e.getCause());
    }

    private static String line(Throwable e) {
        return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
    }

    private static List<String> names(FileSystem files, Path folder) throws IOException {
        if (!files.exists(folder)) {
            return null;
        }
        List<String> names = new ArrayList<>();
        for (FileStatus file : files.listStatus(folder)) {
            names.add(file.getPath().getName());
        }
        return names;
    }

    private static Object write(FileSystem files, Path path, InputStream content) throws IOException {
        Path partial = path.suffix(PARTIAL);
        try (var out = files.create(partial, true)) {
            content.transferTo(out);
        }
        files.delete(path, false);
        return files.rename(partial, path);
    }

    private static AutoCloseable hold(FileSystem files, Path lock) throws IOException {
        while (!made(files, lock)) {
            long before = files.getFileStatus(lock).getModificationTime();
            try {
                Thread.sleep(DEAD_MILLIS);
            } catch (InterruptedException e) {
                throw new InterruptedIOException();
            }
            if (!files.exists(lock) || files.getFileStatus(lock).getModificationTime() != before) {
                return null;
            }
            files.delete(lock, false);
        }
        ScheduledExecutorService signs = Executors.newSingleThreadScheduledExecutor(work -> {
            Thread thread = new Thread(work, "holds " + lock);
            thread.setDaemon(true);
            return thread;
        });
        signs.scheduleWithFixedDelay(() -> sign(files, lock), SIGN_MILLIS, SIGN_MILLIS, TimeUnit.MILLISECONDS);
        return () -> {
            signs.shutdown();
            signs.awaitTermination(DEAD_MILLIS, TimeUnit.MILLISECONDS);
            files.delete(lock, false);
        };
    }

    private static boolean made(FileSystem files, Path lock) throws IOException {
        try {
            files.create(lock, false).close();
            return true;
        } catch (FileAlreadyExistsException e) {
            return false;
        }
    }

    private static void sign(FileSystem files, Path lock) {
        try {
            files.create(lock, true).close();
        } catch (IOException e) {
            // What a file system that is gone means, the job says.
        }
    }
}
