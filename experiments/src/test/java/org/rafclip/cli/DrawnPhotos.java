package org.rafclip.cli;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import javax.imageio.ImageIO;

/** Small data sets in the layouts of the real ones: 64x64 photos of one drawn garment before a wall. */
final class DrawnPhotos {

    private static final int SIDE = 64;
    private static final List<Color> COLORS = List.of(Color.RED, Color.GREEN, Color.BLUE, Color.BLACK, Color.ORANGE);

    private DrawnPhotos() {}

    /**
     * A split of DeepFashion's fine annotations. Stripes are texture 2, plain cloth is texture 5; wide garments have long
     * sleeves; the other labels are drawn.
     *
     * @param seed other photos for another one
     */
    static void deepFashion(Path dir, String split, int count, long seed) throws IOException {
        Path annotations = Files.createDirectories(dir.resolve("Anno_fine"));
        Files.createDirectories(dir.resolve("img"));
        Random random = new Random(seed);
        List<String> images = new ArrayList<>();
        List<String> boxes = new ArrayList<>();
        List<String> attributes = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            boolean striped = random.nextBoolean();
            boolean wide = random.nextBoolean();
            int width = wide ? 44 : 24;
            int height = 36 + random.nextInt(12);
            int x = (SIDE - width) / 2;
            int y = 6 + random.nextInt(8);
            Color color = COLORS.get(random.nextInt(COLORS.size()));
            String image = "img/" + split + "-" + i + ".jpg";
            draw(dir.resolve(image), "jpg", new Color(225 + random.nextInt(30), 230, 235), graphics -> {
                graphics.setColor(color);
                graphics.fillRect(x, y, width, height);
                graphics.setColor(Color.WHITE);
                for (int row = 0; striped && row < height; row += 6) {
                    graphics.fillRect(x, y + row, width, 2);
                }
            });
            images.add(image);
            boxes.add((x + 1) + " " + (y + 1) + " " + (x + width) + " " + (y + height));
            attributes.add((striped ? 2 : 5) + " " + (wide ? 0 : 2) + " " + random.nextInt(3) + " " + random.nextInt(4)
                    + " " + random.nextInt(6) + " " + random.nextInt(3));
        }
        Files.write(annotations.resolve(split + ".txt"), images);
        Files.write(annotations.resolve(split + "_bbox.txt"), boxes);
        Files.write(annotations.resolve(split + "_attr.txt"), attributes);
    }

    /** Sets the labels of a split to 0 in all groups but the first two, so that many photos have the same. */
    static void keepTwoGroups(Path dir, String split) throws IOException {
        Path labels = dir.resolve("Anno_fine").resolve(split + "_attr.txt");
        Files.write(
                labels,
                Files.readAllLines(labels).stream()
                        .map(line -> line.substring(0, 3) + " 0 0 0 0")
                        .toList());
    }

    /** Co-parsing photos: a dress that fills its box, and a top that is half of it. */
    static void coParsing(Path dir, int count) throws IOException {
        Files.createDirectories(dir.resolve("photos"));
        Files.createDirectories(dir.resolve("masks"));
        Files.write(dir.resolve("labels.txt"), List.of("0 null", "1 dress", "2 top"));
        for (int i = 0; i < count; i++) {
            boolean dress = i % 2 == 0;
            draw(dir.resolve("photos/%04d.jpg".formatted(i)), "jpg", Color.LIGHT_GRAY, graphics -> {
                graphics.setColor(dress ? Color.RED : Color.BLUE);
                shape(graphics, dress);
            });
            BufferedImage mask = new BufferedImage(SIDE, SIDE, BufferedImage.TYPE_BYTE_GRAY);
            for (int y = 8; y < 56; y++) {
                for (int x = 8; x < 56; x++) {
                    boolean inside = dress || x < 32 || y < 32;
                    mask.getRaster().setSample(x, y, 0, !inside ? 0 : dress ? 1 : 2);
                }
            }
            ImageIO.write(
                    mask, "png", dir.resolve("masks/%04d.png".formatted(i)).toFile());
        }
    }

    private static void shape(Graphics2D graphics, boolean dress) {
        graphics.fillRect(8, 8, 48, 24);
        graphics.fillRect(8, 32, dress ? 48 : 24, 24);
    }

    private static void draw(Path file, String format, Color wall, Consumer<Graphics2D> garment) throws IOException {
        BufferedImage photo = new BufferedImage(SIDE, SIDE, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = photo.createGraphics();
        graphics.setColor(wall);
        graphics.fillRect(0, 0, SIDE, SIDE);
        garment.accept(graphics);
        graphics.dispose();
        ImageIO.write(photo, format, file.toFile());
    }
}
