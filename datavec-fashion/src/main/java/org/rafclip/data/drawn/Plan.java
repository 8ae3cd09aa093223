package org.rafclip.data.drawn;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import org.rafclip.data.Seeds;
import org.rafclip.data.drawn.Scene.Dressed;

/**
 * Which photos are taken of what. Garments come in families that differ in one or two labels and share their style; of
 * each garment there are one to three photos. A family stays within one split, so no garment of a test is known from
 * training.
 */
record Plan(List<Shot> shots) {

    private static final int PLAN = 1;
    private static final int OTHERS = 2;
    private static final int PHOTO = 3;

    /** A photo of the plan's list is taken anew at most this often; see {@link Shot#scene}. */
    static final int ATTEMPTS = 12;

    /** The splits and the share of photos that each gets. */
    enum Split {
        TRAIN(0.70),
        VAL(0.15),
        TEST(0.15);

        private final double share;

        Split(double share) {
            this.share = share;
        }

        String word() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * One photo.
     *
     * @param number from 1
     * @param garment that it is of
     * @param product number of that garment
     * @param family number of its family
     */
    record Shot(int number, Split split, Dressed garment, int product, int family, long seed, int size) {

        /** The photo's name without an extension. */
        String id() {
            return String.format(Locale.ROOT, "%05d", number);
        }

        /** What the photo shows the n-th time it is tried, from 0. */
        Scene scene(Wardrobe wardrobe, int attempt) {
            SplittableRandom random = Seeds.stream(seed, OTHERS, number, attempt);
            return new Scene(
                    garment,
                    others(wardrobe, garment.look(), random),
                    Seeds.stream(seed, PHOTO, number, attempt).nextLong(),
                    size);
        }
    }

    Plan {
        shots = List.copyOf(shots);
    }

    static Plan draw(Wardrobe wardrobe, int images, int size, long seed) {
        SplittableRandom random = Seeds.stream(seed, PLAN);
        List<Shot> shots = new ArrayList<>(images);
        int[] count = new int[Split.values().length];
        int product = 0;
        for (int family = 1; shots.size() < images; family++) {
            Split split = mostWanted(count, shots.size());
            long style = random.nextLong();
            List<Look> looks = new ArrayList<>();
            looks.add(wardrobe.draw(random));
            int members = 1 + random.nextInt(4);
            while (looks.size() < members) {
                Look look = wardrobe.vary(looks.get(random.nextInt(looks.size())), random);
                if (!looks.contains(look)) {
                    looks.add(look);
                } else {
                    members--;
                }
            }
            for (Look look : looks) {
                product++;
                int draw = random.nextInt(100);
                int photos = draw < 45 ? 1 : draw < 80 ? 2 : 3;
                for (int photo = 0; photo < photos && shots.size() < images; photo++) {
                    shots.add(new Shot(shots.size() + 1, split, new Dressed(look, style), product, family, seed, size));
                    count[split.ordinal()]++;
                }
            }
        }
        return new Plan(shots);
    }

    private static Split mostWanted(int[] count, int total) {
        Split wanted = Split.TRAIN;
        double most = Double.NEGATIVE_INFINITY;
        for (Split split : Split.values()) {
            double lack = split.share * (total + 1) - count[split.ordinal()];
            if (lack > most) {
                most = lack;
                wanted = split;
            }
        }
        return wanted;
    }

    /** What is worn with a garment, or lies beside it. */
    static List<Dressed> others(Wardrobe wardrobe, Look look, SplittableRandom random) {
        List<Dressed> others = new ArrayList<>();
        switch (look.category().part()) {
            case UPPER -> {
                others.add(dressed(wardrobe, random, Category.Part.LOWER));
                if (random.nextInt(100) < 16) {
                    others.add(dressed(wardrobe, random, Category.Part.OUTER));
                }
            }
            case OUTER -> {
                others.add(dressed(wardrobe, random, Category.Part.UPPER));
                others.add(dressed(wardrobe, random, Category.Part.LOWER));
            }
            case LOWER -> others.add(dressed(wardrobe, random, Category.Part.UPPER));
            case WHOLE -> {
                if (random.nextInt(100) < 30) {
                    others.add(dressed(wardrobe, random, Category.Part.OUTER));
                }
            }
        }
        return others;
    }

    private static Dressed dressed(Wardrobe wardrobe, SplittableRandom random, Category.Part part) {
        List<Category> categories = Arrays.stream(Category.values())
                .filter(category -> category.part() == part)
                .toList();
        return new Dressed(wardrobe.draw(random, categories), random.nextLong());
    }
}
