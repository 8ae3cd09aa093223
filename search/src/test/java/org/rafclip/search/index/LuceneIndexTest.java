package org.rafclip.search.index;

import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.io.TempDir;

class LuceneIndexTest extends PhotoIndexContract {

    @TempDir
    private static Path temporary;

    private final AtomicInteger folders = new AtomicInteger();

    /** In several segments. */
    @Override
    protected PhotoIndex with(List<Entry> entries) {
        Path folder = temporary.resolve("index-" + folders.incrementAndGet());
        try (IndexUpdate update = IndexUpdate.open(
                folder, IndexUpdateTest.info("clip", temporary), Optional.empty(), Clock.systemUTC())) {
            for (int i = 0; i < entries.size(); i++) {
                update.put(entries.get(i));
                if (i % 101 == 100) {
                    update.commit();
                }
            }
            update.finish();
        }
        return LuceneIndex.open(folder);
    }
}
