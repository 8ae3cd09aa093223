package org.rafclip.data.drawn;

import java.awt.BasicStroke;
import java.awt.Shape;
import java.awt.geom.Area;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Path2D;
import java.awt.geom.Rectangle2D;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import org.rafclip.data.Seeds;
import org.rafclip.data.drawn.Canvas.Coverage;
import org.rafclip.data.drawn.Canvas.Lie;
import org.rafclip.data.drawn.Canvas.Surface;
import org.rafclip.data.drawn.Piece.Detail;
import org.rafclip.data.drawn.Piece.Kind;
import org.rafclip.data.drawn.Piece.Stage;
import org.rafclip.data.drawn.Pose.Presentation;
import org.rafclip.data.drawn.Scene.Dressed;
import org.rafclip.data.image.Mask;
import org.rafclip.data.image.RgbImage;
import org.rafclip.data.text.FashionColor;

/** Takes the photo of a scene. The same scene gives the same photo, on any thread. */
final class SceneRenderer {

    private static final int PRESENTATION = 1;
    private static final int POSE = 2;
    private static final int VIEW = 3;
    private static final int BACKGROUND = 4;
    private static final int LIGHT = 5;
    private static final int FIGURE = 6;
    private static final int OCCLUSION = 7;
    private static final int CAMERA = 8;
    private static final int BESIDE = 9;

    /**
     * A photo with what can be said of it.
     *
     * @param garment exactly the pixels of which the garment of interest is at least half
     * @param presentation worn, hanging or flat
     * @param background in one word
     */
    record Photo(RgbImage image, Mask garment, String presentation, String background) {}

    private final Scene scene;
    private final int width;
    private final int height;
    private final Presentation presentation;
    private final Canvas canvas;
    private final View view;

    private SceneRenderer(Scene scene) {
        this.scene = scene;
        SplittableRandom shape = Seeds.stream(scene.seed(), PRESENTATION);
        double draw = shape.nextDouble();
        presentation = draw < 0.64 ? Presentation.WORN : draw < 0.78 ? Presentation.HANGING : Presentation.FLAT;
        height = scene.size();
        width = scene.size() * (presentation == Presentation.FLAT ? 7 + shape.nextInt(2) : 5 + shape.nextInt(3)) / 8;
        canvas = new Canvas(width, height, light(Seeds.stream(scene.seed(), LIGHT)));
        view = view(Seeds.stream(scene.seed(), VIEW), Pose.draw(presentation, Seeds.stream(scene.seed(), POSE)));
    }

    static Photo photo(Scene scene) {
        SceneRenderer renderer = new SceneRenderer(scene);
        try {
            return renderer.take();
        } finally {
            renderer.canvas.close();
        }
    }

    private static Canvas.Light light(SplittableRandom random) {
        double around = Math.PI * (1.15 + 0.7 * random.nextDouble());
        double up = Math.toRadians(38 + 26 * random.nextDouble());
        return new Canvas.Light(
                Math.cos(around) * Math.cos(up),
                Math.sin(around) * Math.cos(up),
                Math.sin(up),
                0.30 + 0.25 * random.nextDouble());
    }

    /** Frames the part of the figure that garments of the category cover; labels other than the category do not matter. */
    private View view(SplittableRandom random, Pose pose) {
        double[] part = switch (scene.garment().look().category()) {
            case TEE, TANK, BLOUSE, BUTTON_DOWN, SWEATER, HOODIE -> new double[] {1.0, 4.2, 1.25};
            case CARDIGAN, JACKET, BLAZER -> new double[] {1.0, 4.6, 1.25};
            case COAT -> new double[] {1.0, 6.2, 1.3};
            case JEANS, JOGGERS, LEGGINGS -> new double[] {2.8, 7.6, 1.0};
            case SHORTS -> new double[] {2.8, 5.3, 1.0};
            case SKIRT -> new double[] {2.8, 6.0, 1.25};
            case DRESS, JUMPSUIT -> new double[] {1.0, 7.1, 1.2};
            case ROMPER -> new double[] {1.0, 5.3, 1.2};
        };
        double fill = 0.66 + 0.36 * random.nextDouble();
        double heads = fill * Math.min(height / (part[1] - part[0]), width / (2 * part[2]) * 1.05);
        double turn = switch (presentation) {
            case WORN -> Math.toRadians(8 * (random.nextDouble() - 0.5));
            case HANGING -> Math.toRadians(4 * (random.nextDouble() - 0.5));
            case FLAT -> Math.toRadians(70 * (random.nextDouble() - 0.5));
        };
        double freeX = Math.max(6, width - heads * 2 * part[2]);
        double freeY = Math.max(6, height - heads * (part[1] - part[0]));
        double x = width / 2.0 + 0.7 * freeX * (random.nextDouble() - 0.5);
        double y = height / 2.0 + 0.8 * freeY * (random.nextDouble() - 0.5);
        return new View(pose, 0, (part[0] + part[1]) / 2, x, y, heads, turn, random.nextBoolean());
    }

