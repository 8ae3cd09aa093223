package org.rafclip.cli;

import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import javax.imageio.ImageIO;
import org.rafclip.agcn.search.Hit;
import org.rafclip.agcn.search.Turn;
import org.rafclip.data.image.RgbImage;
import org.unbescape.html.HtmlEscape;

/** A dialog as one HTML file: every turn with its reference, what was said, and the answer in small pictures. */
final class SearchPage {

    private static final int HEIGHT = 160;

    private final Function<String, RgbImage> photos;
    private final Function<String, String> labels;
    private final Map<String, String> pictures = new HashMap<>();

    /**
     * @param photos by id
     * @param labels of an id in words, empty where there are none
     */
    SearchPage(Function<String, RgbImage> photos, Function<String, String> labels) {
        this.photos = photos;
        this.labels = labels;
    }

    String html(String title, List<Turn> turns) {
        StringBuilder html = new StringBuilder("""
                <!DOCTYPE html>
                <html lang="en">
                <head>
                <meta charset="utf-8">
                <title>%1$s</title>
                <style>
                body { font: 15px sans-serif; margin: 2em; color: #222; }
                .turn { display: flex; flex-wrap: wrap; gap: 12px; margin-bottom: 2em; }
                figure { margin: 0; max-width: 180px; padding: 6px; }
                .reference { background: #eee; }
                .chosen { outline: 3px solid #2a7; }
                figcaption { font-size: 12px; overflow-wrap: anywhere; }
                </style>
                </head>
                <body>
                <h1>%1$s</h1>
                """.formatted(escaped(title)));
        for (int i = 0; i < turns.size(); i++) {
            Turn turn = turns.get(i);
            html.append("<h2>").append(i + 1).append(". “").append(escaped(turn.text()));
            html.append("”</h2>\n<div class=\"turn\">\n");
            turn.reference().ifPresent(id -> figure(html, "reference", id, "reference: " + id));
            for (int rank = 1; rank <= turn.hits().size(); rank++) {
                Hit hit = turn.hits().get(rank - 1);
                boolean chosen = turn.chosen().filter(hit::equals).isPresent();
                figure(
                        html,
                        chosen ? "hit chosen" : "hit",
                        hit.id(),
                        String.format(Locale.ROOT, "%d. %s, %.3f", rank, hit.id(), hit.score()));
            }
            html.append("</div>\n");
        }
        return html.append("</body>\n</html>\n").toString();
    }

    private void figure(StringBuilder html, String kind, String id, String caption) {
        html.append("<figure class=\"").append(kind).append("\"><img alt=\"\" src=\"");
        html.append(pictures.computeIfAbsent(id, this::picture)).append("\"><figcaption>");
        html.append(escaped(caption)).append("<br>").append(escaped(labels.apply(id)));
        html.append("</figcaption></figure>\n");
    }

    private static String escaped(String text) {
        return HtmlEscape.escapeHtml5Xml(text);
    }

    private String picture(String id) {
        RgbImage photo = photos.apply(id);
        BufferedImage whole = new BufferedImage(photo.width(), photo.height(), BufferedImage.TYPE_INT_RGB);
        for (int y = 0; y < photo.height(); y++) {
            for (int x = 0; x < photo.width(); x++) {
                whole.setRGB(x, y, photo.get(x, y, 0) << 16 | photo.get(x, y, 1) << 8 | photo.get(x, y, 2));
            }
        }
        int height = Math.min(HEIGHT, photo.height());
        int width = Math.max(1, (int) ((long) photo.width() * height / photo.height()));
        BufferedImage small = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = small.createGraphics();
        graphics.setRenderingHint(RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_BICUBIC);
        graphics.drawImage(whole, 0, 0, width, height, null);
        graphics.dispose();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try {
            ImageIO.write(small, "jpg", bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return "data:image/jpeg;base64," + Base64.getEncoder().encodeToString(bytes.toByteArray());
    }
}
