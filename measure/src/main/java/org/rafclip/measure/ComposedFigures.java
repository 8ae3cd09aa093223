package org.rafclip.measure;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.agcn.compose.ComposerModel;
import org.rafclip.agcn.compose.Explanation;
import org.rafclip.agcn.features.Features;
import org.rafclip.data.fashioniq.QuerySet;
import org.rafclip.eval.Retrieval;
import org.rafclip.text.ClipTokenizer;

/**
 * The paper's Figure 6: what a composer answers to queries that a seed draws, the weights of its branches, and where text
 * and image look.
 *
 * @param names how a photo's file is named in the figure
 */
public record ComposedFigures(FigureConfig settings, Function<Path, String> names) {

    /**
     * Draws queries and lets a composer answer them.
     *
     * @param label of the composer
     * @param tokenizer of the encoder
     * @param maskReference whether a query's reference is kept from being an answer
     */
    public Figure of(
            String title,
            String label,
            ComposerModel composer,
            ComposedQueries queries,
            ClipTokenizer tokenizer,
            boolean maskReference) {
        List<Figure.Query> all = new ArrayList<>();
        for (int set = 0; set < queries.sets().size(); set++) {
            all.addAll(queries(label, composer, queries, set, tokenizer, maskReference));
        }
        return new Figure(
                title,
                all,
                List.of(
                        "Queries drawn by the seed from those measured, not chosen; right is every image with the"
                                + " wanted labels, or the one target where the data set has no labels",
                        "Gates: the weights a and b of Eq. 12; of vector gates the mean"));
    }

    private List<Figure.Query> queries(
            String label,
            ComposerModel composer,
            ComposedQueries queries,
            int place,
            ClipTokenizer tokenizer,
            boolean maskReference) {
        QuerySet set = queries.sets().get(place);
        Function<String, Figure.Picture> pictures = queries.pictures(names);
        List<QuerySet.Query> drawn =
                settings.draw(600 + place, set.queries().size(), settings.queries(), any -> true).stream()
                        .map(set.queries()::get)
                        .toList();
        Features references = queries.features()
                .images(drawn.stream().map(QuerySet.Query::reference).toList());
        Features texts = queries.features()
                .texts(drawn.stream().map(QuerySet.Query::text).toList());
        ComposerModel.Explained explained = composer.explain(references, texts);
        List<Figure.Query> answered = new ArrayList<>();
        try (INDArray composed = explained.queries();
                INDArray images = queries.features().embeddings(set.gallery())) {
            Retrieval.Gallery gallery = new Retrieval.Gallery(images);
            for (int i = 0; i < drawn.size(); i++) {
                QuerySet.Query query = drawn.get(i);
                Explanation explanation = explained.explanations().get(i);
                List<Figure.Answer> answers = new ArrayList<>();
                BitSet hidden = new BitSet();
                if (maskReference) {
                    query.referenceIndex().ifPresent(hidden::set);
                }
                for (Retrieval.Hit near : gallery.nearest(composed.getRow(i, true), settings.answers(), hidden)) {
                    answers.add(new Figure.Answer(
                            answers.size() + 1,
                            pictures.apply(set.gallery().get(near.index())),
                            null,
                            near.cosine(),
                            query.right().contains(near.index()),
                            null));
                }
                answered.add(new Figure.Query(
                        label,
                        pictures.apply(query.reference()),
                        query.text(),
                        answers,
                        gates(explanation),
                        attention(explanation.patches()),
                        words(tokenizer, query.text(), explanation.words())));
            }
        }
        return answered;
    }

    private static List<Figure.Measure> gates(Explanation explanation) {
        List<Figure.Measure> gates = new ArrayList<>();
        if (!explanation.imageGate().isEmpty()) {
            gates.add(new Figure.Measure("image gate a", GateSummary.mean(explanation.imageGate())));
        }
        if (!explanation.textGate().isEmpty()) {
            gates.add(new Figure.Measure("text gate b", GateSummary.mean(explanation.textGate())));
        }
        return gates;
    }

    /** The patches as a square grid, since encoders see square images. */
    private static Figure.Attention attention(List<Double> patches) {
        int side = (int) Math.round(Math.sqrt(patches.size()));
        return patches.isEmpty() ? null : new Figure.Attention(side, side, patches);
    }

    /**
     * Attention to words. A word's tokens do not depend on its neighbours, so they are counted by encoding it alone.
     *
     * @param weights one a token of the text, with start and end token and what fills it up, as far as it has them; empty
     *     for none
     */
    static List<Figure.Word> words(ClipTokenizer tokenizer, String text, List<Double> weights) {
        if (weights.isEmpty()) {
            return List.of();
        }
        List<String> parts = List.of(text.strip().split("\\s+"));
        int[][] ids = tokenizer.encode(parts).ids();
        List<Figure.Word> words = new ArrayList<>();
        int start = tokenizer.startToken().isPresent() ? 1 : 0;
        if (start > 0) {
            words.add(new Figure.Word("‹start›", weights.get(0)));
        }
        int at = start;
        for (int i = 0; i < parts.size(); i++) {
            int end = IntStream.of(ids[i]).boxed().toList().indexOf(tokenizer.endToken());
            int tokens = (end < 0 ? ids[i].length : end) - start;
            int to = Math.min(at + tokens, weights.size() - 1);
            words.add(new Figure.Word(parts.get(i), sum(weights, at, to)));
            at = to;
        }
        words.add(new Figure.Word("‹end›", sum(weights, at, weights.size())));
        return words;
    }

    private static double sum(List<Double> weights, int from, int to) {
        return weights.subList(from, to).stream()
                .mapToDouble(Double::doubleValue)
                .sum();
    }
}
