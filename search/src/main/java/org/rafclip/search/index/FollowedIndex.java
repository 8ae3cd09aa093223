package org.rafclip.search.index;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.apache.lucene.store.AlreadyClosedException;
import org.rafclip.data.DataException;

/** An index in a folder that another process may be writing to: {@link #follow} goes on to what it has committed. */
public final class FollowedIndex implements LiveIndex {

    private volatile LuceneIndex current;

    /** @param index as it is now; closed with this one */
    public FollowedIndex(LuceneIndex index) {
        this.current = index;
    }

    @Override
    public synchronized boolean follow() {
        LuceneIndex before = current;
        Optional<LuceneIndex> later = before.refresh();
        later.ifPresent(index -> {
            try {
                before.info().mustGoOnTo(index.info());
            } catch (DataException e) {
                index.close();
                throw e;
            }
            current = index;
            before.close();
        });
        return later.isPresent();
    }

    @Override
    public IndexInfo info() {
        return current.info();
    }

    /** How it is searched where not exactly. */
    public Optional<Graph> graph() {
        return current.graph();
    }

    @Override
    public Optional<Entry> get(String id) {
        return ask(index -> index.get(id));
    }

    @Override
    public List<Match> nearest(float[] query, Filter filter, Set<String> without, int k) {
        return ask(index -> index.nearest(query, filter, without, k));
    }

    @Override
    public Map<String, Map<String, Integer>> facets(Filter filter) {
        return ask(index -> index.facets(filter));
    }

    @Override
    public int count(Filter filter, Set<String> without) {
        return ask(index -> index.count(filter, without));
    }

    private <T> T ask(Function<LuceneIndex, T> question) {
        while (true) {
            LuceneIndex asked = current;
            try {
                return question.apply(asked);
            } catch (AlreadyClosedException e) {
                if (asked == current) {
                    throw e;
                }
            }
        }
    }

    @Override
    public synchronized void close() {
        current.close();
    }
}
