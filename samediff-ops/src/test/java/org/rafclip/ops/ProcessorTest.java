package org.rafclip.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ProcessorTest {

    private static final String AVX2 = "fpu sse2 ssse3 fma avx f16c avx2";
    private static final String AVX512 = AVX2 + " avx512f avx512dq avx512bw avx512vl";

    /** What Linux writes, shortened: as many hardware threads as {@code cores} have, {@code perCore} each. */
    private static String cpuInfo(
            String vendor, int family, int model, String name, int cores, int perCore, String flags) {
        StringBuilder text = new StringBuilder();
        for (int thread = 0; thread < cores * perCore; thread++) {
            text.append("processor\t: ").append(thread).append('\n');
            text.append("vendor_id\t: ").append(vendor).append('\n');
            text.append("cpu family\t: ").append(family).append('\n');
            text.append("model\t\t: ").append(model).append('\n');
            text.append("model name\t: ").append(name).append('\n');
            text.append("cpu MHz\t\t: 2596.150\n");
            text.append("physical id\t: 0\n");
            text.append("core id\t\t: ").append(thread % cores).append('\n');
            text.append("flags\t\t: ").append(flags).append('\n');
            text.append("power management:\n\n");
        }
        return text.toString();
    }

    private static Processor amd(int family, int model, String flags) {
        return Processor.of(cpuInfo("AuthenticAMD", family, model, "AMD EPYC", 2, 1, flags), 2, 3);
    }

    private static Processor intel(int model, String name, String flags) {
        return Processor.of(cpuInfo("GenuineIntel", 6, model, name, 2, 1, flags), 2, 3);
    }

    @Test
    void zen2HasTwoUnitsOf256Bits() {
        Processor rome =
                Processor.of(cpuInfo("AuthenticAMD", 23, 49, "AMD EPYC 7R32 48-Core Processor", 4, 2, AVX2), 8, 3.3);

        assertThat(rome.name()).isEqualTo("AMD EPYC 7R32 48-Core Processor");
        assertThat(rome.flags()).contains("avx2", "fma").doesNotContain("avx512f", "");
        assertThat(rome.cores()).as("not eight, which its hardware threads are").isEqualTo(4);
        assertThat(rome.fp32(1)).hasValueCloseTo(3.3 * 2 * 8 * 2, within(1e-9));
        assertThat(rome.fp32(8)).hasValueCloseTo(4.0 * 3.3 * 32, within(1e-9));
        assertThat(rome.bf16(1)).isEmpty();
        assertThat(rome.explanation()).contains("4 cores × 3.30 GHz", "Zen 2", "32 operations a cycle");
    }

    @Test
    void zen4DoesProductsOf512BitsInHalves() {
        Processor genoa = amd(25, 17, AVX512 + " avx512_bf16");

        assertThat(genoa.fp32(2)).hasValueCloseTo(2.0 * 3 * 32, within(1e-9));
        assertThat(genoa.bf16(2)).hasValueCloseTo(2.0 * 3 * 64, within(1e-9));
        assertThat(genoa.explanation()).contains("Zen 4", "AVX512_BF16");
    }

    @Test
    void zen5HasTwoUnitsOf512Bits() {
        Processor turin = amd(26, 2, AVX512 + " avx_vnni avx512_bf16");

        assertThat(turin.fp32(1)).hasValueCloseTo(3.0 * 64, within(1e-9));
        assertThat(turin.bf16(1)).hasValueCloseTo(3.0 * 128, within(1e-9));
        assertThat(amd(26, 2, AVX2).fp32(1))
                .as("where a virtual machine hides AVX-512")
                .hasValueCloseTo(3.0 * 32, within(1e-9));
    }

    @ParameterizedTest
    @CsvSource({
        "23, 1, 16",
        "23, 96, 32",
        "25, 1, 32",
        "25, 33, 32",
        "25, 97, 32",
        "25, 160, 32",
        "26, 36, 32",
        "26, 68, 64"
    })
    void amdsByFamilyAndModel(int family, int model, int operations) {
        assertThat(amd(family, model, AVX512).perCycle().fp32()).isEqualTo(operations);
    }

    @Test
    void skylakeServersNameTellsItsUnits() {
        assertThat(intel(85, "Intel(R) Xeon(R) Platinum 8175M CPU @ 2.50GHz", AVX512)
                        .fp32(1))
                .hasValueCloseTo(3.0 * 64, within(1e-9));
        assertThat(intel(85, "Intel(R) Xeon(R) Gold 6148 CPU @ 2.40GHz", AVX512).fp32(1))
                .hasValueCloseTo(3.0 * 64, within(1e-9));
        assertThat(intel(85, "Intel(R) Xeon(R) Silver 4114 CPU @ 2.20GHz", AVX512)
                        .fp32(1))
                .hasValueCloseTo(3.0 * 32, within(1e-9));
        assertThat(intel(85, "Intel(R) Xeon(R) Gold 5118 CPU @ 2.30GHz", AVX512).fp32(1))
                .hasValueCloseTo(3.0 * 32, within(1e-9));
        Processor hidden = intel(85, "Intel(R) Xeon(R) Processor @ 2.00GHz", AVX512);
        assertThat(hidden.fp32(1)).hasValueCloseTo(3.0 * 64, within(1e-9));
        assertThat(hidden.explanation()).contains("name", "hidden");
    }

    @Test
    void sapphireRapidsMultipliesTilesOfBf16() {
        Processor sapphire = intel(143, "Intel(R) Xeon(R) Platinum 8488C", AVX512 + " avx512_bf16 amx_bf16 amx_tile");

        assertThat(sapphire.fp32(2)).hasValueCloseTo(2.0 * 3 * 64, within(1e-9));
        // 16 · 16 · 32 multiplications and as many additions in 16 cycles.
        assertThat(sapphire.bf16(1)).hasValueCloseTo(3.0 * 16 * 16 * 32 * 2 / 16.0, within(1e-9));
        assertThat(intel(143, "Intel Xeon Processor", AVX512).bf16(1)).isEmpty();
    }

    @Test
    void whatIsNotKnownIsNotInvented() {
        Processor graviton = Processor.of("""
                        processor\t: 0
                        BogoMIPS\t: 2100.00
                        Features\t: fp asimd evtstrm aes sve bf16 i8mm
                        CPU implementer\t: 0x41
                        CPU architecture: 8
                        CPU variant\t: 0x1
                        CPU part\t: 0xd40

                        processor\t: 1
                        Features\t: fp asimd evtstrm aes sve bf16 i8mm
                        CPU part\t: 0xd40
                        """, 2, 2.6);

        assertThat(graviton.flags()).contains("sve", "bf16");
        assertThat(graviton.cores()).isEqualTo(2);
        assertThat(graviton.fp32(1)).isEmpty();
        assertThat(graviton.bf16(1)).isEmpty();
        assertThat(graviton.explanation()).startsWith("not known: ");
        assertThat(Processor.of("", 8, 0).fp32(1)).as("macOS has no /proc").isEmpty();
        assertThat(amd(27, 1, AVX512).fp32(1)).as("a later family").isEmpty();
        assertThat(intel(0x97, "12th Gen Intel(R) Core(TM) i9-12900K", AVX2).fp32(1))
                .as("cores of two kinds")
                .isEmpty();
        assertThat(amd(25, 17, "fpu sse2").fp32(1)).isEmpty();
        assertThat(Processor.of(cpuInfo("AuthenticAMD", 25, 17, "AMD EPYC", 2, 1, AVX2), 2, 0)
                        .explanation())
                .contains("clock could not be measured");
    }

    @Test
    void aShareOfTheCoresHasAShareOfTheLimit() {
        Processor limited = Processor.of(cpuInfo("AuthenticAMD", 25, 17, "AMD EPYC", 64, 2, AVX512), 4, 2);

        assertThat(limited.cores()).isEqualTo(4);
        assertThat(limited.fp32(128)).hasValueCloseTo(4.0 * 2 * 32, within(1e-9));
    }

    @Test
    void thisMachinesClockIsThatOfAProcessor() {
        Processor here = Processor.here();

        assertThat(here.cores()).isBetween(1, Runtime.getRuntime().availableProcessors());
        if (here.perCycle().fp32() > 0) {
            assertThat(here.gigahertz()).isBetween(0.5, 7.0);
        }
    }
}
