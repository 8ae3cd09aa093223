package org.rafclip.data.drawn;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rafclip.data.drawn.Look.Fabric;
import org.rafclip.data.drawn.Look.Fit;
import org.rafclip.data.drawn.Look.Length;
import org.rafclip.data.drawn.Look.Neckline;
import org.rafclip.data.drawn.Look.Sleeve;
import org.rafclip.data.drawn.Look.Texture;
import org.rafclip.data.drawn.Scene.Dressed;
import org.rafclip.data.image.Mask;
import org.rafclip.data.text.FashionColor;

/** What the pixels of a photo say of each label: one dress in one scene, taken with other labels. */
class AttributesAreWhatTheyAreCalledTest {

    private static final int SIZE = 192;

    private static SceneRenderer.Photo photo(Look look, long seed) {
        return SceneRenderer.photo(new Scene(new Dressed(look, 9), List.of(), seed, SIZE));
    }

    private static Look dress(
            Texture texture, Sleeve sleeve, Length length, Neckline neckline, Fabric fabric, Fit fit) {
        return new Look(Category.DRESS, FashionColor.BLUE, texture, sleeve, length, neckline, fabric, fit);
    }

    private static Seen dress(Texture texture, long seed) {
        return Seen.of(photo(
                dress(
                        texture,
                        Sleeve.SHORT_SLEEVE,
                        Length.MINI_LENGTH,
                        Neckline.CREW_NECKLINE,
                        Fabric.COTTON,
                        Fit.CONVENTIONAL),
                seed));
    }

    private static Seen dress(Fabric fabric, long seed) {
        return Seen.of(photo(
                dress(
                        Texture.SOLID,
                        Sleeve.SHORT_SLEEVE,
                        Length.MINI_LENGTH,
                        Neckline.CREW_NECKLINE,
                        fabric,
                        Fit.CONVENTIONAL),
                seed));
    }

    private static Seen dress(Sleeve sleeve, Length length, Neckline neckline, Fit fit, long seed) {
        return Seen.of(photo(dress(Texture.SOLID, sleeve, length, neckline, Fabric.COTTON, fit), seed));
    }

