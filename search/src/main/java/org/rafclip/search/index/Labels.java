package org.rafclip.search.index;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.lucene.index.DocValues;
import org.apache.lucene.index.FieldInfo;
import org.apache.lucene.index.LeafReader;
import org.apache.lucene.index.LeafReaderContext;
import org.apache.lucene.index.PostingsEnum;
import org.apache.lucene.index.SortedSetDocValues;
import org.apache.lucene.index.Term;
import org.apache.lucene.search.DocIdSetIterator;
import org.apache.lucene.util.Bits;
import org.apache.lucene.util.FixedBitSet;
import org.rafclip.data.DataException;

/** Which entries a filter keeps, and how often the words of a facet occur. */
final class Labels {

    private final List<LeafReaderContext> leaves;
    private final Map<String, Map<String, Integer>> all;

    Labels(List<LeafReaderContext> leaves) throws IOException {
        this.leaves = leaves;
        Set<String> facets =
                new TreeSet<>(Comparator.comparingInt(Labels::place).thenComparing(Comparator.naturalOrder()));
        for (LeafReaderContext leaf : leaves) {
            for (FieldInfo field : leaf.reader().getFieldInfos()) {
                if (field.name.startsWith(Documents.LABEL)) {
                    facets.add(field.name.substring(Documents.LABEL.length()));
                }
            }
        }
        List<FixedBitSet> live = live();
        Map<String, Map<String, Integer>> counts = new LinkedHashMap<>();
        for (String facet : facets) {
            Map<String, Integer> words = count(facet, live);
            if (!words.isEmpty()) {
                counts.put(facet, words);
            }
        }
        this.all = counts;
    }

    private static int place(String facet) {
        return switch (facet) {
            case Entry.CATEGORY -> 0;
            case Entry.COLOR -> 1;
            default -> 2;
        };
    }

    /** Of all entries. */
    Map<String, Map<String, Integer>> counts(Filter filter) throws IOException {
        if (filter.equals(Filter.ALL)) {
            return all;
        }
        List<FixedBitSet> kept = kept(filter, Set.of());
        Map<String, Map<String, Integer>> counts = new LinkedHashMap<>();
        for (String facet : all.keySet()) {
            counts.put(
                    facet,
                    count(facet, filter.words().containsKey(facet) ? kept(without(filter, facet), Set.of()) : kept));
        }
        return counts;
    }

    private static Filter without(Filter filter, String facet) {
        Map<String, Set<String>> words = new HashMap<>(filter.words());
        words.remove(facet);
        return new Filter(words, filter.boxed());
    }

    /**
     * The documents of each segment that may be answers.
     *
     * @throws DataException if the filter names a facet that no entry has
     */
    List<FixedBitSet> kept(Filter filter, Set<String> without) throws IOException {
        for (String facet : filter.words().keySet()) {
            if (!all.containsKey(facet)) {
                throw new DataException("no photo of the index has a label '" + facet + "'; the labels are: "
                        + (all.isEmpty() ? "none" : String.join(", ", all.keySet())) + ".");
            }
        }
        List<FixedBitSet> kept = live();
        for (int i = 0; i < kept.size(); i++) {
            LeafReader reader = leaves.get(i).reader();
            for (Map.Entry<String, Set<String>> facet : filter.words().entrySet()) {
                kept.get(i).and(having(reader, Documents.LABEL + facet.getKey(), facet.getValue()));
            }
            Optional<Boolean> boxed = filter.boxed();
            if (boxed.isPresent()) {
                kept.get(i).and(having(reader, Documents.BOXED, Set.of(boxed.get() ? Documents.YES : Documents.NO)));
            }
            if (!without.isEmpty()) {
                kept.get(i).andNot(having(reader, Documents.ID, without));
            }
        }
        return kept;
    }

    private List<FixedBitSet> live() {
        List<FixedBitSet> sets = new ArrayList<>();
        for (LeafReaderContext leaf : leaves) {
            int size = leaf.reader().maxDoc();
            Bits live = leaf.reader().getLiveDocs();
            FixedBitSet set;
            if (live == null) {
                set = new FixedBitSet(size);
                set.set(0, size);
            } else {
                set = FixedBitSet.copyOf(live);
            }
            sets.add(set);
        }
        return sets;
    }

    private static FixedBitSet having(LeafReader reader, String field, Set<String> words) throws IOException {
        FixedBitSet set = new FixedBitSet(reader.maxDoc());
        for (String word : words) {
            PostingsEnum documents = reader.postings(new Term(field, word), PostingsEnum.NONE);
            if (documents != null) {
                set.or(documents);
            }
        }
        return set;
    }

    private Map<String, Integer> count(String facet, List<FixedBitSet> documents) throws IOException {
        Map<String, Integer> counts = new HashMap<>();
        for (int i = 0; i < documents.size(); i++) {
            SortedSetDocValues words = DocValues.getSortedSet(leaves.get(i).reader(), Documents.LABEL + facet);
            int[] ofWord = new int[Math.toIntExact(words.getValueCount())];
            FixedBitSet kept = documents.get(i);
            while (words.nextDoc() != DocIdSetIterator.NO_MORE_DOCS) {
                if (kept.get(words.docID())) {
                    for (int n = words.docValueCount(); n > 0; n--) {
                        ofWord[(int) words.nextOrd()]++;
                    }
                }
            }
            for (int ord = 0; ord < ofWord.length; ord++) {
                if (ofWord[ord] > 0) {
                    counts.merge(words.lookupOrd(ord).utf8ToString(), ofWord[ord], Integer::sum);
                }
            }
        }
        return counts.entrySet().stream()
                .sorted(Map.Entry.<String, Integer>comparingByValue(Comparator.reverseOrder())
                        .thenComparing(Map.Entry.comparingByKey()))
                .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue, (a, b) -> a, LinkedHashMap::new));
    }
}
