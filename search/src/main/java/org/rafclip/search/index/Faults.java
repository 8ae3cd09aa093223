package org.rafclip.search.index;

import java.io.EOFException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.Locale;
import org.apache.lucene.index.CorruptIndexException;
import org.apache.lucene.index.IndexFormatTooNewException;
import org.apache.lucene.index.IndexFormatTooOldException;
import org.apache.lucene.index.IndexNotFoundException;
import org.apache.lucene.store.LockObtainFailedException;
import org.rafclip.data.DataException;
import org.rafclip.io.AtomicFiles;

/** What goes wrong with an index on the disk, in one line each. */
final class Faults {

    private Faults() {}

    static DataException reading(Path folder, IOException e) {
        if (e instanceof IndexNotFoundException) {
            try {
                if (IndexUpdate.hasLeftovers(folder)) {
                    return damaged(folder, new IOException("its segments file is missing", e));
                }
            } catch (IOException unreadable) {
                e.addSuppressed(unreadable);
            }
            return new DataException(
                    folder
                            + ": no index is here, or its first writing was interrupted before anything was kept. Build one:"
                            + " ./rafclip index --run DIR --images PHOTOS --out " + folder,
                    e);
        }
        if (e instanceof IndexFormatTooNewException || e instanceof IndexFormatTooOldException) {
            return new DataException(
                    folder
                            + ": written by a version of Lucene that this program does not read. Build it anew in another"
                            + " folder: ./rafclip index.",
                    e);
        }
        if (e instanceof CorruptIndexException
                || e instanceof EOFException
                || e instanceof FileNotFoundException
                || e instanceof NoSuchFileException) {
            return damaged(folder, e);
        }
        return new DataException(folder + ": the index cannot be read: " + reason(folder, e) + ".", e);
    }

    static DataException damaged(Path folder, Exception e) {
        return new DataException(
                folder + ": the index is damaged (" + firstSentence(e) + "). Remove the folder and build it anew:"
                        + " ./rafclip index --out " + folder + ".",
                e);
    }

    static DataException writing(Path folder, IOException e) {
        if (e instanceof LockObtainFailedException) {
            return new DataException(
                    folder + ": another process is writing to this index. Wait until it is done, or end it.", e);
        }
        if (e instanceof CorruptIndexException
                || e instanceof IndexFormatTooNewException
                || e instanceof IndexFormatTooOldException) {
            return reading(folder, e);
        }
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            String words = String.valueOf(cause.getMessage()).toLowerCase(Locale.ROOT);
            if (words.contains("no space left") || words.contains("quota exceeded")) {
                return new DataException(
                        folder
                                + ": the index cannot be written, no space left on the device. It is as it was at its last"
                                + " commit and can be searched. Make room, then do the same again: what was kept is not"
                                + " computed anew.",
                        e);
            }
        }
        return new DataException(
                folder + ": the index cannot be written: " + reason(folder, e) + ". What was kept before is as it was.",
                e);
    }

    private static String reason(Path folder, IOException e) {
        if (e instanceof FileAlreadyExistsException || e instanceof NotDirectoryException) {
            return "there is a file where the folder is meant to be";
        } else if (e instanceof AccessDeniedException) {
            return "the folder's permissions do not allow it";
        }
        String reason = AtomicFiles.naming(folder, e).getReason();
        return reason == null || reason.isBlank() ? "the system does not allow it (" + e.getMessage() + ")" : reason;
    }

    /** Lucene's messages go on with the objects concerned. */
    private static String firstSentence(Exception e) {
        String message = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
        int end = message.indexOf(" (resource=");
        return end < 0 ? message : message.substring(0, end);
    }
}
