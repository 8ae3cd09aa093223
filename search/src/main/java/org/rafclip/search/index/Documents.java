package org.rafclip.search.index;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.lucene.document.BinaryDocValuesField;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.Field;
import org.apache.lucene.document.KeywordField;
import org.apache.lucene.document.KnnFloatVectorField;
import org.apache.lucene.document.StoredField;
import org.apache.lucene.document.StringField;
import org.apache.lucene.index.FloatVectorValues;
import org.apache.lucene.index.IndexableField;
import org.apache.lucene.index.LeafReaderContext;
import org.apache.lucene.index.PostingsEnum;
import org.apache.lucene.index.Term;
import org.apache.lucene.index.VectorSimilarityFunction;
import org.apache.lucene.search.DocIdSetIterator;
import org.apache.lucene.util.Bits;
import org.apache.lucene.util.BytesRef;
import org.rafclip.data.image.Box;

/** An entry as a Lucene document and back. */
final class Documents {

    static final String ID = "id";
    static final String VECTOR = "vector";
    static final String LABEL = "label.";
    static final String BOXED = "boxed";
    static final String YES = "yes";
    static final String NO = "no";

    private static final String CONTENT = "content";
    private static final String FILE = "file";
    private static final String SHA256 = "sha256";
    private static final String BOX = "box";
    private static final String THUMBNAIL = "thumbnail";

    private Documents() {}

    static Term id(String id) {
        return new Term(ID, id);
    }

    static Term content(String sha256, Optional<Box> box) {
        return new Term(CONTENT, sha256 + box.map(b -> " " + text(b)).orElse(""));
    }

    /** @throws org.rafclip.data.DataException naming the entry if its id, a word or the vector cannot be kept */
    static Document of(Entry entry, int width) {
        entry.mustFit(width);
        Document document = new Document();
        document.add(new StringField(ID, entry.id(), Field.Store.YES));
        document.add(new BinaryDocValuesField(ID, new BytesRef(entry.id())));
        document.add(
                new StringField(CONTENT, content(entry.sha256(), entry.box()).text(), Field.Store.NO));
        document.add(new StoredField(FILE, entry.file()));
        document.add(new StoredField(SHA256, entry.sha256()));
        entry.box().ifPresent(box -> document.add(new StoredField(BOX, text(box))));
        document.add(new StringField(BOXED, entry.box().isPresent() ? YES : NO, Field.Store.NO));
        entry.labels()
                .forEach((facet, words) -> words.stream()
                        .distinct()
                        .forEach(word -> document.add(new KeywordField(LABEL + facet, word, Field.Store.YES))));
        document.add(new KnnFloatVectorField(VECTOR, entry.vector().clone(), VectorSimilarityFunction.DOT_PRODUCT));
        document.add(new StoredField(THUMBNAIL, entry.thumbnail()));
        return document;
    }

    private static String text(Box box) {
        return box.x1() + " " + box.y1() + " " + box.x2() + " " + box.y2();
    }

    private static Box box(String text) {
        int[] corners =
                Arrays.stream(text.split(" ")).mapToInt(Integer::parseInt).toArray();
        return new Box(corners[0], corners[1], corners[2], corners[3]);
    }

    /** The entry of a term that one document has at most, among several the first. */
    static Optional<Entry> find(List<LeafReaderContext> leaves, Term term) throws IOException {
        for (LeafReaderContext leaf : leaves) {
            PostingsEnum documents = leaf.reader().postings(term, PostingsEnum.NONE);
            Bits live = leaf.reader().getLiveDocs();
            while (documents != null && documents.nextDoc() != DocIdSetIterator.NO_MORE_DOCS) {
                if (live == null || live.get(documents.docID())) {
                    return Optional.of(read(leaf, documents.docID()));
                }
            }
        }
        return Optional.empty();
    }

    static Entry read(LeafReaderContext leaf, int number) throws IOException {
        Document document = leaf.reader().storedFields().document(number);
        FloatVectorValues vectors = leaf.reader().getFloatVectorValues(VECTOR);
        vectors.advance(number);
        Map<String, List<String>> labels = new LinkedHashMap<>();
        for (IndexableField field : document) {
            if (field.name().startsWith(LABEL)) {
                labels.computeIfAbsent(field.name().substring(LABEL.length()), facet -> new ArrayList<>())
                        .add(field.stringValue());
            }
        }
        BytesRef thumbnail = document.getBinaryValue(THUMBNAIL);
        return new Entry(
                document.get(ID),
                document.get(FILE),
                document.get(SHA256),
                Optional.ofNullable(document.get(BOX)).map(Documents::box),
                labels,
                vectors.vectorValue().clone(),
                Arrays.copyOfRange(thumbnail.bytes, thumbnail.offset, thumbnail.offset + thumbnail.length));
    }
}
