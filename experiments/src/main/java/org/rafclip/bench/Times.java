package org.rafclip.bench;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.List;
import java.util.stream.DoubleStream;

/**
 * How long repetitions of one thing took.
 *
 * @param millis each, in milliseconds
 * @param processorMillis processor time that all threads of this process took for each, in milliseconds: what other
 *     programs take of the processors does not count, waiting in a loop for another thread does
 */
public record Times(double[] millis, double[] processorMillis) {

    public Times {
        if (millis.length == 0) {
            throw new IllegalArgumentException("nothing was measured");
        }
    }

    /** Times an action several times. */
    static Times of(int repeats, Runnable action) {
        OperatingSystemMXBean process = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        double[] millis = new double[repeats];
        double[] processorMillis = new double[repeats];
        for (int i = 0; i < repeats; i++) {
            long processorBegin = process.getProcessCpuTime();
            long begin = System.nanoTime();
            action.run();
            millis[i] = (System.nanoTime() - begin) / 1e6;
            processorMillis[i] = (process.getProcessCpuTime() - processorBegin) / 1e6;
        }
        return new Times(millis, processorMillis);
    }

    /** The system's load over the last minute, which says what else was running; negative where it is not known. */
    static double load() {
        return ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
    }

    /** The times of several measurements as those of one. */
    static Times together(List<Times> parts) {
        return new Times(
                parts.stream()
                        .flatMapToDouble(part -> DoubleStream.of(part.millis()))
                        .toArray(),
                parts.stream()
                        .flatMapToDouble(part -> DoubleStream.of(part.processorMillis()))
                        .toArray());
    }

    /** The median of the repeats' wall time, in milliseconds. */
    public double median() {
        return median(millis);
    }

    /** The median of the repeats' processor time, in milliseconds. */
    public double processorMedian() {
        return median(processorMillis);
    }

    static double median(double[] millis) {
        double[] sorted = millis.clone();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    /** The quickest, which other programs disturbed least, in milliseconds. */
    public double best() {
        return Arrays.stream(millis).min().orElseThrow();
    }
}
