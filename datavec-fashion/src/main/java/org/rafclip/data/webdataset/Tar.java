package org.rafclip.data.webdataset;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.function.LongConsumer;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.archivers.tar.TarUtils;
import org.rafclip.data.DataException;
import org.rafclip.data.WrongFile;

/** Goes through a tar file that nobody vouches for. Nothing is unpacked by it, links least of all. */
final class Tar {

    private static final int BLOCK = 512;

    private Tar() {}

    /** Told of a tar's entries, in their order. */
    interface Visitor {

        /**
         * A file inside, under a relative path with {@code /} that stays below where it begins.
         *
         * @param in its content; what is not read is skipped
         * @throws IOException where the tar cannot be read on; a failure to write has another type
         */
        void file(String name, long bytes, InputStream in) throws IOException;

        /** @param why an entry is not to be unpacked, as the end of a sentence that begins with its name */
        void refuse(String name, String why);
    }

    /**
     * Reads a tar.
     *
     * @param progress told how many bytes have been read
     * @throws DataException if there is no such file, or it is no tar, packed, cut short or damaged; the visitor may have
     *     seen some of its entries by then
     */
    static void read(Path tar, LongConsumer progress, Visitor visitor) {
        String last = "its beginning";
        try (InputStream file = new BufferedInputStream(Files.newInputStream(tar), 1 << 16);
                TarArchiveInputStream in = new TarArchiveInputStream(file, StandardCharsets.UTF_8.name())) {
            requireTar(tar);
            for (TarArchiveEntry entry = next(in); entry != null; entry = next(in)) {
                if (!entry.isCheckSumOK()) {
                    throw new IOException("a header has a wrong checksum");
                }
                last = "'" + entry.getName() + "'";
                visit(entry, in, visitor);
                progress.accept(in.getBytesRead());
            }
        } catch (NoSuchFileException e) {
            throw new DataException(tar + ": there is no such file; name a tar file or a folder of them", e);
        } catch (AccessDeniedException e) {
            throw new DataException(tar + ": may not be read; change the file's permissions", e);
        } catch (IOException e) {
            throw new DataException(
                    tar + ": is cut short or damaged behind " + last + " (" + e.getMessage() + "); fetch it again", e);
        }
    }

    private static TarArchiveEntry next(TarArchiveInputStream in) throws IOException {
        try {
            return in.getNextEntry();
        } catch (RuntimeException e) {
            // the library answers damaged headers with exceptions of several kinds
            throw new IOException(e.getMessage(), e);
        }
    }

    private static void visit(TarArchiveEntry entry, InputStream in, Visitor visitor) throws IOException {
        String name = entry.getName();
        if (entry.isDirectory()) {
            return;
        }
        if (entry.isSymbolicLink() || entry.isLink()) {
            visitor.refuse(name, "is a link to '" + entry.getLinkName() + "'; put the file itself into the tar");
        } else if (entry.isSparse() || entry.isFIFO() || entry.isBlockDevice() || entry.isCharacterDevice()) {
            visitor.refuse(name, "is no plain file");
        } else if (name.startsWith("/") || ("/" + name + "/").contains("/../")) {
            visitor.refuse(name, "leads out of the folder that is unpacked to");
        } else if (name.indexOf('\\') >= 0 || name.indexOf('\0') >= 0) {
            visitor.refuse(name, "has a backslash or a zero in its name");
        } else {
            visitor.file(name.startsWith("./") ? name.substring(2) : name, entry.getSize(), in);
        }
    }

    /** Tars end in two blocks of zeros; one that ends between two entries is cut short all the same. */
    private static void requireTar(Path tar) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(tar.toFile(), "r")) {
            byte[] block = new byte[BLOCK];
            if (file.length() < BLOCK) {
                throw noTar(tar);
            }
            file.readFully(block);
            if (!isHeader(block) && !isZero(block)) {
                throw noTar(tar);
            }
            file.seek(file.length() - BLOCK);
            file.readFully(block);
            if (!isZero(block)) {
                throw new DataException(
                        tar + ": is cut short, the mark at a tar's end is missing; fetch it again, or wait"
                                + " until it is written");
            }
        }
    }

    private static DataException noTar(Path tar) {
        return new DataException(tar + ": "
                + WrongFile.describe(tar)
                        .orElse("is no tar file; give shards as img2dataset writes them with --output_format"
                                + " webdataset"));
    }

    private static boolean isHeader(byte[] block) {
        try {
            return TarUtils.verifyCheckSum(block);
        } catch (IllegalArgumentException e) {
            // where the checksum should stand is no number
            return false;
        }
    }

    private static boolean isZero(byte[] block) {
        for (byte b : block) {
            if (b != 0) {
                return false;
            }
        }
        return true;
    }
}
