package org.rafclip.data;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;

/**
 * Small data sets for the tests of all modules, in the layouts of the real ones: photos of one drawn garment before a
 * light wall. What can be seen of the labels differs; the same arguments draw the same.
 */
public final class DrawnPhotos {

    /** The colors of {@link #plain}. */
    public static final List<Color> PLAIN_COLORS = List.of(Color.RED, Color.GREEN, Color.BLUE, Color.BLACK);

    private static final List<Color> STRIPED_COLORS =
            List.of(Color.RED, Color.GREEN, Color.BLUE, Color.BLACK, Color.ORANGE);
    private static final List<Color> TEXTURES = List.of(Color.RED, Color.GREEN, Color.BLUE);
    private static final List<Color> COLORS =
            List.of(Color.RED, Color.ORANGE, Color.YELLOW, Color.GREEN, Color.CYAN, Color.BLUE, Color.BLACK);
    private static final int[] CLASSES = {7, 3, 3, 4, 6, 3};

    private DrawnPhotos() {}

    /**
     * A line of a split.
     *
     * @param name of the file in {@code img}, its extension included
     * @param box as the annotations write it
     * @param labels as the annotations write them
     */
    private record Photo(String name, BufferedImage image, String box, String labels) {}

    /** Garments of one color, {@code i % 4} of {@link #PLAIN_COLORS}, of class {@code i % 3} in every group. */
    public static void plain(Path dir, String split, int count) throws IOException {
        write(dir, split, 0, count, i -> {
            BufferedImage image = paint(40 + i % 7, 50 + i % 5, new Color(250 - i % 5, 240, 235), graphics -> {
                graphics.setColor(PLAIN_COLORS.get(i % PLAIN_COLORS.size()));
                graphics.fillRect(10, 12, 20, 30);
                graphics.setColor(new Color(i, split.length(), 0));
                graphics.fillRect(0, 0, 2, 2);
            });
            return new Photo(split + i + ".png", image, "009 011 032 044", (i % 3 + " ").repeat(6));
        });
    }

    /**
     * Garments whose first two groups can be seen: texture is a color, sleeve length a width. The other labels are all 0,
     * so that each photo has many targets.
     *
     * @param first of the numbers that garments are drawn from: other numbers give other photos
     */
    public static void twoGroups(Path dir, String split, int first, int count) throws IOException {
        write(dir, split, first, count, i -> {
            int texture = i % 3;
            int sleeve = i / 3 % 3;
            BufferedImage image = paint(40, 40, new Color(200 + i % 50, 220, 230), graphics -> {
                graphics.setColor(TEXTURES.get(texture));
                graphics.fillRect(2 + i % 4, 4, 14 + 8 * sleeve, 30);
            });
            return new Photo(split + "-" + i + ".png", image, "1 1 38 38", texture + " " + sleeve + " 0 0 0 0");
        });
    }

    /**
     * Striped and plain garments, as JPEG: stripes are texture 2, plain cloth is texture 5; wide garments have long
     * sleeves; the other labels are drawn and cannot be seen.
     */
    public static void striped(Path dir, String split, int count, long seed) throws IOException {
        Random random = new Random(seed);
        write(dir, split, 0, count, i -> {
            boolean striped = random.nextBoolean();
            boolean wide = random.nextBoolean();
            int width = wide ? 44 : 24;
            int height = 36 + random.nextInt(12);
            int x = (64 - width) / 2;
            int y = 6 + random.nextInt(8);
            Color color = STRIPED_COLORS.get(random.nextInt(STRIPED_COLORS.size()));
            BufferedImage image = paint(64, 64, new Color(225 + random.nextInt(30), 230, 235), graphics -> {
                graphics.setColor(color);
                graphics.fillRect(x, y, width, height);
                graphics.setColor(Color.WHITE);
                for (int row = 0; striped && row < height; row += 6) {
                    graphics.fillRect(x, y + row, width, 2);
                }
            });
            return new Photo(
                    split + "-" + i + ".jpg",
                    image,
                    (x + 1) + " " + (y + 1) + " " + (x + width) + " " + (y + height),
                    (striped ? 2 : 5) + " " + (wide ? 0 : 2) + " " + random.nextInt(3) + " " + random.nextInt(4) + " "
                            + random.nextInt(6) + " " + random.nextInt(3));
        });
    }

