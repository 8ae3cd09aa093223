package org.rafclip.search.index;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.apache.lucene.store.AlreadyClosedException;
import org.rafclip.data.DataException;

/** An index in a folder that another process may be writing to: {@link #follow} goes on to what it has committed. */
public final class FollowedIndex implements PhotoIndex {

    private volatile LuceneIndex current;

    /** @param index as it is now; closed with this one */
    public FollowedIndex(LuceneIndex index) {
        this.current = index;
    }

    /**
     * Goes on to the last commit. Questions that are being answered are answered from the one before.
     *
     * @return whether there was a later one
     * @throws DataException if it cannot be opened, or holds vectors of another model; the one before stays then
     */
    public synchronized boolean follow() {
        LuceneIndex before = current;
        Optional<LuceneIndex> later = before.refresh();
        later.ifPresent(index -> {
            if (!index.info().modelHash().equals(before.info().modelHash())
                    || index.info().images() != before.info().images()) {
                index.close();
                throw new DataException("the index is now one of "
                        + index.info().model() + "'s " + index.info().images() + "; start again to search it");
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
