package org.rafclip.agcn.compose;

import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.rafclip.agcn.compose.ComposerConfig.Pooled;
import org.rafclip.ops.op.L2Normalize;

/** A query's features in a graph. A placeholder is made when its method is first called. */
final class QueryFeatures {

    private static final String UNIT = "Unit";

    private final SameDiff graph;
    private final DataType type;
    private final int width;
    private final Pooled pooled;

    QueryFeatures(SameDiff graph, DataType type, int width, Pooled pooled) {
        this.graph = graph;
        this.type = type;
        this.width = width;
        this.pooled = pooled;
    }

    /** {@code [batch, imageTokens, d]}. */
    SDVariable imageTokens() {
        return placeHolder(Composer.IMAGE_TOKENS, type, -1, -1, width);
    }

    /** {@code [batch, textTokens, d]}. */
    SDVariable textTokens() {
        return placeHolder(Composer.TEXT_TOKENS, type, -1, -1, width);
    }

    /** {@code INT [batch]}. */
    SDVariable textLengths() {
        return placeHolder(Composer.TEXT_LENGTHS, DataType.INT32, -1);
    }

    /** {@code [batch, d]}. */
    SDVariable image() {
        return pooled(Composer.IMAGE_FEATURES);
    }

    /** {@code [batch, d]}. */
    SDVariable text() {
        return pooled(Composer.TEXT_FEATURES);
    }

    private SDVariable pooled(String name) {
        SDVariable raw = placeHolder(name, type, -1, width);
        if (pooled == Pooled.RAW) {
            return raw;
        }
        return graph.hasVariable(name + UNIT)
                ? graph.getVariable(name + UNIT)
                : new L2Normalize(graph, raw).output().rename(name + UNIT);
    }

    private SDVariable placeHolder(String name, DataType type, long... shape) {
        return graph.hasVariable(name) ? graph.getVariable(name) : graph.placeHolder(name, type, shape);
    }
}
