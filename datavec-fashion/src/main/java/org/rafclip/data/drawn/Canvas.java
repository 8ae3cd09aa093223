package org.rafclip.data.drawn;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.Rectangle;
import java.awt.RenderingHints;
import java.awt.Shape;
import java.awt.image.BufferedImage;
import java.awt.image.DataBufferInt;
import java.util.Arrays;
import org.rafclip.data.image.Mask;
import org.rafclip.data.image.RgbImage;

/**
 * A picture being painted, layer over layer, which knows how much of each pixel is the garment of interest.
 *
 * <p>Channels are 0 to 255 and may run over until {@link #image}.
 */
final class Canvas {

    final int width;
    final int height;

    private final float[] red;
    private final float[] green;
    private final float[] blue;
    private final float[] garment;
    private final Light light;
    private final BufferedImage stencil;
    private final int[] stencilPixels;
    private final Graphics2D pen;

    /**
     * Where the light comes from, as a unit vector in image coordinates with z towards the viewer.
     *
     * @param ambient the share of light that comes from everywhere, 0 to 1
     */
    record Light(double x, double y, double z, double ambient) {

        /** The brightness of a surface with this slope, relative to one that faces the viewer. */
        double brightness(double slopeX, double slopeY) {
            double facing = (-slopeX * x - slopeY * y + z) / Math.sqrt(1 + slopeX * slopeX + slopeY * slopeY);
            return ambient + (1 - ambient) * Math.max(0, facing) / z;
        }

        /** The highlight of a glossy surface with this slope, 0 to 1. */
        double highlight(double slopeX, double slopeY) {
            double halfLength = Math.sqrt(x * x + y * y + (z + 1) * (z + 1));
            double toHalf = (-slopeX * x - slopeY * y + z + 1)
                    / (halfLength * Math.sqrt(1 + slopeX * slopeX + slopeY * slopeY));
            double power = Math.max(0, toHalf);
            power *= power;
            power *= power;
            power *= power;
            power *= power;
            return power * power;
        }
    }

    /** What a surface is at one point; {@link Surface} fills it in. */
    static final class Sample {
        float red;
        float green;
        float blue;
        /** How near the surface is to the viewer, in pixels; only differences count. */
        double height;
        /** Strength of highlights. */
        float gloss;
        /** From 0 to 1, which hides what is behind. */
        float opacity;

        void color(int rgb) {
            red = rgb >> 16 & 0xff;
            green = rgb >> 8 & 0xff;
            blue = rgb & 0xff;
        }

        /** Moves the color towards another one. */
        void mix(int rgb, double share) {
            float part = (float) share;
            red += part * ((rgb >> 16 & 0xff) - red);
            green += part * ((rgb >> 8 & 0xff) - green);
            blue += part * ((rgb & 0xff) - blue);
        }

        void scale(double factor) {
            float f = (float) factor;
            red *= f;
            green *= f;
            blue *= f;
        }
    }

    /** The look of a layer, by pixel. */
    @FunctionalInterface
    interface Surface {
        void at(double x, double y, Sample sample);
    }

    /**
     * How a layer lies.
     *
     * @param roundness pixels over which it rounds off at its border
     * @param bulge strength of that rounding
     * @param shadow darkness of what it casts on the layers below, 0 to 1
     * @param shadowSize pixels that the shadow reaches
     * @param fringe pixels by which the border is frayed inwards, as fur is
     * @param garment whether it is part of the garment of interest
     */
    record Lie(double roundness, double bulge, double shadow, double shadowSize, double fringe, boolean garment) {}

    /** How much of each pixel a shape covers, in a rectangle of the canvas. */
    static final class Coverage {
        final int x;
        final int y;
        final int width;
        final int height;
        final float[] share;

        Coverage(int x, int y, int width, int height, float[] share) {
            this.x = x;
            this.y = y;
            this.width = width;
            this.height = height;
            this.share = share;
        }

        boolean empty() {
            return width <= 0 || height <= 0;
        }
    }

    Canvas(int width, int height, Light light) {
        this.width = width;
        this.height = height;
        this.light = light;
        red = new float[width * height];
        green = new float[width * height];
        blue = new float[width * height];
        garment = new float[width * height];
        stencil = new BufferedImage(width, height, BufferedImage.TYPE_INT_ARGB);
        stencilPixels = ((DataBufferInt) stencil.getRaster().getDataBuffer()).getData();
        pen = stencil.createGraphics();
        pen.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
        pen.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
        pen.setColor(Color.WHITE);
    }

    Light light() {
        return light;
    }

