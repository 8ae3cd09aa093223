package org.rafclip.data.image;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * What an image file says about itself before its pixels begin. Read from a stream that is skipped through, so that a
 * hostile file costs no memory whatever it claims.
 *
 * @param format the file format, by its magic number and not by the file's name
 * @param width pixels as stored
 * @param height pixels as stored
 * @param orientation the EXIF orientation, 1 to 8; 1 (upright) where the file says nothing sensible
 * @param transparentGray of a gray PNG of up to 8 bits the level, widened to 8, that means transparent; of one of 16 bits
 *     the 16-bit level; {@link #NONE} where there is none
 */
record ImageHeader(Format format, int width, int height, int orientation, int transparentGray) {

    static final int NONE = -1;

    enum Format {
        JPEG,
        PNG,
        WEBP,
        BMP,
        GIF
    }

    private static final int MAGIC_BYTES = 12;
    private static final int UPRIGHT = 1;
    private static final int ORIENTATION_TAG = 0x0112;
    private static final byte[] EXIF_PREFIX = {'E', 'x', 'i', 'f', 0, 0};

    private ImageHeader(Format format, int width, int height, int orientation) {
        this(format, width, height, orientation, NONE);
    }

    Dimensions upright() {
        return orientation >= 5 ? new Dimensions(height, width) : new Dimensions(width, height);
    }

    /**
     * Reads a header.
     *
     * @param in the file from its first byte, with {@code mark} support; left somewhere in its middle
     * @return empty if the magic number is of no format known here
     * @throws EOFException if the file ends inside its header
     * @throws IOException if the header contradicts its format; the message says how
     */
    static Optional<ImageHeader> read(InputStream in) throws IOException {
        in.mark(MAGIC_BYTES);
        byte[] magic = in.readNBytes(MAGIC_BYTES);
        in.reset();
        if (startsWith(magic, 0xff, 0xd8)) {
            return Optional.of(jpeg(in));
        }
        if (startsWith(magic, 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n')) {
            return Optional.of(png(in));
        }
        if (startsWith(magic, 'R', 'I', 'F', 'F')
                && magic.length == MAGIC_BYTES
                && ByteBuffer.wrap(magic).getInt(8) == fourCc("WEBP")) {
            return Optional.of(webp(in));
        }
        if (startsWith(magic, 'B', 'M')) {
            return Optional.of(bmp(in));
        }
        if (startsWith(magic, 'G', 'I', 'F', '8')) {
            ByteBuffer head = bytes(in, 10).order(ByteOrder.LITTLE_ENDIAN);
            return Optional.of(
                    new ImageHeader(Format.GIF, head.getShort(6) & 0xffff, head.getShort(8) & 0xffff, UPRIGHT));
        }
        return Optional.empty();
    }

    private static ImageHeader jpeg(InputStream in) throws IOException {
        in.skipNBytes(2);
        int width = -1;
        int height = -1;
        int orientation = UPRIGHT;
        for (int marker = nextMarker(in); marker != 0xda; marker = nextMarker(in)) {
            if (marker == 0xd9) {
                throw new IOException("it has no image data");
            }
            if (marker == 0x01 || marker >= 0xd0 && marker <= 0xd8) {
                continue;
            }
            int length = bytes(in, 2).getShort() & 0xffff;
            if (length < 2) {
                throw new IOException("a segment is shorter than its own length field");
            }
            length -= 2;
            boolean frame = marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
            if (frame && length >= 5) {
                if (width >= 0) {
                    throw new IOException("it states its size twice");
                }
                ByteBuffer segment = bytes(in, length);
                height = segment.getShort(1) & 0xffff;
                width = segment.getShort(3) & 0xffff;
            } else if (marker == 0xe1 && orientation == UPRIGHT) {
                orientation = exifOrientation(bytes(in, length));
            } else {
                in.skipNBytes(length);
            }
        }
        if (width < 0) {
            throw new IOException("it does not state its size");
        }
        return new ImageHeader(Format.JPEG, width, height, orientation);
    }

    private static int nextMarker(InputStream in) throws IOException {
        int value = 0;
        while (value == 0) {
            do {
                value = in.read();
            } while (value >= 0 && value != 0xff);
            while (value == 0xff) {
                value = in.read();
            }
        }
        if (value < 0) {
            throw new EOFException();
        }
        return value;
    }

    private static ImageHeader png(InputStream in) throws IOException {
        in.skipNBytes(8);
        ByteBuffer first = bytes(in, 8 + 13 + 4);
        if (first.getInt(0) != 13 || first.getInt(4) != fourCc("IHDR")) {
            throw new IOException("it does not begin with an IHDR chunk");
        }
        int orientation = UPRIGHT;
        int transparent = NONE;
        boolean gray = first.get(17) == 0;
        while (true) {
            ByteBuffer chunk = bytes(in, 8);
            long length = Integer.toUnsignedLong(chunk.getInt());
            int type = chunk.getInt();
            if (type == fourCc("IDAT") || type == fourCc("IEND")) {
                break;
            }
            if (type == fourCc("eXIf") && length < 1 << 16) {
                orientation = orientation(bytes(in, (int) length));
                in.skipNBytes(4);
            } else if (type == fourCc("tRNS") && gray && length == 2) {
                transparent = widened(bytes(in, 2).getShort() & 0xffff, first.get(16));
                in.skipNBytes(4);
            } else {
                in.skipNBytes(length + 4);
            }
        }
        return new ImageHeader(Format.PNG, first.getInt(8), first.getInt(12), orientation, transparent);
    }

    private static int widened(int level, int bits) {
        int highest = (1 << bits) - 1;
        return bits < 8 ? (level & highest) * 255 / highest : level & highest;
    }

    private static ImageHeader webp(InputStream in) throws IOException {
        in.skipNBytes(MAGIC_BYTES);
        ByteBuffer chunk = bytes(in, 8).order(ByteOrder.LITTLE_ENDIAN);
        int type = Integer.reverseBytes(chunk.getInt(0));
        long length = Integer.toUnsignedLong(chunk.getInt(4));
        ByteBuffer data = bytes(in, 10).order(ByteOrder.LITTLE_ENDIAN);
        if (type == fourCc("VP8 ")) {
            return new ImageHeader(Format.WEBP, data.getShort(6) & 0x3fff, data.getShort(8) & 0x3fff, UPRIGHT);
        }
        if (type == fourCc("VP8L")) {
            int bits = data.getInt(1);
            return new ImageHeader(Format.WEBP, (bits & 0x3fff) + 1, (bits >>> 14 & 0x3fff) + 1, UPRIGHT);
        }
        if (type != fourCc("VP8X")) {
            throw new IOException("its first chunk is none that WebP knows");
        }
        int width = (data.getInt(4) & 0xffffff) + 1;
        int height = (data.getInt(6) >>> 8) + 1;
        boolean exif = (data.get(0) & 0x08) != 0;
        in.skipNBytes(Math.max(0, length + (length & 1) - 10));
        return new ImageHeader(Format.WEBP, width, height, exif ? webpOrientation(in) : UPRIGHT);
    }

    /** Upright where the file says that it has Exif and has none, which is no fault of its pixels. */
    private static int webpOrientation(InputStream in) throws IOException {
        try {
            return orientationOfExif(in);
        } catch (EOFException e) {
            return UPRIGHT;
        }
    }

    private static int orientationOfExif(InputStream in) throws IOException {
        while (true) {
            ByteBuffer chunk = bytes(in, 8).order(ByteOrder.LITTLE_ENDIAN);
            long length = Integer.toUnsignedLong(chunk.getInt(4));
            if (Integer.reverseBytes(chunk.getInt(0)) == fourCc("EXIF")) {
                ByteBuffer exif = bytes(in, (int) Math.min(length, 1 << 16));
                return startsWith(exif.array(), 'E', 'x', 'i', 'f') ? exifOrientation(exif) : orientation(exif);
            }
            in.skipNBytes(length + (length & 1));
        }
    }

    private static ImageHeader bmp(InputStream in) throws IOException {
        ByteBuffer head = bytes(in, 26).order(ByteOrder.LITTLE_ENDIAN);
        boolean oldest = head.getInt(14) == 12;
        return oldest
                ? new ImageHeader(Format.BMP, head.getShort(18) & 0xffff, head.getShort(20) & 0xffff, UPRIGHT)
                : new ImageHeader(Format.BMP, head.getInt(18), Math.abs(head.getInt(22)), UPRIGHT);
    }

    private static int exifOrientation(ByteBuffer segment) {
        for (int i = 0; i < EXIF_PREFIX.length; i++) {
            if (i >= segment.limit() || segment.get(i) != EXIF_PREFIX[i]) {
                return UPRIGHT;
            }
        }
        return orientation(segment.slice(EXIF_PREFIX.length, segment.limit() - EXIF_PREFIX.length));
    }

    /** The orientation tag of a TIFF block's first directory. Broken blocks are common and mean nothing: upright. */
    private static int orientation(ByteBuffer tiff) {
        if (tiff.limit() < 8) {
            return UPRIGHT;
        }
        int byteOrder = tiff.getShort(0);
        if (byteOrder == 0x4949) {
            tiff.order(ByteOrder.LITTLE_ENDIAN);
        } else if (byteOrder == 0x4d4d) {
            tiff.order(ByteOrder.BIG_ENDIAN);
        } else {
            return UPRIGHT;
        }
        int directory = tiff.getInt(4);
        if (directory < 8 || directory > tiff.limit() - 2) {
            return UPRIGHT;
        }
        int entries = tiff.getShort(directory) & 0xffff;
        for (int i = 0, at = directory + 2; i < entries && at <= tiff.limit() - 12; i++, at += 12) {
            if ((tiff.getShort(at) & 0xffff) == ORIENTATION_TAG) {
                int value = tiff.getShort(at + 8);
                return value >= 1 && value <= 8 ? value : UPRIGHT;
            }
        }
        return UPRIGHT;
    }

    /**
     * Whether a file goes on to the end its format marks. BMP and GIF are left to their decoder.
     *
     * @param file the whole file, of this header
     */
    boolean isComplete(byte[] file) {
        return switch (format) {
            case JPEG -> isCompleteJpeg(file);
            case PNG -> isCompletePng(ByteBuffer.wrap(file));
            case WEBP ->
                Integer.toUnsignedLong(ByteBuffer.wrap(file)
                                        .order(ByteOrder.LITTLE_ENDIAN)
                                        .getInt(4))
                                + 8
                        <= file.length;
            case BMP, GIF -> true;
        };
    }

    private static boolean isCompletePng(ByteBuffer file) {
        for (long at = 8; at + 12 <= file.limit(); ) {
            if (file.getInt((int) at + 4) == fourCc("IEND")) {
                return true;
            }
            at += 12 + Integer.toUnsignedLong(file.getInt((int) at));
        }
        return false;
    }

    /** Marker bytes cannot occur inside a JPEG's compressed data, so that a file cut anywhere is told for certain. */
    private static boolean isCompleteJpeg(byte[] jpeg) {
        int at = 2;
        while (at + 1 < jpeg.length) {
            if (jpeg[at] != (byte) 0xff) {
                at++;
                continue;
            }
            int marker = jpeg[at + 1] & 0xff;
            if (marker == 0xd9) {
                return true;
            }
            if (marker == 0xff) {
                at++;
            } else if (marker == 0 || marker == 0x01 || marker >= 0xd0 && marker <= 0xd8) {
                at += 2;
            } else if (at + 3 < jpeg.length) {
                at += 2 + ((jpeg[at + 2] & 0xff) << 8 | jpeg[at + 3] & 0xff);
            } else {
                return false;
            }
        }
        return false;
    }

    private static boolean startsWith(byte[] bytes, int... prefix) {
        if (bytes.length < prefix.length) {
            return false;
        }
        for (int i = 0; i < prefix.length; i++) {
            if (bytes[i] != (byte) prefix[i]) {
                return false;
            }
        }
        return true;
    }

    private static int fourCc(String name) {
        return ByteBuffer.wrap(name.getBytes(StandardCharsets.US_ASCII)).getInt();
    }

    private static ByteBuffer bytes(InputStream in, int count) throws IOException {
        byte[] bytes = in.readNBytes(count);
        if (bytes.length < count) {
            throw new EOFException();
        }
        return ByteBuffer.wrap(bytes);
    }
}
