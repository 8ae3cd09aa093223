package org.rafclip.report;

import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.rafclip.eval.Table;

/**
 * A figure as tables print it.
 *
 * @param mean over seeds, or the one value
 * @param deviation sample standard deviation over seeds, null where there is one value
 */
record Amount(double mean, Double deviation) {

    private static final Pattern PRINTED = Pattern.compile("([+−-]?[\\d,]*\\.?\\d+)(?: ± ([\\d,]*\\.?\\d+))?");

    /** Shares between 0 and 1 are printed with four digits, and nothing else is. */
    private static final Pattern SHARE = Pattern.compile("[01]\\.\\d{4}(?: ± [01]\\.\\d{4})?");

    /** Empty for what is no figure, such as {@link Table#NONE}. */
    static Optional<Amount> of(String cell) {
        Matcher matcher = PRINTED.matcher(cell);
        return matcher.matches()
                ? Optional.of(new Amount(
                        number(matcher.group(1)), matcher.group(2) == null ? null : number(matcher.group(2))))
                : Optional.empty();
    }

    private static double number(String text) {
        return Double.parseDouble(text.replace(",", "").replace('−', '-'));
    }

    /** Whether a cell is a share that {@link #percent(String)} words as the page words all of them. */
    static boolean isShare(String cell) {
        return SHARE.matcher(cell).matches();
    }

    /** A share's cell in percent: {@code 33.61} for {@code 0.3361}; anything else stays. */
    static String percent(String cell) {
        return isShare(cell) ? of(cell).orElseThrow().times(100).toString() : cell;
    }

    private Amount times(double factor) {
        return new Amount(factor * mean, deviation == null ? null : factor * deviation);
    }

    /** Two digits, with the deviation where there is one. */
    @Override
    public String toString() {
        return String.format(Locale.ROOT, "%.2f", mean)
                + (deviation == null ? "" : String.format(Locale.ROOT, " ± %.2f", deviation));
    }

    /** How far this is above another. */
    Gap over(Amount other) {
        return new Gap(
                mean - other.mean,
                deviation == null && other.deviation == null ? null : orZero(deviation) + orZero(other.deviation));
    }

    private static double orZero(Double value) {
        return value == null ? 0 : value;
    }

    /**
     * A difference beside the spread of seeds.
     *
     * @param points by which the one is above the other, as printed: rounded to two digits
     * @param spread both deviations together, null where neither side has several seeds
     */
    record Gap(double points, Double spread) {

        Gap {
            points = Math.round(100 * points) / 100.0;
        }

        /** Whether the ranges mean ± deviation touch, so that other seeds may turn the difference round. */
        boolean within() {
            return spread != null && Math.abs(points) <= spread + 1e-9;
        }

        /** The difference with its sign. */
        String signed() {
            return String.format(Locale.ROOT, "%+.2f", points).replace('-', '−');
        }

        /** The difference without its sign. */
        String size() {
            return String.format(Locale.ROOT, "%.2f", Math.abs(points));
        }
    }
}
