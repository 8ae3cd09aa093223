package org.rafclip.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.rafclip.data.image.Mask;
import org.rafclip.data.image.RgbImage;
import org.rafclip.search.Photo;
import org.rafclip.search.Pictures;
import org.rafclip.search.Recognition;
import org.unbescape.html.HtmlEscape;

/** What a model saw on photos and answered, as one HTML file that needs no other. */
final class RecognitionPage {

    private static final int SIDE = 320;

    /** What is not the garment keeps this share of its brightness. */
    private static final double FADED = 0.25;

    private RecognitionPage() {}

    static String html(String model, List<RecogniseCommand.Seen> photos) {
        StringBuilder html = new StringBuilder("""
                <!DOCTYPE html>
                <html lang="en">
                <head>
                <meta charset="utf-8">
                <meta name="viewport" content="width=device-width, initial-scale=1">
                <title>Recognised by %1$s</title>
                <style>
                :root { color-scheme: light dark; }
                body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
                section { display: flex; flex-wrap: wrap; gap: 1.5rem; margin-bottom: 3rem; }
                h2 { width: 100%%; margin: 0; overflow-wrap: anywhere; }
                figure { margin: 0; }
                figcaption { max-width: 14rem; }
                img { min-width: 8rem; display: block; max-width: 100%%; max-height: 20rem; border-radius: 6px; }
                figcaption, .others { color: light-dark(#555, #aaa); font-size: .875rem; }
                table { border-collapse: collapse; flex: 1 1 24rem; align-self: start; }
                th { text-align: left; font-weight: 600; padding: .25rem 1rem .25rem 0; vertical-align: top; }
                td { padding: .25rem 0; }
                meter { width: 8rem; vertical-align: middle; margin-right: .5rem; }
                </style>
                </head>
                <body>
                <h1>Recognised by %1$s</h1>
                """.formatted(escaped(model)));
        for (RecogniseCommand.Seen photo : photos) {
            section(html, photo);
        }
        return html.append("</body>\n</html>\n").toString();
    }

    private static void section(StringBuilder html, RecogniseCommand.Seen photo) {
        Recognition seen = photo.recognition();
        html.append("<section>\n<h2>").append(escaped(fileName(photo.photo()))).append("</h2>\n");
        figure(
                html,
                faded(Photo.of(photo.photo()).image(), seen.mask()),
                "the garment's mask in its " + RecogniseCommand.box(photo));
        figure(html, seen.crop(), "what category and color branch see");
        figure(html, seen.region(), "what the attribute branch sees");
        html.append("<table>\n");
        if (!seen.category().isEmpty()) {
            row(html, "category", seen.category());
        }
        html.append("<tr><th>color</th><td>").append(escaped(seen.color())).append("</td></tr>\n");
        for (Recognition.Group group : seen.groups()) {
            if (group.name().equals(Recognition.WORDS)) {
                group.candidates().forEach(word -> row(html, "asked for", List.of(word)));
            } else {
                row(html, group.name(), group.candidates());
            }
        }
        html.append("</table>\n</section>\n");
    }

    private static String fileName(Path file) {
        return String.valueOf(file.getFileName());
    }

    private static void row(StringBuilder html, String name, List<Recognition.Candidate> candidates) {
        Recognition.Candidate first = candidates.get(0);
        html.append("<tr><th>").append(escaped(name)).append("</th><td><meter min=\"0\" max=\"1\" value=\"");
        html.append(String.format(Locale.ROOT, "%.4f", first.probability())).append("\"></meter>");
        html.append(escaped(RecogniseCommand.said(first))).append("<div class=\"others\">");
        html.append(escaped(String.join(
                ", ",
                candidates.stream().skip(1).limit(4).map(RecogniseCommand::said).toList())));
        html.append("</div></td></tr>\n");
    }

    private static void figure(StringBuilder html, RgbImage image, String caption) {
        html.append("<figure><img alt=\"").append(escaped(caption)).append("\" src=\"");
        html.append(Pictures.dataUri(image, SIDE)).append("\"><figcaption>");
        html.append(escaped(caption)).append("</figcaption></figure>\n");
    }

    /** The photo, dark where the garment is not. */
    private static RgbImage faded(RgbImage photo, Mask mask) {
        byte[] rgb = photo.rgb().clone();
        for (int i = 0; i < rgb.length; i++) {
            if (!mask.inside()[i / 3]) {
                rgb[i] = (byte) Math.round(FADED * (rgb[i] & 0xff));
            }
        }
        return new RgbImage(photo.width(), photo.height(), rgb);
    }

    private static String escaped(String text) {
        return HtmlEscape.escapeHtml5Xml(text);
    }
}
