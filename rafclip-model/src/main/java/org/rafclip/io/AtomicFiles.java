package org.rafclip.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Writes that are either complete on the disk or did not happen, whenever the process or the machine stops.
 *
 * <p>Everything is first written under a temporary name in the target's own directory, forced to the disk, and only then
 * renamed; the directory entry is forced last. A stop in between leaves a hidden temporary file or directory, which
 * {@link #deleteLeftovers} removes, and of a directory the next write of the same one.
 */
public final class AtomicFiles {
    private static final Pattern TEMPORARY_NAME =
            Pattern.compile("\\.(?<target>.+)\\.(?<pid>\\d{1,18})-\\d+\\.tmp", Pattern.DOTALL);
    private static final boolean DIRECTORIES_CAN_BE_FORCED =
            !System.getProperty("os.name").startsWith("Windows");

    private AtomicFiles() {}

    /** Writes the content of one file. */
    @FunctionalInterface
    public interface FileContent {
        /** Writes everything from the channel's position 0; the channel is forced and closed by the caller. */
        void writeTo(FileChannel channel) throws IOException;
    }

    /** Writes the content of one directory. */
    @FunctionalInterface
    public interface DirectoryContent {
        /** Creates files and directories below {@code directory}, which exists and is empty. */
        void writeTo(Path directory) throws IOException;
    }

    /**
     * Creates or replaces {@code target}, or the file that it links to. On failure the old content is kept. What is no file, such
     * as {@code /dev/stdout}, is written to as it is.
     *
     * @throws IOException when the content cannot be written; the temporary file is removed
     */
    public static void write(Path target, FileContent content) throws IOException {
        boolean exists = Files.exists(target);
        if (exists && !Files.isRegularFile(target) && !Files.isDirectory(target)) {
            try (FileChannel channel = FileChannel.open(target, StandardOpenOption.WRITE)) {
                content.writeTo(channel);
            } catch (IOException e) {
                throw naming(target, e);
            }
            return;
        }
        replace(exists && Files.isSymbolicLink(target) ? target.toRealPath() : target, content);
    }

    private static void replace(Path target, FileContent content) throws IOException {
        Path temporary = createTemporary(target, false);
        try {
            try (FileChannel channel = FileChannel.open(temporary, StandardOpenOption.WRITE)) {
                content.writeTo(channel);
                channel.force(true);
            }
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            deleteAfter(e, temporary);
            throw naming(target, temporary, e);
        } catch (RuntimeException | Error e) {
            deleteAfter(e, temporary);
            throw e;
        }
        forceDirectory(parentOf(target));
    }

    /** Creates or replaces {@code target} with {@code text} in UTF-8. */
    public static void writeString(Path target, String text) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
        write(target, channel -> {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        });
    }

    /**
     * Gives a file another name in a directory that is being written: one more link to it where the file system has links,
     * otherwise a copy.
     */
    public static void linkOrCopy(Path existing, Path target) throws IOException {
        try {
            Files.createLink(target, existing);
        } catch (UnsupportedOperationException | FileSystemException e) {
            Files.copy(existing, target);
        }
    }

    /**
     * Creates the directory {@code target} with all its content in one step.
     *
     * @throws FileAlreadyExistsException when {@code target} exists: a directory is never replaced, because no file
     *     system does that in one step
     * @throws IOException when the content cannot be written; the temporary directory is removed
     */
    public static void writeDirectory(Path target, DirectoryContent content) throws IOException {
        if (Files.exists(target)) {
            throw new FileAlreadyExistsException(
                    target.toString(), null, "the directory is there already: choose another name or remove it");
        }
        deleteLeftoversOf(target);
        Path temporary = createTemporary(target, true);
        try {
            content.writeTo(temporary);
            forceTree(temporary);
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            deleteAfter(e, temporary);
            throw naming(target, temporary, e);
        } catch (RuntimeException | Error e) {
            deleteAfter(e, temporary);
            throw e;
        }
        forceDirectory(parentOf(target));
    }

    /**
     * Removes a directory and everything in it, so that at no moment a half-emptied one stands under its name. Does
     * nothing when {@code target} does not exist. Symbolic links inside are removed, not followed.
     */
    public static void deleteDirectory(Path target) throws IOException {
        if (!Files.isDirectory(target)) {
            if (Files.exists(target)) {
                throw new IOException(target + " is a file, not a directory: nothing was deleted");
            }
            return;
        }
        Path doomed = createTemporary(target, true);
        Files.move(target, doomed, StandardCopyOption.ATOMIC_MOVE);
        forceDirectory(parentOf(target));
        deleteTree(doomed);
    }

    /**
     * Removes the temporary files and directories that an interrupted write left directly in {@code directory}. Call it
     * only while nobody else writes there.
     *
     * @return what was removed
     */
    public static List<Path> deleteLeftovers(Path directory) throws IOException {
        List<Path> leftovers = new ArrayList<>();
        try (Stream<Path> entries = Files.list(directory)) {
            entries.filter(entry -> TEMPORARY_NAME
                            .matcher(entry.getFileName().toString())
                            .matches())
                    .sorted()
                    .forEach(leftovers::add);
        }
        for (Path leftover : leftovers) {
            deleteTree(leftover);
        }
        return leftovers;
    }

    /** What processes that have ended left of their writes of this target. */
    private static void deleteLeftoversOf(Path target) throws IOException {
        Path parent = parentOf(target);
        if (!Files.isDirectory(parent)) {
            return;
        }
        List<Path> leftovers = new ArrayList<>();
        try (Stream<Path> entries = Files.list(parent)) {
            entries.filter(entry -> {
                        Matcher name =
                                TEMPORARY_NAME.matcher(entry.getFileName().toString());
                        return name.matches()
                                && name.group("target")
                                        .equals(target.getFileName().toString())
                                && ProcessHandle.of(Long.parseLong(name.group("pid")))
                                        .isEmpty();
                    })
                    .forEach(leftovers::add);
        }
        for (Path leftover : leftovers) {
            deleteTree(leftover);
        }
    }

    private static Path createTemporary(Path target, boolean directory) throws IOException {
        Path parent = parentOf(target);
        if (!Files.isDirectory(parent)) {
            throw new NoSuchFileException(
                    parent.toString(), null, "the directory to write " + target.getFileName() + " into does not exist");
        }
        long pid = ProcessHandle.current().pid();
        for (int attempt = 0; ; attempt++) {
            Path temporary = parent.resolve("." + target.getFileName() + "." + pid + "-" + attempt + ".tmp");
            try {
                return directory ? Files.createDirectory(temporary) : Files.createFile(temporary);
            } catch (FileAlreadyExistsException taken) {
                continue;
            } catch (IOException e) {
                throw naming(target, temporary, e);
            }
        }
    }

    /**
     * A failure that names its file. What goes wrong while a file is written, such as a full disk, is reported by the
     * system without a name.
     */
    public static FileSystemException naming(Path file, IOException e) {
        if (e instanceof FileSystemException named) {
            return named;
        }
        FileSystemException named = new FileSystemException(
                file.toString(), null, e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage());
        named.initCause(e);
        return named;
    }

    /** As {@link #naming(Path, IOException)}; what was to become the target, or a part of it, is called that already. */
    private static FileSystemException naming(Path target, Path temporary, IOException e) {
        if (e instanceof FileSystemException named && named.getFile() != null) {
            Path file = Path.of(named.getFile());
            if (!file.startsWith(temporary)) {
                return named;
            }
            FileSystemException renamed = new FileSystemException(
                    target.resolve(temporary.relativize(file)).normalize().toString(),
                    null,
                    named instanceof AccessDeniedException ? "permission denied" : named.getReason());
            renamed.initCause(e);
            return renamed;
        }
        return naming(target, e);
    }

    private static Path parentOf(Path target) {
        return target.toAbsolutePath().getParent();
    }

    private static void forceTree(Path root) throws IOException {
        Files.walkFileTree(root, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                    channel.force(true);
                }
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path directory, IOException failure) throws IOException {
                if (failure != null) {
                    throw failure;
                }
                forceDirectory(directory);
                return FileVisitResult.CONTINUE;
            }
        });
    }

    private static void forceDirectory(Path directory) throws IOException {
        if (DIRECTORIES_CAN_BE_FORCED) {
            try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
                channel.force(true);
            }
        }
    }

    private static void deleteAfter(Throwable failure, Path temporary) {
        try {
            deleteTree(temporary);
        } catch (IOException e) {
            failure.addSuppressed(e);
        }
    }

    private static void deleteTree(Path root) throws IOException {
        if (!Files.exists(root)) {
            return;
        }
        Files.walkFileTree(root, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.delete(file);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path directory, IOException failure) throws IOException {
                if (failure != null) {
                    throw failure;
                }
                Files.delete(directory);
                return FileVisitResult.CONTINUE;
            }
        });
    }
}
