package org.rafclip.cli;

import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.rafclip.search.Pictures;
import org.rafclip.search.query.Answer;
import org.rafclip.search.query.Dialog;
import org.rafclip.search.query.Part;
import org.rafclip.search.query.Searcher;
import org.unbescape.html.HtmlEscape;

/** A dialog as one HTML file: every turn with its reference, what was said, and the answer in small pictures. */
final class SearchPage {

    private static final int SIDE = 240;

    private final Searcher searcher;
    private final Map<String, String> pictures = new HashMap<>();

    /** @param searcher whose index holds the photos */
    SearchPage(Searcher searcher) {
        this.searcher = searcher;
    }

    String html(String title, List<Dialog.Turn> turns) {
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
                img { max-width: 180px; max-height: 180px; }
                .reference { background: #eee; }
                .chosen { outline: 3px solid #2a7; }
                figcaption { font-size: 12px; overflow-wrap: anywhere; }
                </style>
                </head>
                <body>
                <h1>%1$s</h1>
                """.formatted(escaped(title)));
        for (int i = 0; i < turns.size(); i++) {
            Dialog.Turn turn = turns.get(i);
            html.append("<h2>").append(i + 1).append(". ").append(escaped(turn.asked()));
            html.append("</h2>\n<p>").append(escaped(SearchCommand.how(turn.answer())));
            html.append("</p>\n<div class=\"turn\">\n");
            turn.reference().ifPresent(photo -> reference(html, photo));
            List<Answer.Hit> hits = turn.answer().hits();
            for (int rank = 1; rank <= hits.size(); rank++) {
                Answer.Hit hit = hits.get(rank - 1);
                boolean chosen = turn.chosen().filter(hit::equals).isPresent();
                figure(
                        html,
                        chosen ? "hit chosen" : "hit",
                        indexed(hit.id()),
                        String.format(Locale.ROOT, "%d. %s, %.3f", rank, hit.id(), hit.score()),
                        SearchCommand.labels(hit.labels()));
            }
            html.append("</div>\n");
        }
        return html.append("</body>\n</html>\n").toString();
    }

    private void reference(StringBuilder html, Dialog.Reference photo) {
        String picture;
        String labels = "";
        if (photo.photo() instanceof Part.Example example) {
            picture = indexed(example.id());
            labels = SearchCommand.labels(
                    searcher.index().get(example.id()).orElseThrow().labels());
        } else {
            picture = Pictures.dataUri(((Part.Upload) photo.photo()).photo().image(), SIDE);
        }
        figure(html, "reference", picture, "reference: " + photo.name(), labels);
    }

    private static void figure(StringBuilder html, String kind, String picture, String caption, String labels) {
        html.append("<figure class=\"").append(kind).append("\"><img alt=\"\" src=\"");
        html.append(picture).append("\"><figcaption>");
        html.append(escaped(caption)).append("<br>").append(escaped(labels));
        html.append("</figcaption></figure>\n");
    }

    private static String escaped(String text) {
        return HtmlEscape.escapeHtml5Xml(text);
    }

    private String indexed(String id) {
        return pictures.computeIfAbsent(
                id,
                some -> "data:image/jpeg;base64,"
                        + Base64.getEncoder()
                                .encodeToString(
                                        searcher.index().get(some).orElseThrow().thumbnail()));
    }
}
