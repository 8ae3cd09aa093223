package org.rafclip.cluster.opensearch;

import java.io.IOException;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.rafclip.data.Stages;
import org.rafclip.search.index.Entry;
import org.rafclip.search.index.PhotoIndex;
import org.rafclip.search.index.PhotoIndexContract;

class OpenSearchIndexTest extends PhotoIndexContract {

    private static final AtomicInteger NAMES = new AtomicInteger();
    private LocalNodes nodes;

    @Override
    protected PhotoIndex with(List<Entry> entries) {
        try {
            if (nodes == null) {
                nodes = new LocalNodes(1);
            }
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        String place = nodes.place("shop" + NAMES.incrementAndGet());
        OpenSearchStore store = new OpenSearchStore();
        store.fill(place, new Listed(entries, Optional.empty(), Instant.parse("2026-05-01T12:00:00Z")), Stages.NONE);
        return store.open(place);
    }

    @AfterAll
    void stop() throws IOException {
        if (nodes != null) {
            nodes.close();
        }
    }
}
