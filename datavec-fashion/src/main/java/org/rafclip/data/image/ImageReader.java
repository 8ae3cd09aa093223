package org.rafclip.data.image;

import com.twelvemonkeys.imageio.plugins.webp.WebPImageReaderSpi;
import java.awt.image.BufferedImage;
import java.awt.image.ComponentColorModel;
import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.Set;
import javax.imageio.ImageIO;
import javax.imageio.metadata.IIOMetadataNode;
import javax.imageio.stream.ImageInputStream;
import javax.imageio.stream.MemoryCacheImageInputStream;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.opencv.global.opencv_core;
import org.bytedeco.opencv.global.opencv_imgcodecs;
import org.bytedeco.opencv.opencv_core.Mat;
import org.rafclip.data.DataException;
import org.rafclip.data.SystemText;
import org.rafclip.data.WrongFile;
import org.rafclip.data.image.ImageHeader.Format;

/**
 * Reads image files that nobody vouches for: JPEG, PNG, WebP, BMP and the first frame of a GIF, told apart by content
 * and not by name. Anything else, and anything broken, is one {@link DataException} that names the file. Stateless but
 * for its settings; safe for use by many threads.
 *
 * <p>OpenCV decodes JPEG and PNG, with libjpeg-turbo as Pillow does: of 800 photos every pixel equalled what Pillow's
 * {@code convert("RGB")} gives. The rest is decoded in Java. Decisions:
 *
 * <ul>
 *   <li>images turn upright by their EXIF orientation; broken EXIF counts as none
 *   <li>CMYK and YCCK JPEGs are converted by multiplication (one gray level off Pillow at most); color profiles are
 *       ignored
 *   <li>lossy WebP differs from Pillow by 1.4 gray levels on average, since chroma is not smoothed
 *   <li>transparent pixels show white behind them (Pillow drops the transparency and shows whatever color hid there)
 *   <li>of 16 bits a channel the high 8 are kept; gray becomes three equal channels
 *   <li>a file cut before its end is refused, as Pillow refuses it; a JPEG whose data is damaged midway but goes on to its
 *       end is not, as the format cannot tell
 * </ul>
 */
public final class ImageReader {

    /** What names of such files end with, behind the dot and in small letters. */
    public static final Set<String> ENDINGS = Set.of("jpg", "jpeg", "png", "webp", "gif", "bmp");

    /** Where Pillow, too, begins to suspect a decompression bomb. */
    public static final long DEFAULT_MAX_PIXELS = 89_478_485;

    /** No format here needs more for a pixel: four channels of 16 bits. */
    private static final int MAX_BYTES_PER_PIXEL = 8;

    private static final long METADATA_BYTES = 1 << 24;

    /** Bytes by which a file of another kind is known. */
    private static final int HEAD = 512;

    private final long maxPixels;

    public ImageReader() {
        this(DEFAULT_MAX_PIXELS);
    }

    /** @param maxPixels larger images are refused, by what their header says, before anything is decoded */
    public ImageReader(long maxPixels) {
        if (maxPixels < 1) {
            throw new IllegalArgumentException("the pixel cap must be at least 1, not " + maxPixels);
        }
        this.maxPixels = maxPixels;
        // here, so that a missing native library is not taken for a broken image later
        Loader.load(opencv_imgcodecs.class);
    }

    /**
     * The image in a file, upright.
     *
     * @throws DataException if there is no such file, or it is empty, no image, of an unknown format, above the pixel
     *     cap, cut short, or broken
     */
    public RgbImage read(Path file) {
        return read(bytes(file), file.toString());
    }

    /**
     * The image in a file's content, upright.
     *
     * @param data the content, which is not changed
     * @param name what errors call it
     * @throws DataException as {@link #read(Path)}
     */
    public RgbImage read(byte[] data, String name) {
        ImageHeader header;
        try {
            header = header(name, new ByteArrayInputStream(data));
        } catch (IOException e) {
            throw broken(name, WrongFile.describe(data), e);
        }
        if (!header.isComplete(data)) {
            throw new DataException(name + ": the " + header.format() + " is cut short (no end marker in its "
                    + data.length + " bytes); fetch the file again");
        }
        RgbImage stored = switch (header.format()) {
            case JPEG, PNG -> decodeByOpenCv(name, data, header);
            case WEBP, BMP, GIF -> decodeByImageIo(name, data, header);
        };
        return upright(stored, header.orientation());
    }

    /** The image that an entry of a list file names; see {@link #locate} and {@link #read(Path)}. */
    public RgbImage read(Path root, String entry) {
        return read(locate(root, entry));
    }

