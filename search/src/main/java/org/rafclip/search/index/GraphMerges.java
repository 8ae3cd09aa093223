package org.rafclip.search.index;

import java.io.IOException;
import java.util.Map;
import org.apache.lucene.index.FilterMergePolicy;
import org.apache.lucene.index.MergePolicy;
import org.apache.lucene.index.MergeTrigger;
import org.apache.lucene.index.SegmentCommitInfo;
import org.apache.lucene.index.SegmentInfos;
import org.apache.lucene.index.TieredMergePolicy;

/**
 * Merges segments without graphs as Lucene thinks best, and leaves those with one alone: their graph would be lost or made
 * anew. A forced merge makes one segment with one graph of all where the graphs there are have fallen behind.
 */
final class GraphMerges extends FilterMergePolicy {

    /** The share of entries without a graph, and of a graph's nodes without an entry, that is borne. */
    private static final double BEHIND = 0.1;

    private final Graph graph;

    GraphMerges(Graph graph) {
        super(new TieredMergePolicy());
        this.graph = graph;
    }

    @Override
    public MergeSpecification findMerges(MergeTrigger trigger, SegmentInfos infos, MergeContext context)
            throws IOException {
        return super.findMerges(trigger, withoutGraphs(infos), context);
    }

    @Override
    public MergeSpecification findFullFlushMerges(MergeTrigger trigger, SegmentInfos infos, MergeContext context)
            throws IOException {
        return super.findFullFlushMerges(trigger, withoutGraphs(infos), context);
    }

    @Override
    public MergeSpecification findForcedMerges(
            SegmentInfos infos, int most, Map<SegmentCommitInfo, Boolean> segments, MergeContext context)
            throws IOException {
        if (!due(infos, context)) {
            return null;
        }
        MergeSpecification merges = new MergeSpecification();
        merges.add(new MergePolicy.OneMerge(infos.asList()));
        return merges;
    }

    private boolean due(SegmentInfos infos, MergeContext context) throws IOException {
        int entries = 0;
        int bare = 0;
        int gone = 0;
        for (SegmentCommitInfo segment : infos) {
            int deleted = context.numDeletesToMerge(segment);
            entries += segment.info.maxDoc() - deleted;
            if (SearchVectorsFormat.hasGraph(segment.info)) {
                gone += deleted;
            } else {
                bare += segment.info.maxDoc() - deleted;
            }
        }
        return entries >= graph.from() && bare + gone > BEHIND * entries;
    }

    private static SegmentInfos withoutGraphs(SegmentInfos infos) {
        SegmentInfos bare = new SegmentInfos(infos.getIndexCreatedVersionMajor());
        for (SegmentCommitInfo segment : infos) {
            if (!SearchVectorsFormat.hasGraph(segment.info)) {
                bare.add(segment);
            }
        }
        return bare;
    }
}