    /** The pixels that a shape covers, antialiased. */
    Coverage coverage(Shape shape, double margin) {
        Rectangle bounds = shape.getBounds();
        int grow = 1 + (int) Math.ceil(margin);
        bounds.grow(grow, grow);
        bounds = bounds.intersection(new Rectangle(0, 0, width, height));
        if (bounds.isEmpty()) {
            return new Coverage(0, 0, 0, 0, new float[0]);
        }
        for (int y = bounds.y; y < bounds.y + bounds.height; y++) {
            Arrays.fill(stencilPixels, y * width + bounds.x, y * width + bounds.x + bounds.width, 0);
        }
        pen.setClip(bounds);
        pen.fill(shape);
        float[] share = new float[bounds.width * bounds.height];
        for (int y = 0, i = 0; y < bounds.height; y++) {
            for (int x = 0; x < bounds.width; x++, i++) {
                share[i] = (stencilPixels[(bounds.y + y) * width + bounds.x + x] >>> 24) / 255f;
            }
        }
        return new Coverage(bounds.x, bounds.y, bounds.width, bounds.height, share);
    }

    /** Paints every pixel anew. */
    void fill(Surface surface) {
        Sample sample = new Sample();
        for (int y = 0, i = 0; y < height; y++) {
            for (int x = 0; x < width; x++, i++) {
                surface.at(x + 0.5, y + 0.5, sample);
                red[i] = sample.red;
                green[i] = sample.green;
                blue[i] = sample.blue;
                garment[i] = 0;
            }
        }
    }

    /** Paints a layer and returns what it covers. */
    Coverage paint(Shape shape, Surface surface, Lie lie) {
        Coverage layer = coverage(shape, Math.max(lie.shadowSize() * 2.5, 2));
        if (layer.empty()) {
            return layer;
        }
        if (lie.shadow() > 0) {
            castShadow(layer, lie);
        }
        float[] round = blurred(layer, lie.roundness());
        if (lie.fringe() > 0) {
            fray(layer, lie.fringe());
        }
        int count = layer.share.length;
        float[] r = new float[count];
        float[] g = new float[count];
        float[] b = new float[count];
        float[] gloss = new float[count];
        float[] opacity = new float[count];
        double[] relief = new double[count];
        Sample sample = new Sample();
        for (int y = 0, i = 0; y < layer.height; y++) {
            for (int x = 0; x < layer.width; x++, i++) {
                if (layer.share[i] > 0) {
                    sample.height = 0;
                    sample.gloss = 0;
                    sample.opacity = 1;
                    surface.at(layer.x + x + 0.5, layer.y + y + 0.5, sample);
                    r[i] = sample.red;
                    g[i] = sample.green;
                    b[i] = sample.blue;
                    gloss[i] = sample.gloss;
                    opacity[i] = sample.opacity;
                    relief[i] = sample.height;
                }
            }
        }
        for (int y = 0, i = 0; y < layer.height; y++) {
            for (int x = 0; x < layer.width; x++, i++) {
                float share = layer.share[i];
                if (share == 0) {
                    continue;
                }
                int left = x > 0 && layer.share[i - 1] > 0 ? i - 1 : i;
                int right = x + 1 < layer.width && layer.share[i + 1] > 0 ? i + 1 : i;
                int up = y > 0 && layer.share[i - layer.width] > 0 ? i - layer.width : i;
                int down = y + 1 < layer.height && layer.share[i + layer.width] > 0 ? i + layer.width : i;
                double slopeX = right == left ? 0 : (relief[right] - relief[left]) / (right - left);
                double slopeY = down == up ? 0 : (relief[down] - relief[up]) * layer.width / (down - up);
                double bulge = lie.bulge() * lie.roundness();
                int l = x > 0 ? i - 1 : i;
                int t = y > 0 ? i - layer.width : i;
                int n = x + 1 < layer.width ? i + 1 : i;
                int d = y + 1 < layer.height ? i + layer.width : i;
                slopeX += bulge * (round[n] - round[l]) / 2;
                slopeY += bulge * (round[d] - round[t]) / 2;
                double brightness = light.brightness(slopeX, slopeY) * (0.82 + 0.18 * Math.min(1, round[i] * 1.25));
                double shine = gloss[i] == 0 ? 0 : 255 * gloss[i] * light.highlight(slopeX, slopeY);
                int at = (layer.y + y) * width + layer.x + x;
                float alpha = share * opacity[i];
                red[at] += alpha * ((float) (r[i] * brightness + shine) - red[at]);
                green[at] += alpha * ((float) (g[i] * brightness + shine) - green[at]);
                blue[at] += alpha * ((float) (b[i] * brightness + shine) - blue[at]);
                garment[at] += share * ((lie.garment() ? 1 : 0) - garment[at]);
            }
        }
        return layer;
    }

    /** Paints a flat detail, such as a seam, where a layer is. */
    void paintOn(Coverage layer, Shape shape, int rgb, double opacity) {
        if (layer.empty()) {
            return;
        }
        Coverage detail = coverage(shape, 0);
        for (int y = 0, i = 0; y < detail.height; y++) {
            for (int x = 0; x < detail.width; x++, i++) {
                int lx = detail.x + x - layer.x;
                int ly = detail.y + y - layer.y;
                if (detail.share[i] == 0 || lx < 0 || ly < 0 || lx >= layer.width || ly >= layer.height) {
                    continue;
                }
                float alpha = detail.share[i] * layer.share[ly * layer.width + lx] * (float) opacity;
                int at = (detail.y + y) * width + detail.x + x;
                red[at] += alpha * ((rgb >> 16 & 0xff) - red[at]);
                green[at] += alpha * ((rgb >> 8 & 0xff) - green[at]);
                blue[at] += alpha * ((rgb & 0xff) - blue[at]);
            }
        }
    }

