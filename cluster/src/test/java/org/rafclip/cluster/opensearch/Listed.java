package org.rafclip.cluster.opensearch;

import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.rafclip.eval.PhotoEvaluation.Images;
import org.rafclip.search.index.Entries;
import org.rafclip.search.index.Entry;
import org.rafclip.search.index.Graph;
import org.rafclip.search.index.IndexInfo;
import org.rafclip.search.index.PhotoIndexContract;

/** Entries that a test made. */
record Listed(List<Entry> list, Optional<Graph> graph, Instant updated) implements Entries {

    @Override
    public IndexInfo info() {
        return new IndexInfo(
                "clip",
                "clip-0123456789abcdef",
                Path.of("/models/clip"),
                null,
                PhotoIndexContract.WIDTH,
                Images.CROPS,
                false,
                Path.of("/photos"),
                false,
                list.size(),
                updated);
    }

    @Override
    public void forEach(Consumer<Entry> take) {
        list.forEach(take);
    }
}
