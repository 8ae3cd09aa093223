package org.rafclip.data.drawn;

import java.awt.Shape;
import java.util.List;

/**
 * One piece of a garment, cut out and folded.
 *
 * @param stage when it is painted
 * @param side -1 or 1 for a left or right sleeve, else 0
 * @param outline in heads
 * @param frame where a point lies in the cloth
 * @param finish how it is made of the cloth
 * @param relief its folds: height in heads at a place of the cloth
 * @param lift how far it stands off what is below, 0 to 1
 * @param details drawn on it
 */
record Piece(
        Stage stage,
        int side,
        Shape outline,
        Frame frame,
        Cloth.Finish finish,
        Relief relief,
        double lift,
        List<Detail> details) {

    /** The order of painting. */
    enum Stage {
        BACK,
        MAIN,
        SLEEVE,
        TOP
    }

    /** Where a point of the figure lies in the cloth. */
    @FunctionalInterface
    interface Frame {
        void locate(double x, double y, double[] uv);
    }

    /** The height of the cloth's folds at a place of it. */
    @FunctionalInterface
    interface Relief {
        double at(double u, double v);
    }

    /** How a detail looks. */
    enum Kind {
        SEAM,
        STITCH,
        TRIM,
        BAND,
        METAL,
        DARK,
        PALE
    }

    /**
     * Something drawn on a piece.
     *
     * @param shape in heads
     * @param width of the line along the shape, 0 to fill it
     */
    record Detail(Shape shape, Kind kind, double width) {}
}
