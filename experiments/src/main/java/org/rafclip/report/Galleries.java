package org.rafclip.report;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.rafclip.experiment.Results;
import org.rafclip.measure.Figure;

/** Figures of experiments with their photos. */
final class Galleries {

    private Galleries() {}

    /**
     * A figure ready to show. Where a photo cannot be, the answer stands without it.
     *
     * @param results that name the photos
     * @param photos remembers what could not be shown
     */
    static Page.Gallery of(Figure figure, Results results, Photos photos) {
        List<Page.Ranking> rankings = new ArrayList<>();
        for (Figure.Query query : figure.queries()) {
            Figure.Picture asked = query.picture();
            Map<String, String> measures = new LinkedHashMap<>();
            query.measures()
                    .forEach(measure ->
                            measures.put(measure.name(), String.format(Locale.ROOT, "%.3f", measure.value())));
            rankings.add(new Page.Ranking(
                    query.method(),
                    query.text(),
                    picture(asked, query.attention() == null ? Photos.MARGIN : 0, results, photos),
                    asked == null || query.attention() == null
                            ? null
                            : photos.overlaid(results.resolve(asked.file()), asked.box(), query.attention())
                                    .orElse(null),
                    asked == null ? "" : String.join(", ", asked.labels()),
                    measures,
                    query.words().stream()
                            .map(word -> new Page.Word(word.text(), word.weight()))
                            .toList(),
                    query.answers().stream()
                            .map(answer -> answer(answer, results, photos))
                            .toList()));
        }
        return new Page.Gallery(figure.title(), rankings, figure.notes());
    }

    private static Page.Answer answer(Figure.Answer answer, Results results, Photos photos) {
        return new Page.Answer(
                answer.rank(),
                picture(answer.picture(), Photos.MARGIN, results, photos),
                answer.picture() == null
                        ? answer.text()
                        : String.join(", ", answer.picture().labels()),
                String.format(Locale.ROOT, "%.3f", answer.score()),
                answer.right(),
                answer.expected());
    }

    private static PageImage picture(Figure.Picture picture, double margin, Results results, Photos photos) {
        return picture == null
                ? null
                : photos.photo(results.resolve(picture.file()), picture.box(), margin)
                        .orElse(null);
    }
}
