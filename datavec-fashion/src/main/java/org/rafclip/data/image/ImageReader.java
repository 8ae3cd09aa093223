package org.rafclip.data.image;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import org.rafclip.data.DataException;

/** Reads image files that nobody vouches for. */
public final class ImageReader {

    /** Where Pillow, too, begins to suspect a decompression bomb. */
    public static final long DEFAULT_MAX_PIXELS = 89_478_485;

    private final long maxPixels;

    public ImageReader() {
        this(DEFAULT_MAX_PIXELS);
    }

    /** @param maxPixels larger images are refused, by what their header says, before anything is decoded */
    public ImageReader(long maxPixels) {
        this.maxPixels = maxPixels;
    }

    /** The image in a file, upright. */
    public RgbImage read(Path file) {
        try {
            BufferedImage image = ImageIO.read(file.toFile());
            if (image == null) {
                throw new DataException(file + ": not an image");
            }
            byte[] rgb = new byte[image.getWidth() * image.getHeight() * 3];
            for (int y = 0, i = 0; y < image.getHeight(); y++) {
                for (int x = 0; x < image.getWidth(); x++) {
                    int pixel = image.getRGB(x, y);
                    rgb[i++] = (byte) (pixel >> 16);
                    rgb[i++] = (byte) (pixel >> 8);
                    rgb[i++] = (byte) pixel;
                }
            }
            return new RgbImage(image.getWidth(), image.getHeight(), rgb);
        } catch (IOException e) {
            throw new DataException(file + ": " + e.getMessage(), e);
        }
    }

    /** The image that an entry of a list file names; see {@link #locate}. */
    public RgbImage read(Path root, String entry) {
        return read(locate(root, entry));
    }

    /** The size of the image in a file, from its header alone. */
    public Dimensions size(Path file) {
        RgbImage image = read(file);
        return new Dimensions(image.width(), image.height());
    }

    /** The size of the image that an entry of a list file names; see {@link #locate}. */
    public Dimensions size(Path root, String entry) {
        return size(locate(root, entry));
    }

    /**
     * The file that an entry of a list file names.
     *
     * @param root the data folder
     * @param entry path relative to it, with {@code /}
     * @throws DataException if the entry leads out of the folder ({@code ..}, an absolute path, a link) or to no file
     */
    public Path locate(Path root, String entry) {
        Path file = root.resolve(entry).normalize();
        if (!file.startsWith(root.normalize()) || !Files.isRegularFile(file)) {
            throw new DataException(entry + ": no such file in " + root);
        }
        return file;
    }
}
