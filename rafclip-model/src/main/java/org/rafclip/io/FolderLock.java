package org.rafclip.io;

import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.rafclip.data.DataException;

/** Keeps a folder for one process, until closed or until the process ends, however it does. */
public final class FolderLock implements Closeable {

    private final FileChannel channel;

    private FolderLock(FileChannel channel) {
        this.channel = channel;
    }

    /**
     * Takes a folder.
     *
     * @param file in the folder, created where it is missing and left there
     * @param doing what another process does there, to be said where one does: {@code trains in runs/raf}
     * @throws DataException if another process has it, or this one in another place
     */
    public static FolderLock take(Path file, String doing) throws IOException {
        FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        boolean free;
        try {
            free = channel.tryLock() != null;
        } catch (OverlappingFileLockException heldHere) {
            free = false;
        } catch (IOException e) {
            channel.close();
            throw AtomicFiles.naming(file, e);
        }
        if (!free) {
            channel.close();
            throw new DataException("another process " + doing + "; wait for its end, or stop it first");
        }
        return new FolderLock(channel);
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
