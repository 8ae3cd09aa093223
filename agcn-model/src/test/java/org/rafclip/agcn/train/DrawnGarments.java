package org.rafclip.agcn.train;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;

/**
 * Photos in the layout of DeepFashion's fine annotations whose first two groups can be seen: texture is a color, sleeve
 * length a width. The other labels are all 0, so that each photo has many targets.
 */
final class DrawnGarments {

    private static final int SIDE = 40;
    private static final Color[] TEXTURES = {Color.RED, Color.GREEN, Color.BLUE};

    private DrawnGarments() {}

    static void write(Path dir, String split, int count) throws IOException {
        write(dir, split, 0, count);
    }

    /** @param first of the numbers that garments are drawn from: other numbers give other photos */
    static void write(Path dir, String split, int first, int count) throws IOException {
        Path annotations = Files.createDirectories(dir.resolve("Anno_fine"));
        Files.createDirectories(dir.resolve("img"));
        List<String> images = new ArrayList<>();
        List<String> boxes = new ArrayList<>();
        List<String> labels = new ArrayList<>();
        for (int i = first; i < first + count; i++) {
            int texture = i % 3;
            int sleeve = i / 3 % 3;
            int width = 14 + 8 * sleeve;
            int left = 2 + i % 4;
            String image = "img/" + split + "-" + i + ".png";
            BufferedImage photo = new BufferedImage(SIDE, SIDE, BufferedImage.TYPE_INT_RGB);
            Graphics2D graphics = photo.createGraphics();
            graphics.setColor(new Color(200 + i % 50, 220, 230));
            graphics.fillRect(0, 0, SIDE, SIDE);
            graphics.setColor(TEXTURES[texture]);
            graphics.fillRect(left, 4, width, 30);
            graphics.dispose();
            ImageIO.write(photo, "png", dir.resolve(image).toFile());
            images.add(image);
            boxes.add("1 1 38 38");
            labels.add(texture + " " + sleeve + " 0 0 0 0");
        }
        Files.write(annotations.resolve(split + ".txt"), images);
        Files.write(annotations.resolve(split + "_bbox.txt"), boxes);
        Files.write(annotations.resolve(split + "_attr.txt"), labels);
    }
}
