package org.rafclip.report;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.stream.MemoryCacheImageOutputStream;
import org.rafclip.data.DataException;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.ImageReader;
import org.rafclip.data.image.RgbImage;
import org.rafclip.io.Sha256;
import org.rafclip.measure.Figure;

/** The photos of one page, made small: each is read and encoded once, and those that cannot be shown are remembered. */
final class Photos {

    /** Around a garment's box, where nothing else is laid over it. */
    static final double MARGIN = 0.08;

    private static final int SIDE = 260;
    private static final float QUALITY = 0.82f;
    private static final Color HEAT = new Color(0xff, 0x8c, 0x1a);

    private final ImageReader reader = new ImageReader();
    private final Map<String, Optional<PageImage>> pictures = new HashMap<>();
    private final Map<String, String> problems = new LinkedHashMap<>();

    /** What went wrong, one line a photo, in the order of their first use. */
    List<String> problems() {
        return List.copyOf(problems.values());
    }

    /**
     * A photo, or the part of it in a box.
     *
     * @param box null for the whole photo
     * @param margin around the box, as a share of its sides
     * @return empty if it cannot be read; {@link #problems} says why
     */
    Optional<PageImage> photo(Path file, Box box, double margin) {
        return pictures.computeIfAbsent(
                file + " " + box + " " + margin,
                key -> read(file).map(image -> encoded(small(part(image, box, margin)))));
    }

    /**
     * The part of a photo in a box under weights: what gets little of them is darkened, the rest is tinted.
     *
     * @param box null for the whole photo
     */
    Optional<PageImage> overlaid(Path file, Box box, Figure.Attention attention) {
        String key = file + " " + box + " " + attention;
        return pictures.computeIfAbsent(
                key, fresh -> read(file).map(image -> encoded(overlay(small(part(image, box, 0)), attention))));
    }

    private Optional<BufferedImage> read(Path file) {
        try {
            return Optional.of(image(reader.read(file)));
        } catch (DataException e) {
            problems.put(file.toString(), e.getMessage());
            return Optional.empty();
        }
    }

    private static BufferedImage image(RgbImage rgb) {
        BufferedImage image = new BufferedImage(rgb.width(), rgb.height(), BufferedImage.TYPE_INT_RGB);
        for (int y = 0; y < rgb.height(); y++) {
            for (int x = 0; x < rgb.width(); x++) {
                image.setRGB(x, y, rgb.get(x, y, 0) << 16 | rgb.get(x, y, 1) << 8 | rgb.get(x, y, 2));
            }
        }
        return image;
    }

    private static BufferedImage part(BufferedImage image, Box box, double margin) {
        if (box == null) {
            return image;
        }
        int dx = (int) Math.round(box.width() * margin);
        int dy = (int) Math.round(box.height() * margin);
        Box wider = new Box(box.x1() - dx, box.y1() - dy, box.x2() + dx, box.y2() + dy)
                .clip(image.getWidth(), image.getHeight());
        return wider.width() < 1 || wider.height() < 1
                ? image
                : image.getSubimage(wider.x1(), wider.y1(), wider.width(), wider.height());
    }

    /** Halved until the last step is small, so that nothing is skipped. */
    private static BufferedImage small(BufferedImage image) {
        double scale = Math.min(1, (double) SIDE / Math.max(image.getWidth(), image.getHeight()));
        int width = Math.max(1, (int) Math.round(image.getWidth() * scale));
        int height = Math.max(1, (int) Math.round(image.getHeight() * scale));
        BufferedImage now = image;
        while (now.getWidth() >= 2 * width && now.getHeight() >= 2 * height) {
            now = scaled(now, now.getWidth() / 2, now.getHeight() / 2);
        }
        return scaled(now, width, height);
    }

    private static BufferedImage scaled(BufferedImage image, int width, int height) {
        BufferedImage scaled = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = scaled.createGraphics();
        graphics.setRenderingHint(RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_BILINEAR);
        graphics.drawImage(image, 0, 0, width, height, null);
        graphics.dispose();
        return scaled;
    }

    private static BufferedImage overlay(BufferedImage photo, Figure.Attention attention) {
        double most = attention.weights().stream()
                .mapToDouble(Double::doubleValue)
                .max()
                .orElse(1);
        for (int y = 0; y < photo.getHeight(); y++) {
            int row = y * attention.rows() / photo.getHeight();
            for (int x = 0; x < photo.getWidth(); x++) {
                int column = x * attention.columns() / photo.getWidth();
                double strength = attention.weights().get(row * attention.columns() + column) / most;
                photo.setRGB(x, y, lit(photo.getRGB(x, y), strength));
            }
        }
        return photo;
    }

    private static int lit(int rgb, double strength) {
        int result = 0;
        int[] heat = {HEAT.getRed(), HEAT.getGreen(), HEAT.getBlue()};
        for (int channel = 0; channel < 3; channel++) {
            int shift = 16 - 8 * channel;
            double value = (rgb >> shift & 0xff) * (0.3 + 0.7 * strength);
            double tint = 0.4 * strength;
            result |= (int) Math.round(value * (1 - tint) + heat[channel] * tint) << shift;
        }
        return result;
    }

    /** Named by its content, so that a photo's name does not depend on where it lies. */
    private static PageImage encoded(BufferedImage image) {
        byte[] bytes = jpeg(image);
        String name = "photo-" + Sha256.of(bytes).substring(0, 12) + ".jpg";
        return new PageImage(name, image.getWidth(), image.getHeight(), bytes);
    }

    private static byte[] jpeg(BufferedImage image) {
        ImageWriter writer = ImageIO.getImageWritersByFormatName("jpeg").next();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (MemoryCacheImageOutputStream out = new MemoryCacheImageOutputStream(bytes)) {
            ImageWriteParam settings = writer.getDefaultWriteParam();
            settings.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
            settings.setCompressionQuality(QUALITY);
            writer.setOutput(out);
            writer.write(null, new IIOImage(image, null, null), settings);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            writer.dispose();
        }
        return bytes.toByteArray();
    }

    static byte[] png(BufferedImage image) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try {
            ImageIO.write(image, "png", bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }
}
