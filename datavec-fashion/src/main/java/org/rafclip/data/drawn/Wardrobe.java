package org.rafclip.data.drawn;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Function;
import org.rafclip.data.text.FashionColor;

/**
 * Which garments there are: labels that go together, with common and rare ones. The weights are in {@code wardrobe.json};
 * they make classes as unequal as those of the real photos.
 */
final class Wardrobe {

    private final Map<Category, Rack> racks;

    /** The weights of one category's labels; a label that is not listed does not occur. */
    private record Rack(
            double weight,
            Map<String, Double> color,
            Map<String, Double> texture,
            Map<String, Double> sleeve,
            Map<String, Double> length,
            Map<String, Double> neckline,
            Map<String, Double> fabric,
            Map<String, Double> fit) {}

    private Wardrobe(Map<Category, Rack> racks) {
        this.racks = racks;
    }

    /** The weights that come with the library. */
    static Wardrobe load() {
        ObjectMapper json = new ObjectMapper();
        try (InputStream in = Wardrobe.class.getResourceAsStream("wardrobe.json")) {
            if (in == null) {
                throw new IllegalStateException("org/rafclip/data/drawn/wardrobe.json is not on the class path");
            }
            return new Wardrobe(json.readValue(
                    in, json.getTypeFactory().constructMapType(EnumMap.class, Category.class, Rack.class)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Draws a garment of any kind. */
    Look draw(SplittableRandom random) {
        return draw(random, Arrays.asList(Category.values()));
    }

    /** A garment of one of these categories. */
    Look draw(SplittableRandom random, List<Category> categories) {
        Map<Category, Double> weights = new EnumMap<>(Category.class);
        categories.forEach(category -> weights.put(category, racks.get(category).weight()));
        Category category = pick(random, weights);
        Rack rack = racks.get(category);
        Look look = new Look(
                category,
                pick(random, rack.color(), FashionColor.class),
                pick(random, rack.texture(), Look.Texture.class),
                pick(random, rack.sleeve(), Look.Sleeve.class),
                pick(random, rack.length(), Look.Length.class),
                pick(random, rack.neckline(), Look.Neckline.class),
                pick(random, rack.fabric(), Look.Fabric.class),
                pick(random, rack.fit(), Look.Fit.class));
        return plausible(look) ? look : draw(random, List.of(category));
    }

    /** The same garment with one or two labels changed, of a category like its own. */
    Look vary(Look look, SplittableRandom random) {
        Look varied = look;
        int changes = random.nextInt(100) < 60 ? 1 : 2;
        for (int attempt = 0; attempt < 200 && differences(look, varied) < changes; attempt++) {
            Look other = change(varied, random);
            if (differences(look, other) <= changes && plausible(other)) {
                varied = other;
            }
        }
        return varied;
    }

    private Look change(Look look, SplittableRandom random) {
        Rack rack = racks.get(look.category());
        switch (random.nextInt(9)) {
            case 0, 1 -> {
                return with(look, pick(random, rack.color(), FashionColor.class));
            }
            case 2 -> {
                List<Category> kin = Arrays.stream(Category.values())
                        .filter(other -> other.part() == look.category().part() && fits(look, other))
                        .toList();
                Category category = kin.get(random.nextInt(kin.size()));
                return new Look(
                        category,
                        look.color(),
                        look.texture(),
                        look.sleeve(),
                        look.length(),
                        look.neckline(),
                        look.fabric(),
                        look.fit());
            }
            default -> {
                Look other = draw(random, List.of(look.category()));
                int group = random.nextInt(6);
                return new Look(
                        look.category(),
                        look.color(),
                        group == 0 ? other.texture() : look.texture(),
                        group == 1 ? other.sleeve() : look.sleeve(),
                        group == 2 ? other.length() : look.length(),
                        group == 3 ? other.neckline() : look.neckline(),
                        group == 4 ? other.fabric() : look.fabric(),
                        group == 5 ? other.fit() : look.fit());
            }
        }
    }

    private static Look with(Look look, FashionColor color) {
        return new Look(
                look.category(),
                color,
                look.texture(),
                look.sleeve(),
                look.length(),
                look.neckline(),
                look.fabric(),
                look.fit());
    }

    /** Whether a category has all other labels of a look. */
    private boolean fits(Look look, Category category) {
        Rack rack = racks.get(category);
        return rack.texture().containsKey(key(look.texture()))
                && rack.sleeve().containsKey(key(look.sleeve()))
                && rack.length().containsKey(key(look.length()))
                && rack.neckline().containsKey(key(look.neckline()))
                && rack.fabric().containsKey(key(look.fabric()))
                && rack.fit().containsKey(key(look.fit()))
                && rack.color().containsKey(key(look.color()));
    }

    private static int differences(Look a, Look b) {
        int differences = (a.category() == b.category() ? 0 : 1) + (a.color() == b.color() ? 0 : 1);
        for (int group = 0; group < a.attributes().size(); group++) {
            differences += a.attributes().get(group).equals(b.attributes().get(group)) ? 0 : 1;
        }
        return differences;
    }

    /** What cannot be: straps are needed where there are sleeves; fur and leather take no print or pleats. */
    private static boolean plausible(Look look) {
        boolean strapless = look.neckline() == Look.Neckline.NO_NECKLINE
                && look.sleeve() != Look.Sleeve.SLEEVELESS
                && look.category().part() != Category.Part.OUTER;
        boolean fur = look.fabric() == Look.Fabric.FAUX
                && look.texture() != Look.Texture.SOLID
                && look.texture() != Look.Texture.STRIPED
                && look.texture() != Look.Texture.LATTICE;
        boolean stiff = (look.fabric() == Look.Fabric.LEATHER || look.fabric() == Look.Fabric.DENIM)
                && (look.texture() == Look.Texture.PLEATED
                        || look.fabric() == Look.Fabric.LEATHER
                                && (look.texture() == Look.Texture.LATTICE || look.texture() == Look.Texture.STRIPED));
        boolean knitted = look.fabric() == Look.Fabric.KNIT && look.texture() == Look.Texture.PLEATED;
        return !strapless && !fur && !stiff && !knitted;
    }

    private static <E extends Enum<E>> E pick(SplittableRandom random, Map<String, Double> weights, Class<E> type) {
        Map<E, Double> typed = new LinkedHashMap<>();
        List<E> values = new ArrayList<>(Arrays.asList(type.getEnumConstants()));
        Function<E, Double> weight = value -> weights.getOrDefault(key(value), 0.0);
        values.forEach(value -> typed.put(value, weight.apply(value)));
        return pick(random, typed);
    }

    private static <T> T pick(SplittableRandom random, Map<T, Double> weights) {
        double left = random.nextDouble()
                * weights.values().stream().mapToDouble(Double::doubleValue).sum();
        T last = null;
        for (Map.Entry<T, Double> entry : weights.entrySet()) {
            if (entry.getValue() > 0) {
                last = entry.getKey();
                left -= entry.getValue();
                if (left < 0) {
                    break;
                }
            }
        }
        return last;
    }

    private static String key(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }
}
