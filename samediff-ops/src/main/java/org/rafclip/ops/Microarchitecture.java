package org.rafclip.ops;

import java.util.Set;
import org.rafclip.ops.Processor.PerCycle;

/**
 * How many operations a core of a known x86 processor does in a cycle, from its makers' manuals: fused multiply-add units ×
 * their width × 2. A processor that is not listed is not known; nothing is guessed from its flags.
 */
final class Microarchitecture {

    private static final String NOT_KNOWN = "this processor's arithmetic units are none of those that are known";

    /** Two units of 256 bits, or one of 512. */
    private static final int NARROW = 32;

    /** Two units of 512 bits. */
    private static final int WIDE = 64;

    /** A product of tiles 16 × 32 and 32 × 16, begun every 16 cycles. */
    private static final int TILES = 1024;

    private Microarchitecture() {}

    /**
     * @param vendor as the processor names it
     * @param family as Linux counts it, negative where it is not known
     * @param model likewise
     */
    static PerCycle perCycle(String vendor, int family, int model, String name, Set<String> flags) {
        if (family < 0 || model < 0 || !flags.contains("avx2") || !flags.contains("fma")) {
            return new PerCycle(0, 0, NOT_KNOWN);
        }
        return switch (vendor) {
            case "AuthenticAMD" -> amd(family, model, flags);
            case "GenuineIntel" -> family == 6 ? intel(model, name, flags) : new PerCycle(0, 0, NOT_KNOWN);
            default -> new PerCycle(0, 0, NOT_KNOWN);
        };
    }

    private static PerCycle amd(int family, int model, Set<String> flags) {
        boolean avx512 = flags.contains("avx512f");
        if (family == 23) {
            return model < 0x30
                    ? new PerCycle(NARROW / 2, 0, words(NARROW / 2, "Zen: two fused multiply-adds of 128 bits"))
                    : new PerCycle(NARROW, 0, words(NARROW, "Zen 2: two fused multiply-adds of 256 bits"));
        } else if (family == 25 && (model < 0x10 || model >= 0x20 && model < 0x60)) {
            return new PerCycle(NARROW, 0, words(NARROW, "Zen 3: two fused multiply-adds of 256 bits"));
        } else if (family == 25) {
            return withAvx512Bf16(NARROW, "Zen 4: two fused multiply-adds of 256 bits, or one of 512 in halves", flags);
        } else if (family == 26 && model < 0x80) {
            // Strix Point and Krackan, for notebooks, have units of half the width.
            boolean half = model >= 0x20 && model < 0x40 || model >= 0x60 && model < 0x70;
            return avx512 && !half
                    ? withAvx512Bf16(WIDE, "Zen 5: two fused multiply-adds of 512 bits", flags)
                    : withAvx512Bf16(NARROW, "Zen 5: two fused multiply-adds of 256 bits", flags);
        }
        return new PerCycle(0, 0, NOT_KNOWN);
    }

    /** AMD's instruction on pairs of bf16 is begun as often as the fused multiply-add on single floats. */
    private static PerCycle withAvx512Bf16(int fp32, String units, Set<String> flags) {
        return flags.contains("avx512_bf16")
                ? new PerCycle(fp32, 2 * fp32, words(fp32, units) + "; " + 2 * fp32 + " in bf16 by AVX512_BF16")
                : new PerCycle(fp32, 0, words(fp32, units));
    }

    private static PerCycle intel(int model, String name, Set<String> flags) {
        boolean avx512 = flags.contains("avx512f");
        return switch (model) {
            case 0x3C, 0x3F, 0x45, 0x46, 0x3D, 0x47, 0x4F, 0x56, 0x4E, 0x5E, 0x8E, 0x9E, 0xA5, 0xA6 ->
                new PerCycle(NARROW, 0, words(NARROW, "Haswell to Comet Lake: two fused multiply-adds of 256 bits"));
            case 0x7D, 0x7E, 0x8C, 0x8D, 0xA7 ->
                new PerCycle(
                        NARROW,
                        0,
                        words(NARROW, "Ice, Tiger or Rocket Lake: two fused multiply-adds of 256 bits, or one of 512"));
            case 0x55 -> avx512 ? skylakeServer(name) : halved("a Xeon");
            case 0x6A, 0x6C -> avx512 ? two("Ice Lake server", flags) : halved("Ice Lake server");
            case 0x8F, 0xCF -> avx512 ? two("Sapphire or Emerald Rapids", flags) : halved("Sapphire or Emerald Rapids");
            case 0xAD, 0xAE -> avx512 ? two("Granite Rapids", flags) : halved("Granite Rapids");
            default -> new PerCycle(0, 0, NOT_KNOWN);
        };
    }

    /** The smaller ones of Skylake, Cascade Lake and Cooper Lake have one unit; the name tells which they are. */
    private static PerCycle skylakeServer(String name) {
        boolean one = name.matches(".*(Bronze|Silver|Gold (?!5122|5222)5\\d{3}|Xeon\\(R\\) D-2).*");
        boolean named = one || name.matches(".*(Platinum|Gold|W-\\d|Core\\(TM\\)).*");
        String words = words(
                one ? NARROW : WIDE,
                "Skylake to Cooper Lake server: " + (one ? "one" : "two") + " fused multiply-add" + (one ? "" : "s")
                        + " of 512 bits");
        return new PerCycle(
                one ? NARROW : WIDE,
                0,
                named ? words : words + ", half of it where the name, which is hidden, has one unit");
    }

    private static PerCycle two(String units, Set<String> flags) {
        String words = words(WIDE, units + ": two fused multiply-adds of 512 bits");
        return flags.contains("amx_bf16")
                ? new PerCycle(WIDE, TILES, words + "; " + TILES + " in bf16 by AMX")
                : new PerCycle(WIDE, 0, words);
    }

    private static PerCycle halved(String units) {
        return new PerCycle(NARROW, 0, words(NARROW, units + " without AVX-512: two fused multiply-adds of 256 bits"));
    }

    private static String words(int operations, String units) {
        return operations + " operations a cycle (" + units + ")";
    }
}
