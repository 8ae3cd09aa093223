package org.rafclip.launch;

import java.io.Console;
import java.io.PrintStream;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.Locale;

/**
 * The progress of one long task in a line: label, done and total, rate, remaining time, and any further text such as loss
 * and learning rate.
 *
 * <p>On a terminal one line is redrawn, at most ten times a second. Elsewhere (a file, a pipe) a plain line is printed at
 * most every ten seconds, so that logs stay readable. The first and the last state are always shown. The rate is the one
 * of the last half minute. Thread-safe.
 */
public final class ProgressLine implements AutoCloseable {
    private static final Duration REDRAW = Duration.ofMillis(100);
    private static final Duration PLAIN = Duration.ofSeconds(10);
    private static final Duration RATE_WINDOW = Duration.ofSeconds(30);
    private static final int BAR = 20;
    private static final String ERASE_TO_END_OF_LINE = "\u001b[K";

    private final String label;
    private final String unit;
    private final long total;
    private final PrintStream out;
    private final boolean live;
    private final int columns;
    private final InstantSource clock;
    private final Instant begin;
    private final long doneAtBegin;
    private final Deque<Sample> samples = new ArrayDeque<>();
    private long done;
    private String extra = "";
    private Instant shown = Instant.MIN;
    private boolean closed;

    private record Sample(Instant time, long done) {}

    /**
     * Where progress is shown.
     *
     * @param live whether {@code out} is a terminal
     * @param columns the terminal's width in characters; a longer line loses the bar, then its end
     */
    public record View(PrintStream out, boolean live, int columns, InstantSource clock) {
        /**
         * Standard error, as a bar if somebody watches it, by the system's clock. The width is taken from the environment
         * variable COLUMNS, else 80.
         */
        public static View standardError() {
            String columns = System.getenv().getOrDefault("COLUMNS", "80");
            return new View(
                    System.err,
                    isTerminal(),
                    columns.matches("\\d{1,4}") ? Integer.parseInt(columns) : 80,
                    InstantSource.system());
        }

        private static boolean isTerminal() {
            Console console = System.console();
            if (console == null || System.getenv().getOrDefault("TERM", "dumb").equals("dumb")) {
                return false;
            }
            try {
                // From JDK 22 on there is a console without a terminal too.
                return (boolean) Console.class.getMethod("isTerminal").invoke(console);
            } catch (ReflectiveOperationException beforeJdk22) {
                return true;
            }
        }
    }

    /**
     * Starts a task and shows it.
     *
     * @param label what is done
     * @param unit what is counted, in the plural
     * @param total how many there are; 0 or less when nobody knows
     * @param done how many were done before, in a resumed run; they do not count for the rate
     */
    public ProgressLine(View view, String label, String unit, long total, long done) {
        this.label = label;
        this.unit = unit;
        this.total = total;
        this.out = view.out();
        this.live = view.live();
        this.columns = view.columns();
        this.clock = view.clock();
        this.begin = clock.instant();
        this.doneAtBegin = done;
        this.done = done;
        samples.add(new Sample(begin, done));
        show(begin);
    }

    /** Shows a line while something is done that cannot be counted; on a terminal it is gone afterwards. */
    public static void during(View view, String label, Runnable task) {
        view.out().print(view.live() ? label : label + "\n");
        view.out().flush();
        task.run();
        if (view.live()) {
            view.out().print("\r" + ERASE_TO_END_OF_LINE);
            view.out().flush();
        }
    }

    /** Adds to what is done. */
    public void advance(long more) {
        advance(more, "");
    }

    /** Adds to what is done and sets the further text. */
    public synchronized void advance(long more, String extra) {
        done += more;
        this.extra = extra;
        Instant now = clock.instant();
        samples.add(new Sample(now, done));
        while (samples.size() > 2 && samples.peek().time().isBefore(now.minus(RATE_WINDOW))) {
            samples.remove();
        }
        if (!now.isBefore(shown.plus(live ? REDRAW : PLAIN))) {
            show(now);
        }
    }

    /** Sets what is done, those done before included. */
    public synchronized void reach(long nowDone) {
        advance(nowDone - done);
    }

    /** Prints a line of its own without disturbing the bar. */
    public synchronized void message(String line) {
        out.print(live ? "\r" + line + ERASE_TO_END_OF_LINE + "\n" : line + "\n");
        if (live && !closed) {
            show(clock.instant());
        } else {
            out.flush();
        }
    }

    /** Shows the last state, with the time it all took. */
    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        Duration taken = Duration.between(begin, clock.instant());
        double seconds = taken.toNanos() / 1e9;
        String rate = seconds > 0 ? ", " + rate((done - doneAtBegin) / seconds) : "";
        String line = join(label, count(), "in " + clock(taken) + rate, extra);
        out.print(live ? "\r" + fit(line) + ERASE_TO_END_OF_LINE + "\n" : line + "\n");
        out.flush();
    }

    private void show(Instant now) {
        shown = now;
        Sample oldest = samples.peek();
        double seconds = Duration.between(oldest.time(), now).toNanos() / 1e9;
        double perSecond = seconds > 0 ? (done - oldest.done()) / seconds : 0;
        String rate = perSecond > 0 ? rate(perSecond) : "";
        boolean hasEnd = total > 0 && perSecond > 0 && done < total;
        String left = hasEnd ? clock(Duration.ofSeconds(Math.round((total - done) / perSecond))) + " left" : "";
        if (live) {
            String line = join(label, bar(), count(), rate, left, extra);
            String withoutBar = join(label, count(), rate, left, extra);
            out.print("\r" + fit(line.length() < columns ? line : withoutBar) + ERASE_TO_END_OF_LINE);
        } else {
            out.print(join(label, count(), rate, left, extra) + "\n");
        }
        out.flush();
    }

    private String bar() {
        if (total <= 0) {
            return "";
        }
        int filled = (int) (Math.min(done, total) * BAR / total);
        return "[" + "#".repeat(filled) + "-".repeat(BAR - filled) + "]";
    }

    private String count() {
        return total > 0
                ? String.format(Locale.ROOT, "%,d/%,d (%d %%)", done, total, Math.min(done, total) * 100 / total)
                : String.format(Locale.ROOT, "%,d %s", done, unit);
    }

    private String rate(double perSecond) {
        return perSecond >= 1
                ? String.format(Locale.ROOT, perSecond < 100 ? "%.1f %s/s" : "%,.0f %s/s", perSecond, unit)
                : String.format(Locale.ROOT, "%.1f %s/min", perSecond * 60, unit);
    }

    private static String clock(Duration time) {
        return String.format("%d:%02d:%02d", time.toHours(), time.toMinutesPart(), time.toSecondsPart());
    }

    private static String join(String... parts) {
        return String.join("  ", Arrays.stream(parts).filter(p -> !p.isEmpty()).toList());
    }

    private String fit(String line) {
        return line.length() < columns ? line : line.substring(0, Math.max(0, columns - 1));
    }
}
