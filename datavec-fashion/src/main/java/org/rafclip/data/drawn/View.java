package org.rafclip.data.drawn;

import java.awt.Shape;
import java.awt.geom.AffineTransform;
import java.awt.geom.Path2D;
import java.awt.geom.PathIterator;

/** Maps the figure's coordinates, in heads, to the picture's pixels and back. */
final class View {

    private static final double FLATNESS = 0.004;

    private final Pose pose;
    private final double heads;
    private final boolean mirrored;
    private final double[] matrix = new double[6];
    private final double[] inverse = new double[6];

    /**
     * @param centerX of the figure's part that is looked at, in heads
     * @param x where its center comes to lie, in pixels
     * @param heads pixels per head
     * @param turn clockwise, in radians
     * @param mirrored whether left and right are exchanged
     */
    View(Pose pose, double centerX, double centerY, double x, double y, double heads, double turn, boolean mirrored) {
        this.pose = pose;
        this.heads = heads;
        this.mirrored = mirrored;
        AffineTransform transform = AffineTransform.getTranslateInstance(x, y);
        transform.rotate(turn);
        transform.scale(mirrored ? -heads : heads, heads);
        transform.translate(-centerX, -centerY);
        transform.getMatrix(matrix);
        double determinant = matrix[0] * matrix[3] - matrix[1] * matrix[2];
        inverse[0] = matrix[3] / determinant;
        inverse[1] = -matrix[1] / determinant;
        inverse[2] = -matrix[2] / determinant;
        inverse[3] = matrix[0] / determinant;
        inverse[4] = -(inverse[0] * matrix[4] + inverse[2] * matrix[5]);
        inverse[5] = -(inverse[1] * matrix[4] + inverse[3] * matrix[5]);
    }

    double heads() {
        return heads;
    }

    boolean mirrored() {
        return mirrored;
    }

    Pose pose() {
        return pose;
    }

    /** A shape of the figure in the picture. */
    Path2D picture(Shape shape) {
        Path2D path = new Path2D.Double();
        double[] p = new double[6];
        for (PathIterator it = shape.getPathIterator(null, FLATNESS); !it.isDone(); it.next()) {
            int kind = it.currentSegment(p);
            double bent = p[0] + pose.offset(p[1]);
            double x = matrix[0] * bent + matrix[2] * p[1] + matrix[4];
            double y = matrix[1] * bent + matrix[3] * p[1] + matrix[5];
            switch (kind) {
                case PathIterator.SEG_MOVETO -> path.moveTo(x, y);
                case PathIterator.SEG_LINETO -> path.lineTo(x, y);
                default -> path.closePath();
            }
        }
        return path;
    }

    /** The figure's point at a pixel. */
    void figure(double x, double y, double[] point) {
        double fy = inverse[1] * x + inverse[3] * y + inverse[5];
        point[0] = inverse[0] * x + inverse[2] * y + inverse[4] - pose.offset(fy);
        point[1] = fy;
    }
}