    /** Sets the labels of a split to 0 in all groups but the first two, so that many photos have the same. */
    public static void keepTwoGroups(Path dir, String split) throws IOException {
        Path labels = dir.resolve("Anno_fine").resolve(split + "_attr.txt");
        Files.write(
                labels,
                Files.readAllLines(labels).stream()
                        .map(line -> line.substring(0, 3) + " 0 0 0 0")
                        .toList());
    }

    /**
     * Garments of which each group's class can be seen: texture is the fill's pattern, sleeve and dress length are sizes,
     * neckline, fabric and fit are marks of their own.
     */
    public static void everyGroup(Path dir, String split, int count, long seed) throws IOException {
        SplittableRandom random = new SplittableRandom(seed);
        write(dir, split, 0, count, i -> {
            int[] classes = new int[CLASSES.length];
            StringBuilder labels = new StringBuilder();
            for (int g = 0; g < classes.length; g++) {
                classes[g] = random.nextInt(CLASSES[g]);
                labels.append(g == 0 ? "" : " ").append(classes[g]);
            }
            int left = 6 + random.nextInt(5);
            int top = 6 + random.nextInt(5);
            int height = 28 + 8 * classes[2];
            Color wall = new Color(220 + random.nextInt(20), 225, 230);
            Color color = COLORS.get(random.nextInt(COLORS.size()));
            BufferedImage image =
                    paint(60, 64, wall, graphics -> everyGroup(graphics, color, classes, left, top, height));
            return new Photo(
                    split + "-" + i + ".png",
                    image,
                    left + " " + top + " " + (left + 39) + " " + (top + height - 1),
                    labels.toString());
        });
    }

    private static void everyGroup(Graphics2D graphics, Color color, int[] classes, int left, int top, int height) {
        graphics.setColor(color);
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
    }

    /** Co-parsing photos: a dress that fills its box, and a top that is half of it. */
    public static void coParsing(Path dir, int count) throws IOException {
        Files.createDirectories(dir.resolve("photos"));
        Files.createDirectories(dir.resolve("masks"));
        Files.write(dir.resolve("labels.txt"), List.of("0 null", "1 dress", "2 top"));
        for (int i = 0; i < count; i++) {
            boolean dress = i % 2 == 0;
            BufferedImage photo = paint(64, 64, Color.LIGHT_GRAY, graphics -> {
                graphics.setColor(dress ? Color.RED : Color.BLUE);
                graphics.fillRect(8, 8, 48, 24);
                graphics.fillRect(8, 32, dress ? 48 : 24, 24);
            });
            BufferedImage mask = new BufferedImage(64, 64, BufferedImage.TYPE_BYTE_GRAY);
            for (int y = 8; y < 56; y++) {
                for (int x = 8; x < 56; x++) {
                    boolean inside = dress || x < 32 || y < 32;
                    mask.getRaster().setSample(x, y, 0, !inside ? 0 : dress ? 1 : 2);
                }
            }
            save(photo, dir.resolve("photos/%04d.jpg".formatted(i)));
            save(mask, dir.resolve("masks/%04d.png".formatted(i)));
        }
    }

    /** A split of DeepFashion's fine annotations. */
    private static void write(Path dir, String split, int first, int count, IntFunction<Photo> garment)
            throws IOException {
        Path annotations = Files.createDirectories(dir.resolve("Anno_fine"));
        Files.createDirectories(dir.resolve("img"));
        List<Photo> photos =
                IntStream.range(first, first + count).mapToObj(garment).toList();
        List<String> images = new ArrayList<>();
        for (Photo photo : photos) {
            save(photo.image(), dir.resolve("img").resolve(photo.name()));
            images.add("img/" + photo.name());
        }
        Files.write(annotations.resolve(split + ".txt"), images);
        Files.write(
                annotations.resolve(split + "_bbox.txt"),
                photos.stream().map(Photo::box).toList());
        Files.write(
                annotations.resolve(split + "_attr.txt"),
                photos.stream().map(Photo::labels).toList());
    }

    private static BufferedImage paint(int width, int height, Color wall, Consumer<Graphics2D> garment) {
        BufferedImage photo = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = photo.createGraphics();
        graphics.setColor(wall);
        graphics.fillRect(0, 0, width, height);
        garment.accept(graphics);
        graphics.dispose();
        return photo;
    }

    private static void save(BufferedImage image, Path file) throws IOException {
        String name = file.toString();
        ImageIO.write(image, name.substring(name.lastIndexOf('.') + 1), file.toFile());
    }
}
