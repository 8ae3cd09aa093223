package org.rafclip.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import org.rafclip.data.DataException;
import org.rafclip.data.SystemText;
import org.rafclip.ops.UnsupportedBackendException;
import org.rafclip.run.ConfigException;
import picocli.CommandLine;

/** What a failure says to the user: one line that names the file or key, what is wrong and what to do. */
final class Complaint {

    private static final String CACHE =
            "RAFCLIP_JAVA_OPTS='-Dorg.bytedeco.javacpp.cachedir=DIR -DENGINE_CACHE_DIR=DIR" + " -Djava.io.tmpdir=DIR'";

    private Complaint() {}

    /** Null for a fault of the program. */
    static String of(Throwable failure) {
        String context = "";
        boolean loading = false;
        for (Throwable e = failure; e != null; e = e.getCause()) {
            if (e instanceof DataException
                    || e instanceof ConfigException
                    || e instanceof UnsupportedBackendException) {
                return e.getMessage();
            } else if (e instanceof OutOfMemoryError) {
                return "out of memory (" + e.getMessage() + "). Lower the micro-batch, or see"
                        + " ./rafclip doctor for the limits and how to raise them.";
            } else if (e instanceof InvalidPathException path) {
                return "'" + path.getInput() + "' "
                        + SystemText.fault(path.getInput()).orElse("is no path: " + path.getReason()) + ".";
            } else if (e instanceof IOException io) {
                String complaint = ofFiles(io, context);
                return !loading || complaint.contains(CACHE)
                        ? complaint
                        : "a native library cannot be unpacked: " + complaint + " Where there is no place, name one: "
                                + CACHE + ".";
            } else if (e instanceof UnsatisfiedLinkError && !(e.getCause() instanceof IOException)) {
                return "a native library cannot be loaded: " + e.getMessage()
                        + ". Needed are Linux with glibc or macOS, on"
                        + " x86-64 or arm64, and a folder for the libraries from which programs may run: " + CACHE
                        + ".";
            } else if (e instanceof UncheckedIOException && !e.getMessage().equals(String.valueOf(e.getCause()))) {
                context = e.getMessage() + ": ";
            } else if (!loading && !isEnvelope(e)) {
                return null;
            }
            loading |= e instanceof LinkageError;
        }
        return null;
    }

    /** Whether it only carries what happened, from another thread or a class's start. */
    private static boolean isEnvelope(Throwable e) {
        return e instanceof UncheckedIOException
                || e instanceof ExecutionException
                || e instanceof CompletionException
                || e instanceof CommandLine.ExecutionException
                || e instanceof LinkageError;
    }

    private static String ofFiles(IOException e, String context) {
        String reason = e instanceof FileSystemException file ? file.getReason() : e.getMessage();
        String why = reason == null ? e.getClass().getSimpleName() : reason;
        if (why.contains("org.bytedeco.javacpp.cachedir")) {
            return "there is no place to unpack the native libraries to: neither the home folder nor the temporary one can"
                    + " be written. Name one that can: " + CACHE + ".";
        }
        String file = e instanceof FileSystemException named && named.getFile() != null ? named.getFile() : null;
        String place = file == null ? context : file + ": ";
        if (why.contains("No space left") || why.contains("quota exceeded")) {
            return place + "cannot be written, " + lower(why)
                    + ". Make room or choose a folder on another disk, then do"
                    + " the same again. Whatever was whole before is as it was, a run's checkpoints too: train --resume"
                    + " goes on from the last.";
        } else if (why.contains("Too many open files")) {
            return place
                    + "too many open files. Raise the limit: ulimit -n 1024, or --ulimit nofile=1024 for a container.";
        } else if (e instanceof NoSuchFileException) {
            return reason != null ? e.getMessage() : place + "there is no such file or folder.";
        } else if (e instanceof FileAlreadyExistsException) {
            return place + "exists already. Name another, or take it away first.";
        } else if (e instanceof AccessDeniedException || why.equals("permission denied")) {
            return place + "the file's permissions do not allow this.";
        } else if (e instanceof NotDirectoryException) {
            return place + "is a file, where a folder is meant.";
        } else if (e instanceof DirectoryNotEmptyException) {
            return place + "the folder is not empty.";
        } else if (e instanceof AtomicMoveNotSupportedException) {
            return e.getMessage();
        } else if (why.equals("Is a directory")) {
            return place + "is a folder, where a file is meant: name the file.";
        }
        return place + (file == null ? "reading or writing failed: " : "") + lower(why) + ".";
    }

    /** The system's words begin with a capital letter, exceptions' names are left as they are. */
    private static String lower(String words) {
        boolean sentence = words.length() > 1 && Character.isLowerCase(words.charAt(1)) && words.contains(" ");
        return sentence ? Character.toLowerCase(words.charAt(0)) + words.substring(1) : words;
    }
}
