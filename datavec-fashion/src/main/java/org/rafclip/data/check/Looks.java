package org.rafclip.data.check;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.rafclip.data.Progress;
import org.rafclip.data.Workers;
import org.rafclip.data.image.RgbImage;

/**
 * How a photo looks from afar, so that the same one is known again after it was saved anew in another size or quality: the
 * difference hash. Its brightness is averaged over a grid of 17 by 16 cells; a bit says whether a cell is clearly brighter
 * than the one to its right.
 *
 * @param shape width by height
 */
record Looks(long first, long second, long third, long fourth, double shape) {

    private static final int SIDE = 16;

    /** Five gray levels in thousandths: in less, plain walls differ by chance. */
    private static final int CLEARLY = 5_000;

    /**
     * Of all edges that two photos have, copies differ in one of so many at most. Of 400 photos, 200 pixels wide, saved anew at
     * 60 % of their size and JPEG's quality 50, 396 were within it, at 30 % and quality 70 299; of the 5.1 million pairs of
     * 3,200 photos of single garments before plain walls none was, and 21 of the 12.5 million pairs of 5,000 photos of
     * models in studios: ten copies, the others alike in pose and outline. A count of differing bits alone finds hundreds
     * of those, because a slim figure before white has few edges.
     */
    private static final int NEAR = 5;

    /** The shape of a copy, rounded to whole pixels, is at most this times its original's. */
    private static final double SAME_SHAPE = 1.03;

    /** Set bits below which a photo is a plain area. */
    private static final int FEW = 16;

    static Looks of(RgbImage image) {
        double[][] cells = brightness(image);
        long[] bits = new long[4];
        for (int y = 0; y < SIDE; y++) {
            for (int x = 0; x < SIDE; x++) {
                if (cells[y][x] > cells[y][x + 1] + CLEARLY) {
                    bits[y / 4] |= 1L << (y % 4 * SIDE + x);
                }
            }
        }
        return new Looks(bits[0], bits[1], bits[2], bits[3], (double) image.width() / image.height());
    }

    /**
     * The mean of each cell's pixels, red, green and blue weighted as the eye does. A pixel on the line between two cells
     * belongs to both by its parts: rounded to whole pixels, lines of a small copy would be elsewhere.
     */
    private static double[][] brightness(RgbImage image) {
        double[][] cells = new double[SIDE][SIDE + 1];
        double width = (double) image.width() / (SIDE + 1);
        double height = (double) image.height() / SIDE;
        double[] before = new double[image.width() + 1];
        for (int y = 0; y < image.height(); y++) {
            for (int x = 0; x < image.width(); x++) {
                before[x + 1] =
                        before[x] + 299 * image.get(x, y, 0) + 587 * image.get(x, y, 1) + 114 * image.get(x, y, 2);
            }
            int last = Math.min(SIDE - 1, (int) ((y + 1) / height));
            for (int row = (int) (y / height); row <= last; row++) {
                double part = Math.min(y + 1, (row + 1) * height) - Math.max(y, row * height);
                for (int cell = 0; cell <= SIDE && part > 0; cell++) {
                    cells[row][cell] +=
                            part * (upTo((cell + 1) * width, before) - upTo(cell * width, before)) / (width * height);
                }
            }
        }
        return cells;
    }

    /** What a row of pixels sums to left of a place in it. */
    private static double upTo(double place, double[] before) {
        int whole = Math.min((int) place, before.length - 2);
        return before[whole] + (place - whole) * (before[whole + 1] - before[whole]);
    }

    /** A photo of one list and one of another, by their places in them. */
    record Pair(int one, int other) {}

    /**
     * The photos of two lists that look like copies of one; what has next to no edge looks like nothing.
     *
     * @return in the order of the first list, then of the second
     */
    static List<Pair> alike(List<Looks> some, List<Looks> others, int threads) throws InterruptedException {
        int[] places = IntStream.range(0, others.size())
                .filter(i -> others.get(i).edges() >= FEW)
                .toArray();
        long[] bits = new long[4 * places.length];
        int[] edges = new int[places.length];
        for (int i = 0; i < places.length; i++) {
            Looks other = others.get(places[i]);
            other.write(bits, 4 * i);
            edges[i] = other.edges();
        }
        List<List<Pair>> found = new ArrayList<>(Collections.nCopies(some.size(), List.of()));
        Workers.forEach(
                "look-alikes",
                some.size(),
                threads,
                i -> {
                    if (some.get(i).edges() >= FEW) {
                        found.set(
                                i,
                                some.get(i)
                                        .near(bits, edges)
                                        .map(near -> places[near])
                                        .filter(place -> some.get(i).hasShapeOf(others.get(place)))
                                        .mapToObj(place -> new Pair(i, place))
                                        .toList());
                    }
                },
                Progress.NONE);
        return found.stream().flatMap(List::stream).toList();
    }

    /**
     * Which of many hashes are near. With d bits differing, photos of a and b edges have (a + b + d) / 2 edges together, so
     * that d is a fifth of them at most where 9 d is at most a + b.
     */
    private IntStream near(long[] bits, int[] edges) {
        int own = edges();
        IntStream.Builder near = IntStream.builder();
        for (int i = 0; i < edges.length; i++) {
            int both = own + edges[i];
            int differ = Long.bitCount(first ^ bits[4 * i]) + Long.bitCount(second ^ bits[4 * i + 1]);
            if (differ * (2 * NEAR - 1) <= both) {
                differ += Long.bitCount(third ^ bits[4 * i + 2]) + Long.bitCount(fourth ^ bits[4 * i + 3]);
                if (differ * (2 * NEAR - 1) <= both) {
                    near.add(i);
                }
            }
        }
        return near.build();
    }

    private boolean hasShapeOf(Looks other) {
        return Math.max(shape / other.shape, other.shape / shape) <= SAME_SHAPE;
    }

    private void write(long[] bits, int at) {
        bits[at] = first;
        bits[at + 1] = second;
        bits[at + 2] = third;
        bits[at + 3] = fourth;
    }

    private int edges() {
        return Long.bitCount(first) + Long.bitCount(second) + Long.bitCount(third) + Long.bitCount(fourth);
    }
}
