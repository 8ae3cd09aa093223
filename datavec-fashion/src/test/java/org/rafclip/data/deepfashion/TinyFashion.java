package org.rafclip.data.deepfashion;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;

/** A data set in the layout of DeepFashion's fine annotations: garments of one color on light walls. */
public final class TinyFashion {

    public static final List<Color> COLORS = List.of(Color.RED, Color.GREEN, Color.BLUE, Color.BLACK);

    private TinyFashion() {}

    /** Garment {@code i} has color {@code i % 4} and, in every group, class {@code i % 3}. */
    public static void write(Path dir, String split, int count) throws IOException {
        Path annotations = Files.createDirectories(dir.resolve("Anno_fine"));
        Files.createDirectories(dir.resolve("img"));
        List<String> images = new ArrayList<>();
        List<String> boxes = new ArrayList<>();
        List<String> attributes = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int width = 40 + i % 7;
            int height = 50 + i % 5;
            BufferedImage photo = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
            Graphics2D graphics = photo.createGraphics();
            graphics.setColor(new Color(250 - i % 5, 240, 235));
            graphics.fillRect(0, 0, width, height);
            graphics.setColor(COLORS.get(i % COLORS.size()));
            graphics.fillRect(10, 12, 20, 30);
            graphics.setColor(new Color(i, split.length(), 0));
            graphics.fillRect(0, 0, 2, 2);
            graphics.dispose();
            String image = "img/" + split + i + ".png";
            ImageIO.write(photo, "png", dir.resolve(image).toFile());
            images.add(image);
            boxes.add("009 011 032 044");
            attributes.add((i % 3 + " ").repeat(6));
        }
        Files.write(annotations.resolve(split + ".txt"), images);
        Files.write(annotations.resolve(split + "_bbox.txt"), boxes);
        Files.write(annotations.resolve(split + "_attr.txt"), attributes);
    }
}