    /**
     * Figures of a garment's pixels.
     *
     * @param area of the mask, in pixels
     * @param box width and height of the mask
     * @param top row of the mask
     * @param edge its pixels at the border, over the root of its area
     * @param across mean difference of lightness to the left and right of a pixel
     * @param down the same above and below it
     * @param fine mean size of the Laplacian of lightness
     * @param light lightness, ascending
     * @param colorful mean difference between the strongest and the weakest channel
     */
    private record Seen(
            int area,
            int[] box,
            int top,
            double edge,
            double across,
            double down,
            double fine,
            double[] light,
            double colorful) {

        static Seen of(SceneRenderer.Photo photo) {
            Mask mask = photo.garment();
            int w = mask.width();
            double[] light = new double[w * mask.height()];
            double[] colorful = new double[light.length];
            for (int i = 0; i < light.length; i++) {
                int red = photo.image().rgb()[3 * i] & 0xff;
                int green = photo.image().rgb()[3 * i + 1] & 0xff;
                int blue = photo.image().rgb()[3 * i + 2] & 0xff;
                light[i] = 0.299 * red + 0.587 * green + 0.114 * blue;
                colorful[i] = Math.max(red, Math.max(green, blue)) - Math.min(red, Math.min(green, blue));
            }
            int left = w;
            int right = 0;
            int top = mask.height();
            int bottom = 0;
            int border = 0;
            double across = 0;
            double down = 0;
            double fine = 0;
            double color = 0;
            List<Double> lights = new ArrayList<>();
            for (int y = 0; y < mask.height(); y++) {
                for (int x = 0; x < w; x++) {
                    if (!mask.get(x, y)) {
                        continue;
                    }
                    left = Math.min(left, x);
                    right = Math.max(right, x);
                    top = Math.min(top, y);
                    bottom = Math.max(bottom, y);
                    border += within(mask, x, y, 1) ? 0 : 1;
                    if (within(mask, x, y, 3)) {
                        int i = y * w + x;
                        across += Math.abs(light[i + 1] - light[i - 1]);
                        down += Math.abs(light[i + w] - light[i - w]);
                        fine += Math.abs(4 * light[i] - light[i + 1] - light[i - 1] - light[i + w] - light[i - w]);
                        color += colorful[i];
                        lights.add(light[i]);
                    }
                }
            }
            int n = lights.size();
            return new Seen(
                    mask.area(),
                    new int[] {right - left + 1, bottom - top + 1},
                    top,
                    border / Math.sqrt(mask.area()),
                    across / n,
                    down / n,
                    fine / n,
                    lights.stream().mapToDouble(Double::doubleValue).sorted().toArray(),
                    color / n);
        }

        private static boolean within(Mask mask, int x, int y, int margin) {
            for (int ny = y - margin; ny <= y + margin; ny++) {
                for (int nx = x - margin; nx <= x + margin; nx++) {
                    if (nx < 0 || ny < 0 || nx >= mask.width() || ny >= mask.height() || !mask.get(nx, ny)) {
                        return false;
                    }
                }
            }
            return true;
        }

        double light(double share) {
            return light[(int) (share * (light.length - 1))];
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4})
    void textures(long seed) {
        Map<Texture, Seen> by = new HashMap<>();
        Arrays.stream(Texture.values()).forEach(texture -> by.put(texture, dress(texture, seed)));
        Seen solid = by.get(Texture.SOLID);

        by.forEach((texture, seen) -> {
            if (texture != Texture.SOLID) {
                assertThat(solid.fine()).as("solid beside %s", texture).isLessThan(seen.fine());
            }
            if (texture != Texture.STRIPED) {
                assertThat(seen.fine())
                        .as("%s beside stripes", texture)
                        .isLessThan(0.95 * by.get(Texture.STRIPED).fine());
            }
        });
        Seen striped = by.get(Texture.STRIPED);
        Seen lattice = by.get(Texture.LATTICE);
        assertThat(striped.down()).as("stripes run across").isGreaterThan(3 * solid.down());
        assertThat(lattice.across()).as("a lattice has lines down").isGreaterThan(1.6 * solid.across());
        assertThat(lattice.down()).as("a lattice has lines across").isBetween(2 * solid.down(), striped.down() / 1.4);
        Seen pleated = by.get(Texture.PLEATED);
        assertThat(pleated.light(0.5)).as("pleats lie in the shade").isLessThan(0.96 * solid.light(0.5));
        assertThat(pleated.light(0.99)).as("and bring no color").isLessThan(solid.light(0.99) + 8);
        for (Texture colored : List.of(Texture.FLORAL, Texture.GRAPHIC, Texture.EMBROIDERED)) {
            assertThat(by.get(colored).light(0.99))
                    .as("%s has light colors", colored)
                    .isGreaterThan(solid.light(0.99) + 60);
        }
        assertThat(by.get(Texture.GRAPHIC).fine())
                .as("one print")
                .isLessThan(0.75 * by.get(Texture.FLORAL).fine());
        assertThat(by.get(Texture.EMBROIDERED).fine())
                .as("thread")
                .isGreaterThan(1.4 * by.get(Texture.FLORAL).fine());
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4})
    void fabrics(long seed) {
        Map<Fabric, Seen> by = new HashMap<>();
        Arrays.stream(Fabric.values()).forEach(fabric -> by.put(fabric, dress(fabric, seed)));
        Seen cotton = by.get(Fabric.COTTON);

        by.forEach((fabric, seen) -> {
            if (fabric != Fabric.COTTON) {
                assertThat(cotton.fine()).as("cotton beside %s", fabric).isLessThan(seen.fine());
            }
            if (fabric != Fabric.LEATHER) {
                assertThat(seen.light(0.95))
                        .as("%s is dull", fabric)
                        .isLessThan(by.get(Fabric.LEATHER).light(0.95) - 40);
            }
        });
        assertThat(by.get(Fabric.LEATHER).light(0.99)).as("leather shines").isGreaterThan(cotton.light(0.99) + 60);
        assertThat(by.get(Fabric.CHIFFON).colorful()).as("chiffon lets through").isLessThan(0.85 * cotton.colorful());
        assertThat(by.get(Fabric.DENIM).light(0.99)).as("denim has light seams").isGreaterThan(cotton.light(0.99) + 10);
        assertThat(by.get(Fabric.DENIM).colorful()).as("denim is dense").isGreaterThan(0.95 * cotton.colorful());
        assertThat(by.get(Fabric.KNIT).down()).as("knit has rows").isGreaterThan(1.8 * cotton.down());
        assertThat(by.get(Fabric.FAUX).edge()).as("fur has a rough edge").isGreaterThan(cotton.edge());
        assertThat(by.get(Fabric.FAUX).light(0.99)).as("and light hairs").isGreaterThan(cotton.light(0.99) + 12);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4})
    void sleevesLengthsAndFits(long seed) {
        Neckline crew = Neckline.CREW_NECKLINE;
        Seen normal = dress(Sleeve.SHORT_SLEEVE, Length.MINI_LENGTH, crew, Fit.CONVENTIONAL, seed);

        assertThat(dress(Sleeve.LONG_SLEEVE, Length.MINI_LENGTH, crew, Fit.CONVENTIONAL, seed)
                        .area())
                .isGreaterThan((int) (1.1 * normal.area()));
        assertThat(dress(Sleeve.SLEEVELESS, Length.MINI_LENGTH, crew, Fit.CONVENTIONAL, seed)
                        .area())
                .isLessThan((int) (0.9 * normal.area()));
        assertThat(dress(Sleeve.SHORT_SLEEVE, Length.MAXI_LENGTH, crew, Fit.CONVENTIONAL, seed)
                        .box()[1])
                .isGreaterThan((int) (1.4 * normal.box()[1]));
        assertThat(dress(Sleeve.SHORT_SLEEVE, Length.MINI_LENGTH, crew, Fit.TIGHT, seed)
                        .area())
                .isLessThan((int) (0.9 * normal.area()));
        assertThat(dress(Sleeve.SHORT_SLEEVE, Length.MINI_LENGTH, crew, Fit.LOOSE, seed)
                        .area())
                .isGreaterThan((int) (1.15 * normal.area()));
        Look noDress = new Look(
                Category.TEE,
                FashionColor.BLUE,
                Texture.SOLID,
                Sleeve.SHORT_SLEEVE,
                Length.NO_DRESS,
                crew,
                Fabric.COTTON,
                Fit.CONVENTIONAL);
        int[] tee = Seen.of(photo(noDress, seed)).box();
        assertThat((double) tee[1] / tee[0])
                .as("for its width a top is shorter than the shortest dress")
                .isLessThan((double) normal.box()[1] / normal.box()[0]);
    }

    /** Scenes in which the garment is upright: worn or on a hanger. */
    @ParameterizedTest
    @ValueSource(longs = {2, 3, 5, 6})
    void necklines(long seed) {
        Map<Neckline, SceneRenderer.Photo> by = new HashMap<>();
        for (Neckline neckline : Neckline.values()) {
            by.put(
                    neckline,
                    photo(
                            dress(
                                    Texture.SOLID,
                                    Sleeve.SLEEVELESS,
                                    Length.MINI_LENGTH,
                                    neckline,
                                    Fabric.COTTON,
                                    Fit.CONVENTIONAL),
                            seed));
        }
        SceneRenderer.Photo crew = by.get(Neckline.CREW_NECKLINE);

        assertThat(widthNearTheBottom(crew, by.get(Neckline.V_NECKLINE)))
                .as("a V comes to a point")
                .isLessThan(0.5);
        assertThat(widthNearTheBottom(crew, by.get(Neckline.SQUARE_NECKLINE)))
                .as("a square does not")
                .isGreaterThan(0.8);
        assertThat(Seen.of(by.get(Neckline.NO_NECKLINE)).top())
                .as("no neckline leaves the shoulders bare")
                .isGreaterThan(Seen.of(crew).top() + SIZE / 50);
    }

    /** The width of what two photos differ in, at three quarters of its height, as a share of its greatest width. */
    private static double widthNearTheBottom(SceneRenderer.Photo one, SceneRenderer.Photo other) {
        int w = one.image().width();
        List<Integer> widths = new ArrayList<>();
        for (int y = 0; y < one.image().height(); y++) {
            int left = w;
            int right = -1;
            for (int x = 0; x < w; x++) {
                int difference = 0;
                for (int at = 3 * (y * w + x); at < 3 * (y * w + x + 1); at++) {
                    difference += Math.abs(
                            (one.image().rgb()[at] & 0xff) - (other.image().rgb()[at] & 0xff));
                }
                if (difference > 60) {
                    left = Math.min(left, x);
                    right = x;
                }
            }
            if (right >= 0) {
                widths.add(right - left + 1);
            }
        }
        int greatest = widths.stream().mapToInt(Integer::intValue).max().orElseThrow();
        return (double) widths.get(3 * widths.size() / 4) / greatest;
    }
}
