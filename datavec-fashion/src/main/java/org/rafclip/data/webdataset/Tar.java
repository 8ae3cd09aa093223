package org.rafclip.data.webdataset;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.function.LongConsumer;
import java.util.zip.GZIPInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.archivers.tar.TarUtils;
import org.rafclip.data.DataException;
import org.rafclip.data.WrongFile;

/** Goes through a tar file, packed by gzip or not, that nobody vouches for. Nothing is unpacked by it, links least of all. */
final class Tar {

    private static final int BLOCK = 512;
    private static final int BUFFER = 1 << 16;

    /** The two bytes that a file packed by gzip begins with. */
    private static final int GZIP = 0x1f8b;

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
     * @param progress told how many of the file's bytes have been read
     * @throws DataException if there is no such file, or it is no tar, packed, cut short or damaged; the visitor may have
     *     seen some of its entries by then
     */
    static void read(Path tar, LongConsumer progress, Visitor visitor) {
        String last = "its beginning";
        try (FileChannel file = FileChannel.open(tar);
                InputStream plain = unpacked(new BufferedInputStream(Channels.newInputStream(file), BUFFER));
                TarArchiveInputStream in = new TarArchiveInputStream(plain, StandardCharsets.UTF_8.name())) {
            requireTar(tar, plain);
            for (TarArchiveEntry entry = next(in); entry != null; entry = next(in)) {
                if (!entry.isCheckSumOK()) {
                    throw new IOException("a header has a wrong checksum");
                }
                last = "'" + entry.getName() + "'";
                visit(entry, in, visitor);
                progress.accept(file.position());
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

    private static InputStream unpacked(BufferedInputStream file) throws IOException {
        file.mark(2);
        boolean packed = (file.read() << Byte.SIZE | file.read()) == GZIP;
        file.reset();
        return packed ? new BufferedInputStream(new GZIPInputStream(file, BUFFER), BUFFER) : file;
    }

    /** Tars end in two blocks of zeros; one that ends between two entries is cut short all the same. What gzip packed says so itself. */
    private static void requireTar(Path tar, InputStream plain) throws IOException {
        plain.mark(BLOCK);
        byte[] block = plain.readNBytes(BLOCK);
        plain.reset();
        if (block.length < BLOCK || !isHeader(block) && !isZero(block)) {
            throw noTar(tar);
        }
        try (RandomAccessFile file = new RandomAccessFile(tar.toFile(), "r")) {
            if (file.readUnsignedShort() == GZIP) {
                return;
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
                + WrongFile.insteadOfTar(tar)
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
