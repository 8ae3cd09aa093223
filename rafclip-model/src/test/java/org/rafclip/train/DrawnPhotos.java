package org.rafclip.train;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import javax.imageio.ImageIO;

/**
 * Drawn garments in the layout of DeepFashion's fine annotations. Each group's class can be seen: texture is the fill's
 * pattern, sleeve and dress length are sizes, neckline, fabric and fit are marks of their own.
 */
public final class DrawnPhotos {

    private static final int[] CLASSES = {7, 3, 3, 4, 6, 3};
    private static final List<Color> COLORS =
            List.of(Color.RED, Color.ORANGE, Color.YELLOW, Color.GREEN, Color.CYAN, Color.BLUE, Color.BLACK);

    private DrawnPhotos() {}

    /** Writes {@code count} photos and their annotations; the same seed draws the same. */
    public static void write(Path dir, String split, int count, long seed) throws IOException {
        Path annotations = Files.createDirectories(dir.resolve("Anno_fine"));
        Files.createDirectories(dir.resolve("img"));
        SplittableRandom random = new SplittableRandom(seed);
        List<String> images = new ArrayList<>();
        List<String> boxes = new ArrayList<>();
        List<String> attributes = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int[] classes = new int[CLASSES.length];
            StringBuilder line = new StringBuilder();
            for (int g = 0; g < classes.length; g++) {
                classes[g] = random.nextInt(CLASSES[g]);
                line.append(g == 0 ? "" : " ").append(classes[g]);
            }
            int left = 6 + random.nextInt(5);
            int top = 6 + random.nextInt(5);
            int height = 28 + 8 * classes[2];
            String image = "img/" + split + "-" + i + ".png";
            BufferedImage photo = draw(classes, left, top, height, random);
            ImageIO.write(photo, "png", dir.resolve(image).toFile());
            images.add(image);
            boxes.add(left + " " + top + " " + (left + 39) + " " + (top + height - 1));
            attributes.add(line.toString());
        }
        Files.write(annotations.resolve(split + ".txt"), images);
        Files.write(annotations.resolve(split + "_bbox.txt"), boxes);
        Files.write(annotations.resolve(split + "_attr.txt"), attributes);
    }

    private static BufferedImage draw(int[] classes, int left, int top, int height, SplittableRandom random) {
        BufferedImage photo = new BufferedImage(60, 64, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = photo.createGraphics();
        graphics.setColor(new Color(220 + random.nextInt(20), 225, 230));
        graphics.fillRect(0, 0, 60, 64);
        graphics.setColor(COLORS.get(random.nextInt(COLORS.size())));
        int trim = 3 * classes[5];
        graphics.fillRect(left + 8 + trim, top, 24 - 2 * trim, height);
        graphics.fillRect(left, top, 40, 4 + 6 * classes[1]);
        graphics.setColor(Color.WHITE);
        for (int stripe = 0; stripe < classes[0]; stripe++) {
            graphics.fillRect(left + 12, top + 8 + 4 * stripe, 16, 1);
        }
        graphics.fillOval(left + 16, top - classes[3], 8, 2 * classes[3]);
        graphics.setColor(new Color(40 * classes[4], 120, 255 - 40 * classes[4]));
        graphics.fillRect(left + 18, top + height - 6, 4, 4);
        graphics.dispose();
        return photo;
    }
}
