package org.rafclip.data.drawn;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.rafclip.data.drawn.Scene.Dressed;
import org.rafclip.data.image.Mask;
import org.rafclip.data.text.FashionColor;

/** Two photos of one scene, one label apart: they differ on the garment, and nowhere else but in its edge and shadow. */
class AttributesAreDrawnTest {

    private static final int SIZE = 192;

    private static final Look DRESS = new Look(
            Category.DRESS,
            FashionColor.BLUE,
            Look.Texture.SOLID,
            Look.Sleeve.SHORT_SLEEVE,
            Look.Length.MINI_LENGTH,
            Look.Neckline.CREW_NECKLINE,
            Look.Fabric.COTTON,
            Look.Fit.CONVENTIONAL);

    private record Change(String name, Look from, Look to, int beyond) {
        @Override
        public String toString() {
            return name;
        }
    }

    static List<Change> changes() {
        List<Change> changes = new ArrayList<>();
        for (Look.Texture texture : Look.Texture.values()) {
            if (texture != Look.Texture.SOLID) {
                changes.add(change(
                        texture,
                        DRESS,
                        look(texture, DRESS.sleeve(), DRESS.length(), DRESS.neckline(), DRESS.fabric(), DRESS.fit()),
                        texture == Look.Texture.PLEATED ? 10 : 2));
            }
        }
        for (Look.Fabric fabric : Look.Fabric.values()) {
            if (fabric != Look.Fabric.COTTON) {
                changes.add(change(
                        fabric,
                        DRESS,
                        look(DRESS.texture(), DRESS.sleeve(), DRESS.length(), DRESS.neckline(), fabric, DRESS.fit()),
                        10));
            }
        }
        changes.add(change(
                Look.Sleeve.LONG_SLEEVE,
                DRESS,
                look(
                        DRESS.texture(),
                        Look.Sleeve.LONG_SLEEVE,
                        DRESS.length(),
                        DRESS.neckline(),
                        DRESS.fabric(),
                        DRESS.fit()),
                10));
        changes.add(change(
                Look.Sleeve.SLEEVELESS,
                DRESS,
                look(
                        DRESS.texture(),
                        Look.Sleeve.SLEEVELESS,
                        DRESS.length(),
                        DRESS.neckline(),
                        DRESS.fabric(),
                        DRESS.fit()),
                10));
        changes.add(change(
                Look.Length.MAXI_LENGTH,
                DRESS,
                look(
                        DRESS.texture(),
                        DRESS.sleeve(),
                        Look.Length.MAXI_LENGTH,
                        DRESS.neckline(),
                        DRESS.fabric(),
                        DRESS.fit()),
                10));
        changes.add(change(
                Look.Neckline.V_NECKLINE,
                DRESS,
                look(
                        DRESS.texture(),
                        DRESS.sleeve(),
                        DRESS.length(),
                        Look.Neckline.V_NECKLINE,
                        DRESS.fabric(),
                        DRESS.fit()),
                10));
        changes.add(change(
                Look.Neckline.SQUARE_NECKLINE,
                DRESS,
                look(
                        DRESS.texture(),
                        DRESS.sleeve(),
                        DRESS.length(),
                        Look.Neckline.SQUARE_NECKLINE,
                        DRESS.fabric(),
                        DRESS.fit()),
                10));
        Look bare = look(
                DRESS.texture(), Look.Sleeve.SLEEVELESS, DRESS.length(), DRESS.neckline(), DRESS.fabric(), DRESS.fit());
        changes.add(change(
                Look.Neckline.NO_NECKLINE,
                bare,
                look(
                        DRESS.texture(),
                        Look.Sleeve.SLEEVELESS,
                        DRESS.length(),
                        Look.Neckline.NO_NECKLINE,
                        DRESS.fabric(),
                        DRESS.fit()),
                10));
        changes.add(change(
                Look.Fit.TIGHT,
                DRESS,
                look(DRESS.texture(), DRESS.sleeve(), DRESS.length(), DRESS.neckline(), DRESS.fabric(), Look.Fit.TIGHT),
                10));
        changes.add(change(
                Look.Fit.LOOSE,
                DRESS,
                look(DRESS.texture(), DRESS.sleeve(), DRESS.length(), DRESS.neckline(), DRESS.fabric(), Look.Fit.LOOSE),
                10));
        return changes;
    }

    private static Change change(Enum<?> label, Look from, Look to, int beyond) {
        return new Change(label.name().toLowerCase(java.util.Locale.ROOT), from, to, beyond);
    }

    private static Look look(
            Look.Texture texture,
            Look.Sleeve sleeve,
            Look.Length length,
            Look.Neckline neckline,
            Look.Fabric fabric,
            Look.Fit fit) {
        return new Look(Category.DRESS, FashionColor.BLUE, texture, sleeve, length, neckline, fabric, fit);
    }

    @ParameterizedTest
    @MethodSource("changes")
    void aChangedLabelShowsOnTheGarmentAndNowhereElse(Change change) {
        double strongest = 0;
        for (long seed = 1; seed <= 4; seed++) {
            SceneRenderer.Photo one =
                    SceneRenderer.photo(new Scene(new Dressed(change.from(), 9), List.of(), seed, SIZE));
            SceneRenderer.Photo other =
                    SceneRenderer.photo(new Scene(new Dressed(change.to(), 9), List.of(), seed, SIZE));
            assertThat(other.image().width()).isEqualTo(one.image().width());
            boolean[] near = near(one.garment(), other.garment(), change.beyond());
            long sum = 0;
            int outside = 0;
            for (int i = 0; i < near.length; i++) {
                int difference = 0;
                for (int channel = 0; channel < 3; channel++) {
                    difference += Math.abs((one.image().rgb()[3 * i + channel] & 0xff)
                            - (other.image().rgb()[3 * i + channel] & 0xff));
                }
                outside += !near[i] && difference > 0 ? 1 : 0;
                sum += difference;
            }
            // a sliver of cloth beside an arm can be less than half of every pixel it lies in
            assertThat(outside).as("pixels elsewhere, seed %d", seed).isLessThan(near.length / 1000);
            strongest = Math.max(strongest, sum / 3.0 / one.garment().area());
        }
        assertThat(strongest).as("gray levels per pixel of the garment").isGreaterThan(2);
    }

    /** The pixels that are at most so many away from one of the masks. */
    private static boolean[] near(Mask one, Mask other, int distance) {
        boolean[] near = new boolean[one.inside().length];
        for (int y = 0; y < one.height(); y++) {
            for (int x = 0; x < one.width(); x++) {
                if (one.get(x, y) || other.get(x, y)) {
                    for (int ny = Math.max(0, y - distance); ny <= Math.min(one.height() - 1, y + distance); ny++) {
                        for (int nx = Math.max(0, x - distance); nx <= Math.min(one.width() - 1, x + distance); nx++) {
                            near[ny * one.width() + nx] = true;
                        }
                    }
                }
            }
        }
        return near;
    }
}
