package org.rafclip.agcn.eval;

import java.util.ArrayList;
import java.util.List;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.agcn.compose.ComposerModel;
import org.rafclip.agcn.features.EncodedData;
import org.rafclip.data.Progress;
import org.rafclip.data.fashioniq.QuerySet;

/** Query sets with their encoded images and texts, on which composers are measured. */
public final class ComposedEvaluation {

    private static final int BATCH = 64;

    private final List<QuerySet> sets;
    private final EncodedData features;
    private final Protocol protocol;

    /**
     * @param sets one a category
     * @param features of all their images and texts
     * @param maskReference whether a query's reference is kept from being an answer
     * @throws IllegalArgumentException if the sets differ in gallery or caption form, or there is none
     */
    public ComposedEvaluation(
            List<QuerySet> sets, EncodedData features, boolean maskReference, boolean partialAllowed) {
        this.sets = List.copyOf(sets);
        this.features = features;
        this.protocol = Protocol.of(sets, maskReference, partialAllowed);
    }

    /** How many queries there are over all sets: what the progress of {@link #of} counts to. */
    public int queries() {
        return sets.stream().mapToInt(set -> set.queries().size()).sum();
    }

    /**
     * Measures a composer of the encoder that the features come from.
     *
     * @param progress counts the queries that are composed
     */
    public ComposedResult of(ComposerModel composer, Progress progress) {
        List<ComposedResult.Category> categories = new ArrayList<>();
        int done = 0;
        for (QuerySet set : sets) {
            categories.add(ComposedRetrieval.evaluate(
                    set,
                    compose(composer, set, done, progress),
                    features.embeddings(set.gallery()),
                    protocol.referenceMasked(),
                    ComposedRetrieval.KS));
            done += set.queries().size();
        }
        return new ComposedResult(protocol, categories);
    }

    /**
     * Composes the queries of a set, as {@link #of} does.
     *
     * @return of length 1, {@code [queries, d]}
     */
    public INDArray compose(ComposerModel composer, QuerySet set) {
        return compose(composer, set, 0, Progress.NONE);
    }

    private INDArray compose(ComposerModel composer, QuerySet set, int before, Progress progress) {
        List<QuerySet.Query> queries = set.queries();
        List<INDArray> parts = new ArrayList<>();
        for (int from = 0; from < queries.size(); from += BATCH) {
            List<QuerySet.Query> some = queries.subList(from, Math.min(queries.size(), from + BATCH));
            parts.add(composer.compose(
                    features.images(some.stream().map(QuerySet.Query::reference).toList()),
                    features.texts(some.stream().map(QuerySet.Query::text).toList())));
            progress.update(before + from + some.size(), queries());
        }
        return Nd4j.concat(0, parts.toArray(INDArray[]::new));
    }
}
