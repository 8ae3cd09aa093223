package org.rafclip.search;

import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Base64;
import javax.imageio.ImageIO;
import javax.imageio.stream.ImageOutputStream;
import javax.imageio.stream.MemoryCacheImageOutputStream;
import org.rafclip.data.image.RgbImage;

/** Photos made small for people to look at. */
public final class Pictures {

    private Pictures() {}

    /**
     * A JPEG of a photo.
     *
     * @param side pixels of its longer side at most; smaller photos stay as they are
     */
    public static byte[] jpeg(RgbImage photo, int side) {
        BufferedImage picture = new BufferedImage(photo.width(), photo.height(), BufferedImage.TYPE_INT_RGB);
        int[] row = new int[photo.width()];
        for (int y = 0; y < photo.height(); y++) {
            for (int x = 0; x < row.length; x++) {
                row[x] = photo.get(x, y, 0) << 16 | photo.get(x, y, 1) << 8 | photo.get(x, y, 2);
            }
            picture.setRGB(0, y, row.length, 1, row, 0, row.length);
        }
        while (Math.max(picture.getWidth(), picture.getHeight()) > side) {
            // by halves: in one step the interpolation would look at some of the pixels only
            int longer = Math.max(side, (Math.max(picture.getWidth(), picture.getHeight()) + 1) / 2);
            picture = resized(picture, longer);
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        // in memory: by itself ImageIO would put every picture through a temporary file
        try (ImageOutputStream out = new MemoryCacheImageOutputStream(bytes)) {
            ImageIO.write(picture, "jpg", out);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    private static BufferedImage resized(BufferedImage picture, int longer) {
        double scale = (double) longer / Math.max(picture.getWidth(), picture.getHeight());
        int width = Math.max(1, (int) Math.round(picture.getWidth() * scale));
        int height = Math.max(1, (int) Math.round(picture.getHeight() * scale));
        BufferedImage small = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = small.createGraphics();
        graphics.setRenderingHint(RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_BILINEAR);
        graphics.drawImage(picture, 0, 0, width, height, null);
        graphics.dispose();
        return small;
    }

    /** {@link #jpeg} as an address that a page carries in itself. */
    public static String dataUri(RgbImage photo, int side) {
        return "data:image/jpeg;base64," + Base64.getEncoder().encodeToString(jpeg(photo, side));
    }
}
