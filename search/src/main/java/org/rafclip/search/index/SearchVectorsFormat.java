package org.rafclip.search.index;

import java.io.IOException;
import org.apache.lucene.codecs.KnnVectorsFormat;
import org.apache.lucene.codecs.KnnVectorsReader;
import org.apache.lucene.codecs.KnnVectorsWriter;
import org.apache.lucene.codecs.hnsw.FlatVectorsFormat;
import org.apache.lucene.codecs.lucene99.Lucene99FlatVectorsFormat;
import org.apache.lucene.codecs.lucene99.Lucene99HnswVectorsReader;
import org.apache.lucene.codecs.lucene99.Lucene99HnswVectorsWriter;
import org.apache.lucene.index.SegmentInfo;
import org.apache.lucene.index.SegmentReadState;
import org.apache.lucene.index.SegmentWriteState;
import org.apache.lucene.store.IOContext;

/**
 * Vectors as Lucene lays them out, with Lucene's graph in large segments. Lucene
 * finds it by its name, which segments carry.
 */
public final class SearchVectorsFormat extends KnnVectorsFormat {

    static final String NAME = "RafclipVectors";

    private static final String GRAPH = NAME + ".graph";
    private static final int ONE_THREAD = 1;

    private final Graph graph;
    private final FlatVectorsFormat flat = new Lucene99FlatVectorsFormat(new CodedScorer());

    /** For reading. */
    public SearchVectorsFormat() {
        this(null);
    }

    /** @param graph null for none */
    SearchVectorsFormat(Graph graph) {
        super(NAME);
        this.graph = graph;
    }

    /** Whether a segment was written with a graph. */
    static boolean hasGraph(SegmentInfo segment) {
        return segment.getAttribute(GRAPH) != null;
    }

    @Override
    public KnnVectorsWriter fieldsWriter(SegmentWriteState state) throws IOException {
        // Only a forced merge, the last, builds a graph: those of segments that are merged again would be for nothing.
        boolean worth = graph != null
                && state.context.context == IOContext.Context.MERGE
                && state.context.mergeInfo.mergeMaxNumSegments > 0
                && state.segmentInfo.maxDoc() >= graph.from();
        if (!worth) {
            return flat.fieldsWriter(state);
        }
        state.segmentInfo.putAttribute(GRAPH, "M " + graph.links() + ", beam " + graph.beam());
        return new Lucene99HnswVectorsWriter(
                state, graph.links(), graph.beam(), flat.fieldsWriter(state), ONE_THREAD, null);
    }

    @Override
    public KnnVectorsReader fieldsReader(SegmentReadState state) throws IOException {
        return hasGraph(state.segmentInfo)
                ? new Lucene99HnswVectorsReader(state, flat.fieldsReader(state))
                : flat.fieldsReader(state);
    }

    @Override
    public int getMaxDimensions(String field) {
        return 4096;
    }
}