    /**
     * The size that {@link #read(Path)} would give, from the file's header alone.
     *
     * @throws DataException if there is no such file, or its header is no image's, above the pixel cap, or broken
     */
    public Dimensions size(Path file) {
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file))) {
            return header(file.toString(), in).upright();
        } catch (IOException e) {
            throw broken(file, e);
        }
    }

    /**
     * Why a file cannot be an image, as far as its header and its end tell: a dead download is empty, a page of HTML, or cut
     * short. Nothing is decoded.
     *
     * @return empty where nothing speaks against it
     */
    public Optional<String> problem(Path file) {
        try {
            byte[] data = bytes(file);
            ImageHeader header = header(file.toString(), new ByteArrayInputStream(data));
            return header.isComplete(data)
                    ? Optional.empty()
                    : Optional.of(file + ": the " + header.format() + " is cut short; fetch the file again");
        } catch (DataException e) {
            return Optional.of(e.getMessage());
        } catch (IOException e) {
            return Optional.of(broken(file, e).getMessage());
        }
    }

    /** The size of the image that an entry of a list file names; see {@link #locate} and {@link #size(Path)}. */
    public Dimensions size(Path root, String entry) {
        return size(locate(root, entry));
    }

    /**
     * The file that an entry of a list file names. A link that lies in the data folder itself, such as an {@code img} that
     * leads to another disk, was put there by the folder's owner and is followed; what lies behind it counts as inside.
     *
     * @param root the data folder
     * @param entry path relative to it, with {@code /}
     * @throws DataException if the entry leads out of the folder (by {@code ..}, as an absolute path, through a link further
     *     down), or to no file
     */
    public Path locate(Path root, String entry) {
        Path relative;
        try {
            relative = Path.of(entry).normalize();
        } catch (InvalidPathException e) {
            throw new DataException(
                    "image entry \"" + entry + "\" "
                            + SystemText.fault(entry).orElse("is not a path; correct the list file"),
                    e);
        }
        if (relative.isAbsolute() || relative.startsWith("..")) {
            throw new DataException("image entry \"" + entry + "\" leads out of the data folder " + root
                    + "; entries are relative paths to files inside it");
        }
        Path file = root.resolve(relative);
        if (!Files.isRegularFile(file)) {
            throw new DataException("image entry \"" + entry + "\": there is no file " + file
                    + (Files.exists(file, LinkOption.NOFOLLOW_LINKS)
                            ? " but "
                                    + (Files.isSymbolicLink(file)
                                            ? "a link to what is not there or no file"
                                            : "a folder, a pipe or a device")
                                    + "; bring back what it stood for, or take it away"
                            : "; complete the folder, take the entry out of what lists it, or name the folder of a table's photos"
                                    + " (--photos or --images, in a configuration data.images)"));
        }
        try {
            Path real = file.toRealPath();
            if (!real.startsWith(root.toRealPath())
                    && !real.startsWith(root.resolve(relative.getName(0)).toRealPath())) {
                throw new DataException("image entry \"" + entry + "\" leads out of the data folder " + root
                        + " to " + real + " through a link below " + root.resolve(relative.getName(0))
                        + "; link that folder itself, or copy the file");
            }
        } catch (IOException e) {
            throw broken(file, e);
        }
        return file;
    }

    /**
     * A file's content, to be read by {@link #read(byte[], String)}.
     *
     * @throws DataException if it cannot be had, or is more than any image takes
     */
    public byte[] bytes(Path file) {
        if (Files.exists(file) && !Files.isRegularFile(file) && !Files.isDirectory(file)) {
            throw new DataException(file + ": is no file but a pipe or a device; name an image file");
        }
        try {
            long size = Files.size(file);
            if (size > Math.min(maxPixels * MAX_BYTES_PER_PIXEL + METADATA_BYTES, Integer.MAX_VALUE - METADATA_BYTES)) {
                throw new DataException(file + ": " + size + " bytes are more than any image of " + maxPixels
                        + " pixels (the cap) takes; remove the file or raise the cap");
            }
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw broken(file, e);
        }
    }

    private ImageHeader header(String file, InputStream in) throws IOException {
        in.mark(HEAD);
        byte[] head = in.readNBytes(HEAD);
        if (head.length == 0) {
            throw new DataException(file + ": the file is empty; fetch it again");
        }
        in.reset();
        Optional<ImageHeader> found = ImageHeader.read(in);
        if (found.isEmpty()) {
            throw new DataException(file + ": not an image"
                    + WrongFile.describe(head)
                            .map(what -> ": it " + what)
                            .orElse(" in a format read here (JPEG, PNG, WebP, BMP, GIF); convert or remove it"));
        }
        ImageHeader header = found.get();
        if (header.width() < 1 || header.height() < 1) {
            throw new DataException(file + ": broken " + header.format() + ", its header states an impossible size of "
                    + Integer.toUnsignedString(header.width()) + "x" + Integer.toUnsignedString(header.height())
                    + "; fetch the file again");
        }
        requireBelowCap(file, header.width(), header.height());
        return header;
    }

    private void requireBelowCap(String file, int width, int height) {
        if ((long) width * height > maxPixels) {
            throw new DataException(file + ": " + width + "x" + height + " pixels are above the cap of " + maxPixels
                    + "; if this is no decompression bomb, shrink the image or raise the cap");
        }
    }

    private static DataException broken(Path file, IOException e) {
        return broken(file.toString(), WrongFile.describe(file), e);
    }

    private static DataException broken(String file, Optional<String> what, IOException e) {
        if (e instanceof NoSuchFileException) {
            return new DataException(file + ": there is no such file", e);
        }
        if (e instanceof EOFException) {
            return new DataException(file + ": the image is cut short, inside its header; fetch the file again", e);
        }
        return new DataException(file + ": " + what.orElse("cannot be read: " + e.getMessage()), e);
    }

    private static RgbImage decodeByOpenCv(String file, byte[] data, ImageHeader header) {
        int flags = header.format() == Format.JPEG
                ? opencv_imgcodecs.IMREAD_COLOR | opencv_imgcodecs.IMREAD_IGNORE_ORIENTATION
                : opencv_imgcodecs.IMREAD_UNCHANGED;
        try (BytePointer pointer = new BytePointer(data);
                Mat encoded = new Mat(1, data.length, opencv_core.CV_8UC1, pointer);
                Mat decoded = opencv_imgcodecs.imdecode(encoded, flags)) {
            if (decoded.empty() || decoded.cols() != header.width() || decoded.rows() != header.height()) {
                throw undecodable(file, header.format(), null);
            }
            return rgb(decoded, header.transparentGray());
        } catch (RuntimeException e) {
            // JavaCPP hands on a C++ exception as a plain RuntimeException
            throw e instanceof DataException dataException ? dataException : undecodable(file, header.format(), e);
        }
    }

    private static DataException undecodable(String file, Format format, Exception cause) {
        return new DataException(
                file + ": the " + format + " cannot be decoded: it is cut short, damaged, or of a rare kind;"
                        + " fetch the file again or convert it",
                cause);
    }

    /** From OpenCV's blue, green, red (, alpha), or gray, of 8 or 16 bits. */
    private static RgbImage rgb(Mat decoded, int transparentGray) {
        int channels = decoded.channels();
        int sampleBytes = (int) decoded.elemSize1();
        byte[] samples = new byte[Math.toIntExact(decoded.total() * decoded.elemSize())];
        decoded.data().get(samples);
        // OpenCV leaves the transparent level of a gray image to its caller
        boolean[] transparent = new boolean[channels == 1 && transparentGray != ImageHeader.NONE ? samples.length : 0];
        if (sampleBytes == 2) {
            // the high byte is the second one: OpenCV's samples are in the machine's order, little-endian on all we run
            byte[] high = new byte[samples.length / 2];
            for (int i = 0; i < high.length; i++) {
                high[i] = samples[2 * i + 1];
                if (transparent.length > 0) {
                    transparent[i] = ((samples[2 * i + 1] & 0xff) << 8 | samples[2 * i] & 0xff) == transparentGray;
                }
            }
            samples = high;
        } else {
            for (int i = 0; i < transparent.length; i++) {
                transparent[i] = (samples[i] & 0xff) == transparentGray;
            }
        }
        int pixels = decoded.rows() * decoded.cols();
        byte[] rgb = channels == 3 ? samples : new byte[3 * pixels];
        for (int in = 0, out = 0; out < rgb.length; in += channels, out += 3) {
            byte blue = samples[in];
            byte green = channels >= 3 ? samples[in + 1] : blue;
            byte red = channels >= 3 ? samples[in + 2] : blue;
            int alpha = channels == 4 ? samples[in + 3] & 0xff : transparent.length > 0 && transparent[in] ? 0 : 255;
            rgb[out] = overWhite(red, alpha);
            rgb[out + 1] = overWhite(green, alpha);
            rgb[out + 2] = overWhite(blue, alpha);
        }
        return new RgbImage(decoded.cols(), decoded.rows(), rgb);
    }

    private static byte overWhite(int sample, int alpha) {
        if (alpha == 255) {
            return (byte) sample;
        }
        return (byte) (((sample & 0xff) * alpha + 255 * (255 - alpha) + 127) / 255);
    }

    private RgbImage decodeByImageIo(String file, byte[] data, ImageHeader header) {
        javax.imageio.ImageReader decoder = header.format() == Format.WEBP
                ? new WebPImageReaderSpi().createReaderInstance(null)
                : ImageIO.getImageReadersByFormatName(header.format().name()).next();
        try (ImageInputStream in = new FiniteStream(data)) {
            decoder.setInput(in);
            requireBelowCap(file, decoder.getWidth(0), decoder.getHeight(0));
            BufferedImage frame = decoder.read(0);
            if (header.format() == Format.GIF) {
                IIOMetadataNode image =
                        (IIOMetadataNode) decoder.getImageMetadata(0).getAsTree("javax_imageio_gif_image_1.0");
                IIOMetadataNode place = (IIOMetadataNode)
                        image.getElementsByTagName("ImageDescriptor").item(0);
                return onWhite(
                        frame,
                        Integer.parseInt(place.getAttribute("imageLeftPosition")),
                        Integer.parseInt(place.getAttribute("imageTopPosition")),
                        header);
            }
            return onWhite(frame, 0, 0, header);
        } catch (DataException e) {
            throw e;
        } catch (IOException | RuntimeException e) {
            // these decoders answer some damaged files with index errors
            throw undecodable(file, header.format(), e);
        } finally {
            decoder.dispose();
        }
    }

    private static RgbImage onWhite(BufferedImage frame, int left, int top, ImageHeader canvas) {
        byte[] rgb = new byte[3 * canvas.width() * canvas.height()];
        Arrays.fill(rgb, (byte) 255);
        // getRGB would push gray through a gamma curve and colors through an embedded profile
        boolean plain = frame.getColorModel() instanceof ComponentColorModel
                && frame.getSampleModel().getSampleSize(0) == 8;
        int channels = frame.getSampleModel().getNumBands();
        int[] samples = new int[channels];
        for (int y = 0; y < Math.min(frame.getHeight(), canvas.height() - top); y++) {
            for (int x = 0; x < Math.min(frame.getWidth(), canvas.width() - left); x++) {
                int red;
                int green;
                int blue;
                int alpha;
                if (plain) {
                    frame.getRaster().getPixel(x, y, samples);
                    red = samples[0];
                    green = samples[channels >= 3 ? 1 : 0];
                    blue = samples[channels >= 3 ? 2 : 0];
                    alpha = channels % 2 == 0 ? samples[channels - 1] : 255;
                } else {
                    int argb = frame.getRGB(x, y);
                    red = argb >> 16 & 0xff;
                    green = argb >> 8 & 0xff;
                    blue = argb & 0xff;
                    alpha = argb >>> 24;
                }
                int out = 3 * ((top + y) * canvas.width() + left + x);
                rgb[out] = overWhite(red, alpha);
                rgb[out + 1] = overWhite(green, alpha);
                rgb[out + 2] = overWhite(blue, alpha);
            }
        }
        return new RgbImage(canvas.width(), canvas.height(), rgb);
    }

    private static RgbImage upright(RgbImage image, int orientation) {
        if (orientation == 1) {
            return image;
        }
        boolean swap = orientation >= 5;
        int width = swap ? image.height() : image.width();
        int height = swap ? image.width() : image.height();
        byte[] from = image.rgb();
        byte[] to = new byte[from.length];
        for (int y = 0, out = 0; y < height; y++) {
            for (int x = 0; x < width; x++, out += 3) {
                int mirroredX = width - 1 - x;
                int mirroredY = height - 1 - y;
                int fromX = switch (orientation) {
                    case 2, 3 -> mirroredX;
                    case 5, 6 -> y;
                    case 7, 8 -> mirroredY;
                    default -> x;
                };
                int fromY = switch (orientation) {
                    case 3, 4 -> mirroredY;
                    case 5, 8 -> x;
                    case 6, 7 -> mirroredX;
                    default -> y;
                };
                System.arraycopy(from, (fromY * image.width() + fromX) * 3, to, out, 3);
            }
        }
        return new RgbImage(width, height, to);
    }

    /**
     * A file whose end is final. The WebP decoder takes missing bits for zeros, and a few damaged bytes can make it ask
     * for minutes.
     */
    private static final class FiniteStream extends MemoryCacheImageInputStream {

        private static final int PATIENCE = 64;

        private int readsPastEnd;

        FiniteStream(byte[] data) {
            super(new ByteArrayInputStream(data));
        }

        @Override
        public int read() throws IOException {
            return checked(super.read());
        }

        @Override
        public int read(byte[] bytes, int offset, int length) throws IOException {
            return checked(super.read(bytes, offset, length));
        }

        private int checked(int result) {
            if (result < 0 && ++readsPastEnd > PATIENCE) {
                throw new UncheckedIOException(new EOFException("the data ends too early"));
            }
            return result;
        }
    }
}
