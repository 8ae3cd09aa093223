package org.rafclip.search.query;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import javax.imageio.ImageIO;
import org.rafclip.data.image.Box;
import org.rafclip.ops.JavaOps;
import org.rafclip.search.FakeIndex;
import org.rafclip.search.FakeModel;
import org.rafclip.search.Photo;
import org.rafclip.search.index.Entry;
import org.rafclip.search.index.PhotoIndex;

/**
 * Five garments on the plane: a (1, 0), b (0, 1), c and d (0.6, 0.8), e (−1, 0). A photo is as much to the right as it is
 * red, and as much up as it is blue. The left half of c's photo is red, its right half, and box, blue.
 */
final class Plane {

    private static final Map<String, float[]> TEXTS = Map.of(
            "up", new float[] {0, 1},
            "left", new float[] {-1, 0},
            "right", new float[] {2, 0},
            "red dresses", new float[] {1, 0});

    private Plane() {}

    static Searcher in(Path dir, Optional<String> composer) throws IOException {
        return new Searcher(model(composer), index(dir));
    }

    static FakeModel model(Optional<String> composer) {
        return new FakeModel(2, TEXTS::get, Plane::vector, composer);
    }

    private static float[] vector(Photo photo) {
        double[] mean = FakeModel.mean(photo);
        return new float[] {(float) mean[0], (float) mean[2]};
    }

    static PhotoIndex index(Path dir) throws IOException {
        JavaOps.install();
        Path root = Files.createDirectories(dir.resolve("photos"));
        draw(root.resolve("a.png"), Color.RED, Color.RED);
        draw(root.resolve("b.png"), Color.BLUE, Color.BLUE);
        draw(root.resolve("c.png"), Color.RED, Color.BLUE);
        return FakeIndex.of(
                dir.resolve("index"),
                root,
                2,
                List.of(
                        entry("a", "a.png", Optional.empty(), 1, 0, "red", "dress"),
                        entry("b", "b.png", Optional.empty(), 0, 1, "blue", "dress"),
                        entry(
                                "c",
                                "c.png",
                                Optional.of(new Box(20, 0, 39, 29)),
                                0.6f,
                                0.8f,
                                "red",
                                "long sleeve dress"),
                        entry("d", "gone.png", Optional.empty(), 0.6f, 0.8f, "blue", "shirt"),
                        entry("e", "a.png", Optional.empty(), -1, 0, "red", "shirt")));
    }

    private static Entry entry(
            String id, String file, Optional<Box> box, float x, float y, String color, String category) {
        return new Entry(
                id,
                file,
                "sha-" + id,
                box,
                Map.of(Entry.COLOR, List.of(color), Entry.CATEGORY, List.of(category)),
                new float[] {x, y},
                new byte[] {1});
    }

    private static void draw(Path file, Color left, Color right) throws IOException {
        BufferedImage image = new BufferedImage(40, 30, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = image.createGraphics();
        graphics.setColor(left);
        graphics.fillRect(0, 0, 20, 30);
        graphics.setColor(right);
        graphics.fillRect(20, 0, 20, 30);
        graphics.dispose();
        ImageIO.write(image, "png", file.toFile());
    }
}
