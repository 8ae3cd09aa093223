package org.rafclip.search.serve;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import javax.imageio.ImageIO;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.ImageReader;
import org.rafclip.ops.JavaOps;
import org.rafclip.search.FakeIndex;
import org.rafclip.search.Pictures;
import org.rafclip.search.Vectors;
import org.rafclip.search.WordVectors;
import org.rafclip.search.index.Entry;
import org.rafclip.search.index.PhotoIndex;

/** An index of plain photos in three colors and two categories, some of which have ids that look like something else. */
final class Shop {

    static final List<String> STRANGE_IDS = List.of(
            "../../etc/passwd",
            "a b/ü%2f.jpg",
            "what?#;x=1",
            "..",
            "upload:of mine",
            "<script>",
            "a//b",
            "back\\slash");

    private static final List<String> COLORS = List.of("red", "green", "blue");
    private static final List<Color> PAINTS = List.of(Color.RED, Color.GREEN, Color.BLUE);
    private static final List<String> CATEGORIES = List.of("dress", "shirt");

    private Shop() {}

    static PhotoIndex in(Path dir, int count) throws IOException {
        JavaOps.install();
        Path root = Files.createDirectories(dir.resolve("photos"));
        List<Entry> entries = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String color = COLORS.get(i % 3);
            String category = CATEGORIES.get(i / 3 % 2);
            Files.write(root.resolve(i + ".png"), picture(60 + i % 7, 80, PAINTS.get(i % 3), "png"));
            entries.add(new Entry(
                    i < STRANGE_IDS.size() ? STRANGE_IDS.get(i) : "img/" + i + ".jpg",
                    i + ".png",
                    "sha" + i,
                    i % 2 == 0 ? Optional.empty() : Optional.of(new Box(5, 6, 40, 70)),
                    Map.of(Entry.COLOR, List.of(color), Entry.CATEGORY, List.of(category)),
                    Vectors.unit(WordVectors.of(color + " " + category + " " + i)),
                    i == 1 ? new byte[0] : Pictures.jpeg(new ImageReader().read(root.resolve(i + ".png")), 32)));
        }
        return FakeIndex.of(dir.resolve("index"), root, WordVectors.WIDTH, entries);
    }

    static byte[] picture(int width, int height, Color color, String format) throws IOException {
        BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = image.createGraphics();
        graphics.setColor(color);
        graphics.fillRect(0, 0, width, height);
        graphics.dispose();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ImageIO.write(image, format, bytes);
        return bytes.toByteArray();
    }
}
