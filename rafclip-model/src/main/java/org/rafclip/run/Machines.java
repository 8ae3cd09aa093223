package org.rafclip.run;

import java.util.ServiceLoader;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.rafclip.data.DataException;

/**
 * A cluster's processes for a job.
 *
 * @param master where they are asked for: {@code spark://HOST:PORT}, or {@code local[N]}
 * @param cores of a process
 * @param memory of a process's Java heap, such as {@code 2g}
 */
public record Machines(String master, int cores, String memory) {

    private static final Pattern MEMORY = Pattern.compile("([1-9][0-9]{0,5})([mg])");

    /** Below that Spark does not start. */
    private static final int LEAST_MEGABYTES = 512;

    public Machines {
        if (cores < 1) {
            throw new IllegalArgumentException("a process has at least one core, not " + cores);
        }
        Matcher size = MEMORY.matcher(memory);
        if (!size.matches()) {
            throw new IllegalArgumentException("memory is a number with m or g, such as 2g, not " + memory);
        }
        if (size.group(2).equals("m") && Integer.parseInt(size.group(1)) < LEAST_MEGABYTES) {
            throw new IllegalArgumentException("a process takes " + LEAST_MEGABYTES + "m at least, not " + memory);
        }
    }

    /**
     * What speaks to a cluster.
     *
     * @throws DataException if nothing on the class path does
     */
    public static <T> T service(Class<T> type) {
        return ServiceLoader.load(type)
                .findFirst()
                .orElseThrow(
                        () -> new DataException("--master: Spark's part of the program is not on the class path; start"
                                + " through ./rafclip, which builds with the Maven profile cluster"));
    }
}