    /** A garment cut and ready to be painted. */
    private record Ready(
            Dressed dressed, Cloth cloth, List<Piece> pieces, List<Area> covered, View view, boolean target) {}

    private Ready ready(Dressed dressed, View at, boolean target) {
        // cut once to learn where ornaments go, whatever the cloth
        Cloth plain = new Cloth(dressed.look(), dressed.style(), new Cloth.Ornament(0, 0, 1, 0, 0), at);
        Tailor.Garment garment = Tailor.cut(
                dressed.look(),
                dressed.style(),
                at.pose(),
                presentation == Presentation.WORN,
                plain.foldDepth(),
                plain.foldFineness());
        Cloth cloth = new Cloth(dressed.look(), dressed.style(), garment.ornament(), at);
        return new Ready(dressed, cloth, garment.pieces(), garment.covered(), at, target);
    }

    private Photo take() {
        Background background = Background.draw(
                presentation, scene.garment().look().color(), Seeds.stream(scene.seed(), BACKGROUND), width, height);
        canvas.fill(background.surface());
        switch (presentation) {
            case WORN -> worn();
            case HANGING -> hanging();
            case FLAT -> flat();
        }
        occlude();
        return new Photo(
                canvas.image(camera()), canvas.mask(), presentation.name().toLowerCase(Locale.ROOT), background.word());
    }

    private void worn() {
        List<Ready> outfit = new ArrayList<>();
        outfit.add(ready(scene.garment(), view, true));
        for (Dressed other : scene.others()) {
            outfit.add(ready(other, view, false));
        }
        outfit.sort((one, two) -> Integer.compare(order(one), order(two)));
        Body figure = new Body(canvas, view, Seeds.stream(scene.seed(), FIGURE));
        groundShadow();
        figure.hairBehind();
        outfit.forEach(garment -> paint(garment, Stage.BACK, 0));
        figure.body();
        figure.head();
        outfit.forEach(garment -> paint(garment, Stage.MAIN, 0));
        Area covered = new Area();
        outfit.forEach(garment -> garment.covered().forEach(covered::add));
        for (int side = -1; side <= 1; side += 2) {
            figure.arm(side, covered);
            int s = side;
            outfit.forEach(garment -> paint(garment, Stage.SLEEVE, s));
        }
        outfit.forEach(garment -> paint(garment, Stage.TOP, 0));
        figure.hairInFront();
    }

    private static int order(Ready garment) {
        Look look = garment.dressed().look();
        return switch (look.category().part()) {
            case LOWER -> 0;
            case WHOLE -> 1;
            case UPPER -> 2;
            case OUTER -> 3;
        };
    }

    private void groundShadow() {
        Shape shadow = view.picture(new Ellipse2D.Double(-1.3, 7.3, 2.6, 0.7));
        Coverage all = canvas.coverage(new Rectangle2D.Double(0, 0, width, height), 0);
        canvas.paintOn(all, shadow, 0x1b1a1c, 0.28);
    }

    private void hanging() {
        SplittableRandom random = Seeds.stream(scene.seed(), BESIDE);
        Ready target = ready(scene.garment(), view, true);
        if (!scene.others().isEmpty()) {
            double side = random.nextBoolean() ? 1.75 : -1.75;
            View beside = shifted(side, 0.2 * (random.nextDouble() - 0.5), 0.03 * (random.nextDouble() - 0.5));
            Ready other = ready(scene.others().get(0), beside, false);
            hanger(other);
            paintAll(other);
        }
        hanger(target);
        paintAll(target);
    }

    private void flat() {
        SplittableRandom random = Seeds.stream(scene.seed(), BESIDE);
        Ready target = ready(scene.garment(), view, true);
        if (scene.others().isEmpty()) {
            paintAll(target);
            return;
        }
        double side = (1.9 + 0.5 * random.nextDouble()) * (random.nextBoolean() ? 1 : -1);
        View beside = shifted(side, 2.2 * (random.nextDouble() - 0.5), 1.2 * (random.nextDouble() - 0.5));
        Ready other = ready(scene.others().get(0), beside, false);
        boolean above = random.nextInt(100) < 35;
        paintAll(above ? target : other);
        paintAll(above ? other : target);
    }

    /** The view of something that lies beside what is looked at. */
    private View shifted(double dx, double dy, double turn) {
        double middle = switch (scene.garment().look().category().part()) {
            case LOWER -> 4.6;
            case WHOLE -> 3.6;
            default -> 2.6;
        };
        double[] origin = new double[2];
        double x = width / 2.0;
        double y = height / 2.0;
        view.figure(x, y, origin);
        double heads = view.heads();
        return new View(
                view.pose(),
                0,
                middle,
                x + (dx - origin[0]) * heads,
                y + (middle - origin[1] + dy) * heads,
                heads,
                turn,
                false);
    }

