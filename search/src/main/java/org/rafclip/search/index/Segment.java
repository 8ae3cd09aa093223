package org.rafclip.search.index;

import java.io.IOException;
import java.util.Optional;
import org.apache.lucene.codecs.KnnVectorsReader;
import org.apache.lucene.codecs.hnsw.HnswGraphProvider;
import org.apache.lucene.codecs.perfield.PerFieldKnnVectorsFormat;
import org.apache.lucene.index.BinaryDocValues;
import org.apache.lucene.index.CodecReader;
import org.apache.lucene.index.CorruptIndexException;
import org.apache.lucene.index.FloatVectorValues;
import org.apache.lucene.index.LeafReaderContext;
import org.apache.lucene.util.hnsw.HnswGraph;
import org.apache.lucene.util.hnsw.RandomAccessVectorValues;

/**
 * A part of an index that never changes, with its rounded vectors in memory. The vectors themselves stay in the file.
 *
 * @param coded row i is document i
 */
record Segment(LeafReaderContext leaf, CodedVectors coded) {

    static Segment of(LeafReaderContext leaf, int width) throws IOException {
        int documents = leaf.reader().maxDoc();
        FloatVectorValues values = leaf.reader().getFloatVectorValues(Documents.VECTOR);
        if (values == null || values.size() != documents || values.dimension() != width) {
            throw new CorruptIndexException(
                    "not every entry has a vector of " + width + " elements",
                    leaf.reader().toString());
        }
        return new Segment(leaf, CodedVectors.of(documents, width, () -> vectors(leaf)::vectorValue));
    }

    /** What identifies the unchanging part of a segment; deletions do not change it. */
    Object key() {
        return key(leaf);
    }

    static Object key(LeafReaderContext leaf) {
        return leaf.reader().getCoreCacheHelper().getKey();
    }

    int documents() {
        return coded.rows();
    }

    /** For one thread. */
    RandomAccessVectorValues.Floats vectors() throws IOException {
        return vectors(leaf);
    }

    private static RandomAccessVectorValues.Floats vectors(LeafReaderContext leaf) throws IOException {
        return (RandomAccessVectorValues.Floats) leaf.reader().getFloatVectorValues(Documents.VECTOR);
    }

    /** For one thread. */
    Optional<HnswGraph> graph() throws IOException {
        KnnVectorsReader reader = ((CodecReader) leaf.reader()).getVectorReader();
        if (reader instanceof PerFieldKnnVectorsFormat.FieldsReader fields) {
            reader = fields.getFieldReader(Documents.VECTOR);
        }
        return reader instanceof HnswGraphProvider provider
                ? Optional.of(provider.getGraph(Documents.VECTOR))
                : Optional.empty();
    }

    String id(int document) throws IOException {
        BinaryDocValues ids = leaf.reader().getBinaryDocValues(Documents.ID);
        ids.advanceExact(document);
        return ids.binaryValue().utf8ToString();
    }
}
