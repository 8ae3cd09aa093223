package org.rafclip.io;

import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.rafclip.data.DataException;

/** Keeps a folder for one process, until closed or until the process ends, however it does. */
public final class FolderLock implements Closeable {

    /** Of this process. The system would give a file's lock up as soon as any channel to the file is closed here. */
    private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

    private final FileChannel channel;
    private final Path file;

    private FolderLock(FileChannel channel, Path file) {
        this.channel = channel;
        this.file = file;
    }

    /**
     * Takes a folder.
     *
     * @param file in the folder, created where it is missing and left there
     * @param doing what another process does there, to be said where one does: {@code trains in runs/raf}
     * @throws DataException if another process has it, or this one in another place
     */
    public static FolderLock take(Path file, String doing) throws IOException {
        Path absolute = file.toAbsolutePath();
        Path real = absolute.getParent().toRealPath().resolve(absolute.getFileName());
        if (!HELD.add(real)) {
            throw busy(doing);
        }
        FileChannel channel = null;
        boolean taken = false;
        try {
            channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            taken = channel.tryLock() != null;
        } catch (OverlappingFileLockException e) {
            // Held here by classes that another loader has loaded.
            throw busy(doing);
        } catch (IOException e) {
            throw AtomicFiles.naming(file, e);
        } finally {
            if (!taken) {
                HELD.remove(real);
                if (channel != null) {
                    channel.close();
                }
            }
        }
        if (!taken) {
            throw busy(doing);
        }
        return new FolderLock(channel, real);
    }

    private static DataException busy(String doing) {
        return new DataException("another process " + doing + "; wait for its end, or stop it first");
    }

    @Override
    public void close() throws IOException {
        try {
            channel.close();
        } finally {
            HELD.remove(file);
        }
    }
}
