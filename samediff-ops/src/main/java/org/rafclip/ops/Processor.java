package org.rafclip.ops;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;

/**
 * The processor that this runs on, and what it computes at most: cores × clock × operations a cycle. An operation is a
 * multiplication or an addition, so a fused one on a register of 16 floats is 32.
 *
 * @param name its maker's
 * @param flags the instruction sets that the system lets programs use, as Linux names them
 * @param cores that may be used; two hardware threads of a core count once, since they share its arithmetic
 * @param gigahertz the clock, 0 where it is not known
 * @param perCycle operations that a core does in a cycle
 */
public record Processor(String name, Set<String> flags, int cores, double gigahertz, PerCycle perCycle) {

    private static final Path CPU_INFO = Path.of("/proc/cpuinfo");

    /** Linux writes the flags as {@code flags} on x86 and as {@code Features} on Arm. */
    private static final List<String> FLAGS = List.of("flags", "Features");

    /**
     * Operations that a core does in a cycle, and whence they are known.
     *
     * @param fp32 in single precision, 0 where it is not known
     * @param bf16 on 16-bit factors with sums in single precision, 0 where it is not known or there are no such instructions
     * @param reason in words
     */
    public record PerCycle(int fp32, int bf16, String reason) {}

    public Processor {
        flags = Set.copyOf(flags);
    }

    /** This machine's, its clock measured, which takes two tenths of a second. */
    public static Processor here() {
        return Here.INSTANCE;
    }

    /**
     * @param cpuInfo what Linux says in {@code /proc/cpuinfo}; empty on other systems
     * @param usable hardware threads that may be used
     * @param gigahertz the clock, 0 where it is not known
     */
    static Processor of(String cpuInfo, int usable, double gigahertz) {
        Map<String, String> first = new LinkedHashMap<>();
        Set<String> cores = new HashSet<>();
        for (String block : cpuInfo.split("\\R\\s*\\R")) {
            Map<String, String> entries = entries(block);
            entries.forEach(first::putIfAbsent);
            if (entries.containsKey("core id")) {
                cores.add(entries.get("physical id") + " " + entries.get("core id"));
            }
        }
        Set<String> flags = new HashSet<>();
        FLAGS.forEach(key -> flags.addAll(List.of(first.getOrDefault(key, "").split(" "))));
        flags.remove("");
        String name = first.getOrDefault("model name", System.getProperty("os.arch"));
        PerCycle perCycle = Microarchitecture.perCycle(
                first.getOrDefault("vendor_id", ""),
                number(first.get("cpu family")),
                number(first.get("model")),
                name,
                flags);
        return new Processor(
                name, flags, cores.isEmpty() ? usable : Math.min(usable, cores.size()), gigahertz, perCycle);
    }

    private static Map<String, String> entries(String block) {
        Map<String, String> entries = new LinkedHashMap<>();
        for (String line : block.split("\\R")) {
            int colon = line.indexOf(':');
            if (colon > 0) {
                entries.putIfAbsent(
                        line.substring(0, colon).strip(),
                        line.substring(colon + 1).strip());
            }
        }
        return entries;
    }

    private static int number(String text) {
        return text != null && text.matches("\\d{1,6}") ? Integer.parseInt(text) : -1;
    }

    /** GFLOP/s that so many threads reach at most in single precision; empty where it is not known. */
    public OptionalDouble fp32(int threads) {
        return limit(threads, perCycle.fp32());
    }

    /** GFLOP/s that so many threads reach at most with bf16 factors and sums in single precision; empty likewise. */
    public OptionalDouble bf16(int threads) {
        return limit(threads, perCycle.bf16());
    }

    private OptionalDouble limit(int threads, int operations) {
        return operations == 0 || gigahertz == 0
                ? OptionalDouble.empty()
                : OptionalDouble.of(Math.min(threads, cores) * gigahertz * operations);
    }

    /** How the limit came about, for people. */
    public String explanation() {
        if (perCycle.fp32() == 0 || gigahertz == 0) {
            return "not known: " + (perCycle.fp32() == 0 ? perCycle.reason() : "the clock could not be measured");
        }
        return String.format(
                Locale.ROOT,
                "%d core%s × %.2f GHz, measured on one of them, × %s",
                cores,
                cores == 1 ? "" : "s",
                gigahertz,
                perCycle.reason());
    }

    private static final class Here {
        private static final Processor INSTANCE = read();

        private static Processor read() {
            try {
                String info = Files.isReadable(CPU_INFO) ? Files.readString(CPU_INFO) : "";
                int usable = Runtime.getRuntime().availableProcessors();
                Processor known = of(info, usable, 0);
                return known.perCycle().fp32() == 0 ? known : of(info, usable, CoreClock.gigahertz());
            } catch (IOException e) {
                throw new UncheckedIOException(CPU_INFO.toString(), e);
            }
        }
    }
}