    /** Darkens what is there around a layer, away from the light. */
    private void castShadow(Coverage layer, Lie lie) {
        float[] soft = blurred(layer, lie.shadowSize());
        int dx = (int) Math.round(-light.x() * lie.shadowSize());
        int dy = (int) Math.round(-light.y() * lie.shadowSize());
        for (int y = 0; y < layer.height; y++) {
            for (int x = 0; x < layer.width; x++) {
                int sx = x - dx;
                int sy = y - dy;
                if (sx < 0 || sy < 0 || sx >= layer.width || sy >= layer.height) {
                    continue;
                }
                float dark = 1 - (float) lie.shadow() * soft[sy * layer.width + sx];
                int at = (layer.y + y) * width + layer.x + x;
                red[at] *= dark;
                green[at] *= dark;
                blue[at] *= dark;
            }
        }
    }

    private static void fray(Coverage layer, double fringe) {
        float[] soft = blurred(layer, fringe);
        for (int y = 0, i = 0; y < layer.height; y++) {
            for (int x = 0; x < layer.width; x++, i++) {
                double strand = Noise.at(77, (layer.x + x) * 0.6, (layer.y + y) * 0.35);
                layer.share[i] *= (float) Noise.step(0.38, 0.52, soft[i] + 0.5 * (strand - 0.5));
            }
        }
    }

    /**
     * The coverage, blurred by two passes of a box. Beyond its ends a line goes on as it ends, so that what the frame cuts
     * off does not look rounded.
     */
    private static float[] blurred(Coverage layer, double radius) {
        int r = (int) Math.round(radius);
        if (r < 1) {
            return layer.share.clone();
        }
        float[] across = new float[layer.share.length];
        float[] blurred = new float[layer.share.length];
        alongRows(layer.share, across, layer.width, layer.height, r);
        alongColumns(across, blurred, layer.width, layer.height, r);
        alongRows(blurred, across, layer.width, layer.height, r);
        alongColumns(across, blurred, layer.width, layer.height, r);
        return blurred;
    }

    private static void alongRows(float[] from, float[] to, int width, int height, int radius) {
        float scale = 1f / (2 * radius + 1);
        for (int y = 0; y < height; y++) {
            int row = y * width;
            float sum = 0;
            for (int x = -radius; x < radius; x++) {
                sum += from[row + Math.max(0, Math.min(width - 1, x))];
            }
            for (int x = 0; x < width; x++) {
                sum += from[row + Math.min(width - 1, x + radius)];
                to[row + x] = sum * scale;
                sum -= from[row + Math.max(0, x - radius)];
            }
        }
    }

    private static void alongColumns(float[] from, float[] to, int width, int height, int radius) {
        float scale = 1f / (2 * radius + 1);
        float[] sums = new float[width];
        for (int y = -radius; y < radius; y++) {
            int row = Math.max(0, Math.min(height - 1, y)) * width;
            for (int x = 0; x < width; x++) {
                sums[x] += from[row + x];
            }
        }
        for (int y = 0; y < height; y++) {
            int next = Math.min(height - 1, y + radius) * width;
            int last = Math.max(0, y - radius) * width;
            int row = y * width;
            for (int x = 0; x < width; x++) {
                sums[x] += from[next + x];
                to[row + x] = sums[x] * scale;
                sums[x] -= from[last + x];
            }
        }
    }

    /** What a camera makes of the picture: colors of each pixel are changed in place, then rounded. */
    RgbImage image(Surface camera) {
        byte[] rgb = new byte[3 * width * height];
        Sample sample = new Sample();
        for (int y = 0, i = 0; y < height; y++) {
            for (int x = 0; x < width; x++, i++) {
                sample.red = red[i];
                sample.green = green[i];
                sample.blue = blue[i];
                camera.at(x, y, sample);
                rgb[3 * i] = rounded(sample.red);
                rgb[3 * i + 1] = rounded(sample.green);
                rgb[3 * i + 2] = rounded(sample.blue);
            }
        }
        return new RgbImage(width, height, rgb);
    }

    private static byte rounded(float channel) {
        return (byte) Math.round(Math.max(0, Math.min(255, channel)));
    }

    /** The pixels of which the garment of interest is at least half. */
    Mask mask() {
        boolean[] inside = new boolean[garment.length];
        for (int i = 0; i < inside.length; i++) {
            inside[i] = garment[i] >= 0.5f;
        }
        return new Mask(width, height, inside);
    }

    void close() {
        pen.dispose();
    }
}
