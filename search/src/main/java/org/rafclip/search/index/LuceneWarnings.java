package org.rafclip.search.index;

import java.util.logging.Level;
import java.util.logging.Logger;

/** Lucene's advice to take a newer Java for its own vector loops, which are not used here. */
final class LuceneWarnings {

    /** Held, as a logger that nobody holds forgets its level. */
    private static final Logger VECTORS =
            Logger.getLogger("org.apache.lucene.internal.vectorization.VectorizationProvider");

    private LuceneWarnings() {}

    /** To be called before Lucene's first vector. */
    static void hush() {
        VECTORS.setLevel(Level.SEVERE);
    }
}
