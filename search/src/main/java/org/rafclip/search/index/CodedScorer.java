package org.rafclip.search.index;

import java.io.IOException;
import org.apache.lucene.codecs.hnsw.FlatVectorScorerUtil;
import org.apache.lucene.codecs.hnsw.FlatVectorsScorer;
import org.apache.lucene.index.VectorSimilarityFunction;
import org.apache.lucene.util.hnsw.RandomAccessVectorValues;
import org.apache.lucene.util.hnsw.RandomVectorScorer;
import org.apache.lucene.util.hnsw.RandomVectorScorerSupplier;

/** Scores by rounded vectors while a graph is built; otherwise as Lucene does. */
final class CodedScorer implements FlatVectorsScorer {

    private final FlatVectorsScorer lucene = FlatVectorScorerUtil.getLucene99FlatVectorsScorer();

    @Override
    public RandomVectorScorerSupplier getRandomVectorScorerSupplier(
            VectorSimilarityFunction similarity, RandomAccessVectorValues values) throws IOException {
        if (!(values instanceof RandomAccessVectorValues.Floats floats)
                || similarity != VectorSimilarityFunction.DOT_PRODUCT) {
            return lucene.getRandomVectorScorerSupplier(similarity, values);
        }
        CodedVectors coded = CodedVectors.of(values.size(), values.dimension(), () -> floats.copy()::vectorValue);
        return new Supplier(coded);
    }

    @Override
    public RandomVectorScorer getRandomVectorScorer(
            VectorSimilarityFunction similarity, RandomAccessVectorValues values, float[] target) throws IOException {
        return lucene.getRandomVectorScorer(similarity, values, target);
    }

    @Override
    public RandomVectorScorer getRandomVectorScorer(
            VectorSimilarityFunction similarity, RandomAccessVectorValues values, byte[] target) throws IOException {
        return lucene.getRandomVectorScorer(similarity, values, target);
    }

    /** Scores a query by rounded vectors; ordinals are rows. */
    static RandomVectorScorer of(CodedVectors vectors, CodedVectors.Scaled query) {
        float[] one = new float[1];
        return new RandomVectorScorer() {
            @Override
            public float score(int row) {
                return vectors.score(query, row, one);
            }

            @Override
            public int maxOrd() {
                return vectors.rows();
            }
        };
    }

    private record Supplier(CodedVectors vectors) implements RandomVectorScorerSupplier {

        @Override
        public RandomVectorScorer scorer(int row) {
            return of(vectors, vectors.scale(row));
        }

        @Override
        public RandomVectorScorerSupplier copy() {
            return this;
        }
    }
}