    private void hanger(Ready garment) {
        View at = garment.view();
        Path2D hanger = new Path2D.Double();
        boolean lower = garment.dressed().look().category().part() == Category.Part.LOWER;
        double top = lower ? 2.75 : 1.12;
        hanger.moveTo(0, top);
        hanger.curveTo(0, top - 0.2, 0.16, top - 0.2, 0.14, top - 0.36);
        hanger.curveTo(0.12, top - 0.5, -0.1, top - 0.5, -0.1, top - 0.36);
        if (lower) {
            hanger.moveTo(-0.55, top + 0.08);
            hanger.lineTo(0, top);
            hanger.lineTo(0.55, top + 0.08);
            hanger.moveTo(-0.5, top + 0.08);
            hanger.lineTo(-0.5, top + 0.34);
            hanger.moveTo(0.5, top + 0.08);
            hanger.lineTo(0.5, top + 0.34);
        } else {
            hanger.moveTo(-0.78, top + 0.38);
            hanger.quadTo(-0.2, top + 0.12, 0, top);
            hanger.quadTo(0.2, top + 0.12, 0.78, top + 0.38);
        }
        Shape line = stroke(0.055, at.heads()).createStrokedShape(at.picture(hanger));
        Surface metal = (x, y, sample) -> sample.color(0x6b5a48);
        canvas.paint(line, metal, new Lie(1, 0.5, 0.3, 0.1 * at.heads(), 0, false));
    }

    private void paintAll(Ready garment) {
        for (Stage stage : Stage.values()) {
            for (int side = -1; side <= 1; side += 2) {
                if (stage == Stage.SLEEVE || side < 0) {
                    paint(garment, stage, stage == Stage.SLEEVE ? side : 0);
                }
            }
        }
    }

    private void paint(Ready garment, Stage stage, int side) {
        for (Piece piece : garment.pieces()) {
            if (piece.stage() == stage && piece.side() == side) {
                paint(garment, piece);
            }
        }
    }

    private void paint(Ready garment, Piece piece) {
        View at = garment.view();
        double heads = at.heads();
        double[] p = new double[2];
        double[] uv = new double[2];
        Surface surface = (x, y, sample) -> {
            at.figure(x, y, p);
            piece.frame().locate(p[0], p[1], uv);
            garment.cloth().at(uv[0], uv[1], piece.finish(), sample);
            sample.height += heads * piece.relief().at(uv[0], uv[1]);
        };
        boolean inside = piece.finish() == Cloth.Finish.INSIDE;
        double lift = presentation == Presentation.WORN ? piece.lift() : Math.max(piece.lift(), 0.5);
        Coverage layer = canvas.paint(
                at.picture(piece.outline()),
                surface,
                new Lie(
                        0.13 * heads * garment.cloth().roundness(),
                        inside ? 0 : 1.5 * garment.cloth().roundness(),
                        0.5 * lift,
                        0.11 * heads,
                        inside ? 0 : garment.cloth().fringe(),
                        garment.target()));
        for (Detail detail : piece.details()) {
            paint(garment, layer, detail);
        }
    }

    private void paint(Ready garment, Coverage layer, Detail detail) {
        double heads = garment.view().heads();
        Shape shape = garment.view().picture(detail.shape());
        if (detail.width() > 0) {
            BasicStroke stroke = stroke(detail.width(), heads);
            if (detail.kind() == Kind.STITCH) {
                float dash = (float) Math.max(1.6, 0.07 * heads);
                stroke = new BasicStroke(
                        stroke.getLineWidth(),
                        BasicStroke.CAP_BUTT,
                        BasicStroke.JOIN_ROUND,
                        10,
                        new float[] {dash, dash * 0.6f},
                        0);
            }
            shape = stroke.createStrokedShape(shape);
        }
        Cloth cloth = garment.cloth();
        int rgb = switch (detail.kind()) {
            case SEAM, BAND -> cloth.seam();
            case STITCH, TRIM -> cloth.trim();
            case METAL -> 0xb8b6b0;
            case DARK -> 0x121214;
            case PALE -> 0xe6e2da;
        };
        double opacity = switch (detail.kind()) {
            case SEAM -> 0.6;
            case BAND -> 0.42;
            case STITCH -> 0.85;
            case TRIM -> 0.9;
            case METAL -> 0.9;
            case DARK -> 0.55;
            case PALE -> 0.85;
        };
        canvas.paintOn(layer, shape, rgb, opacity);
    }

    private static BasicStroke stroke(double width, double heads) {
        return new BasicStroke((float) Math.max(0.9, width * heads), BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND);
    }

