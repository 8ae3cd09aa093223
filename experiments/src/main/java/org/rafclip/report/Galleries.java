package org.rafclip.report;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.rafclip.data.composed.Phrases;
import org.rafclip.experiment.Results;
import org.rafclip.measure.Figure;

/** Figures of experiments with their photos. */
final class Galleries {

    private static final Phrases PHRASES = Phrases.load();

    private Galleries() {}

    /**
     * A figure ready to show. Where a photo cannot be, the answer stands without it.
     *
     * @param title above it, empty where the section's says it
     * @param results that name the photos
     * @param photos remembers what could not be shown
     */
    static Page.Gallery of(String title, Figure figure, Results results, Photos photos) {
        List<Page.Ranking> rankings = new ArrayList<>();
        for (Figure.Query query : figure.queries()) {
            Figure.Picture asked = query.picture();
            Optional<String> wanted = wanted(query);
            Map<String, String> measures = new LinkedHashMap<>();
            query.measures()
                    .forEach(measure ->
                            measures.put(measure.name(), String.format(Locale.ROOT, "%.3f", measure.value())));
            rankings.add(new Page.Ranking(
                    query.method(),
                    asked == null || query.text() == null ? query.text() : PHRASES.once(query.text()),
                    picture(asked, query.attention() == null ? Photos.MARGIN : 0, results, photos),
                    asked == null || query.attention() == null
                            ? null
                            : photos.overlaid(results.resolve(asked.file()), asked.box(), query.attention())
                                    .orElse(null),
                    asked == null ? "" : String.join(", ", asked.labels()),
                    wanted.orElse(null),
                    measures,
                    query.words().stream()
                            .map(word -> new Page.Word(word.text(), word.weight()))
                            .toList(),
                    query.answers().stream()
                            .map(answer -> answer(answer, wanted.isPresent(), results, photos))
                            .toList()));
        }
        return new Page.Gallery(title, caption(figure, rankings), rankings, figure.notes());
    }

    /** What one sees, and how much of it is right. */
    private static String caption(Figure figure, List<Page.Ranking> rankings) {
        boolean pictures = figure.queries().stream().anyMatch(query -> query.picture() != null);
        boolean texts = figure.queries().stream().anyMatch(query -> query.text() != null);
        boolean found = figure.queries().stream()
                .flatMap(query -> query.answers().stream())
                .anyMatch(answer -> answer.picture() != null);
        boolean ranked = rankings.stream().anyMatch(Page.Ranking::ranked);
        boolean attention = figure.queries().stream().anyMatch(query -> query.attention() != null);
        boolean attributes = figure.queries().stream()
                .allMatch(query -> query.picture() != null
                        && query.text() != null
                        && query.picture().labels().contains(query.text()));
        String asked = attributes
                ? "a photo, under the attribute that is looked for"
                : pictures && texts ? "a photo and a text" : pictures ? "a photo" : "a text";
        String answers = ranked
                ? (found ? "the photos" : "the texts") + " that are nearest, best first, each with its cosine"
                : "what the model says of it, each with its cosine";
        Map<String, int[]> right = new LinkedHashMap<>();
        for (Figure.Query query : figure.queries()) {
            int[] counts = right.computeIfAbsent(query.method(), fresh -> new int[2]);
            query.answers().forEach(answer -> counts[answer.right() ? 0 : 1]++);
        }
        String score = right.entrySet().stream()
                .map(method -> (right.size() > 1 ? method.getKey() + " " : "") + method.getValue()[0] + " of "
                        + (method.getValue()[0] + method.getValue()[1]))
                .collect(Collectors.joining(", "));
        return "Each query is " + asked + "; beside it " + answers + ". ✓ and a solid frame mark what is right, ✗ and"
                + " a dashed frame what is wrong. Right in these pictures: " + score + "."
                + (attention
                        ? " The second picture of a query is the first under the attention to it: the brighter a patch,"
                                + " the more the text looks there. Below it stand the words that the model read, shaded"
                                + " by how much the image looks at each; they may say one wish twice, as two captions do."
                        : "");
    }

    /** What would have been right for all answers that are not. */
    private static Optional<String> wanted(Figure.Query query) {
        List<String> all = query.answers().stream()
                .map(Figure.Answer::expected)
                .filter(Objects::nonNull)
                .toList();
        return all.size() > 1 && Set.copyOf(all).size() == 1 ? Optional.of(all.get(0)) : Optional.empty();
    }

    private static Page.Answer answer(Figure.Answer answer, boolean wanted, Results results, Photos photos) {
        return new Page.Answer(
                answer.rank(),
                picture(answer.picture(), Photos.MARGIN, results, photos),
                answer.picture() == null
                        ? answer.text()
                        : String.join(", ", answer.picture().labels()),
                String.format(Locale.ROOT, "%.3f", answer.score()),
                answer.right(),
                wanted ? null : answer.expected());
    }

    private static PageImage picture(Figure.Picture picture, double margin, Results results, Photos photos) {
        return picture == null
                ? null
                : photos.photo(results.resolve(picture.file()), picture.box(), margin)
                        .orElse(null);
    }
}