    /** Bags, straps, leaves and magazines in front of some of the photos. */
    private void occlude() {
        SplittableRandom random = Seeds.stream(scene.seed(), OCCLUSION);
        double draw = random.nextDouble();
        int rgb = Palette.shade(FashionColor.values()[random.nextInt(9)], random);
        double heads = view.heads();
        double side = random.nextBoolean() ? 1 : -1;
        Surface surface = (x, y, sample) -> {
            sample.color(rgb);
            sample.gloss = 0.25f;
        };
        Lie lie = new Lie(0.08 * heads, 1.4, 0.4, 0.1 * heads, 0, false);
        if (presentation == Presentation.WORN && draw < 0.16) {
            Path2D strap = new Path2D.Double();
            strap.moveTo(side * 0.62, 1.36);
            strap.quadTo(side * 0.1, 2.4, -side * 0.72, 3.65);
            canvas.paint(stroke(0.075, heads).createStrokedShape(view.picture(strap)), surface, lie);
            Path2D bag = new Path2D.Double();
            bag.moveTo(-side * 0.55, 3.55);
            bag.lineTo(-side * 1.15, 3.6);
            bag.quadTo(-side * 1.25, 4.3, -side * 1.1, 4.35);
            bag.lineTo(-side * 0.55, 4.32);
            bag.closePath();
            canvas.paint(view.picture(bag), surface, lie);
        } else if (presentation == Presentation.WORN && draw < 0.24
                || presentation != Presentation.WORN && draw < 0.1) {
            Path2D leaf = new Path2D.Double();
            double x = side > 0 ? width : 0;
            double y = height * (0.3 + 0.7 * random.nextDouble());
            double reach = width * (0.18 + 0.17 * random.nextDouble());
            leaf.moveTo(x, y - reach * 0.5);
            leaf.quadTo(x - side * reach, y - reach * 0.7, x - side * reach * 1.25, y + reach * 0.2);
            leaf.quadTo(x - side * reach * 0.5, y + reach * 0.5, x, y + reach * 0.4);
            leaf.closePath();
            Surface green = (px, py, sample) -> {
                sample.color(0x3f6f3c);
                sample.scale(0.85 + 0.3 * Noise.at(5, px / 9, py / 30));
            };
            canvas.paint(leaf, green, lie);
        } else if (presentation == Presentation.FLAT && draw < 0.3) {
            Path2D paper = new Path2D.Double();
            double cx = width * (side > 0 ? 0.85 : 0.15);
            double cy = height * (0.2 + 0.6 * random.nextDouble());
            double w = width * 0.17;
            double turn = random.nextDouble();
            double cos = Math.cos(turn);
            double sin = Math.sin(turn);
            paper.moveTo(cx + w * cos - w * sin, cy + w * sin + w * cos);
            paper.lineTo(cx - w * cos - w * sin, cy - w * sin + w * cos);
            paper.lineTo(cx - w * cos + w * sin, cy - w * sin - w * cos);
            paper.lineTo(cx + w * cos + w * sin, cy + w * sin - w * cos);
            paper.closePath();
            Surface page = (px, py, sample) -> {
                double u = (px - cx) * cos + (py - cy) * sin;
                double v = (py - cy) * cos - (px - cx) * sin;
                sample.color(0xefebe2);
                if (v < -0.1 * w && Math.abs(u) < 0.8 * w && v > -0.85 * w) {
                    sample.color(rgb);
                } else if (v > 0 && Math.floor(v / 3) % 2 == 0 && Math.abs(u) < 0.75 * w) {
                    sample.color(0x8f8b84);
                }
            };
            canvas.paint(paper, page, lie);
        }
    }

    /** Exposure, a tint, darker corners and the sensor's noise. */
    private Surface camera() {
        SplittableRandom random = Seeds.stream(scene.seed(), CAMERA);
        double exposure = 0.86 + 0.26 * random.nextDouble();
        double warm = 0.03 * (random.nextDouble() - 0.5) * 2;
        double corner = 0.22 * random.nextDouble();
        double grain = 2 + 7 * random.nextDouble() * random.nextDouble();
        int seed = random.nextInt(1 << 24);
        return (x, y, sample) -> {
            double dx = (x - width / 2.0) / width;
            double dy = (y - height / 2.0) / height;
            sample.scale(exposure * (1 - corner * 2 * (dx * dx + dy * dy)));
            sample.red *= (float) (1 + warm);
            sample.blue *= (float) (1 - warm);
            float noise =
                    (float) (grain * (Noise.cell(seed, (int) x, (int) y) + Noise.cell(seed + 1, (int) x, (int) y) - 1));
            sample.red += noise;
            sample.green += noise;
            sample.blue += noise;
        };
    }
}
