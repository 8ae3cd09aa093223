package org.rafclip.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.rafclip.ops.Processor;

class MachineTest {

    private static final long GIB = 1L << 30;
    private static final Machine.Speed FAST = new Machine.Speed(140, 260, null);

    @Test
    void aGoodMachineNeedsNoAdvice() {
        assertThat(machine(0.1, true, "", 2, 4 * GIB, 24 * GIB, 512).advice(FAST))
                .isEmpty();
    }

    @Test
    void eachShortcomingBringsItsRemedy() {
        assertThat(advice(machine(1.9, true, "", 2, 4 * GIB, 24 * GIB, 512), new Machine.Speed(15, 15, null)))
                .contains("Stop them")
                .doesNotContain("is slow", "hardly faster");
        assertThat(advice(machine(0, false, "", 2, 4 * GIB, 24 * GIB, 512), FAST))
                .contains("OPENBLAS_CORETYPE=Haswell", "org.bytedeco:dnnl");
        assertThat(advice(machine(0, false, "Haswell", 2, 4 * GIB, 24 * GIB, 512), FAST))
                .contains("org.bytedeco:dnnl")
                .doesNotContain("OPENBLAS_CORETYPE");
        assertThat(advice(machine(0, true, "", 1, 4 * GIB, 24 * GIB, 512), FAST))
                .contains("1 of 2 processors");
        assertThat(advice(machine(0, true, "", 2, 4 * GIB, 24 * GIB, 0), FAST))
                .contains("--add-modules jdk.incubator.vector");
        assertThat(advice(machine(0, true, "", 2, 4 * GIB, 24 * GIB, 512), new Machine.Speed(140, 150, null)))
                .contains("hardly faster");
        assertThat(advice(machine(0, true, "", 2, 4 * GIB, 24 * GIB, 512), new Machine.Speed(12, 24, null)))
                .contains("12 GFLOP/s");
        assertThat(advice(machine(0, true, "", 2, 14 * GIB, 24 * GIB, 512), FAST))
                .contains("Lower -Xmx");
        assertThat(advice(machine(0, true, "", 2, GIB, 8 * GIB, 512), FAST)).contains("12 GiB");
        assertThat(advice(machine(0, true, "", 2, GIB, 3 * GIB, 512), FAST)).contains("4 GiB");
    }

    @Test
    void whatIsMeasuredStandsBesideTheLimit() {
        Machine machine = machine(0, true, "", 2, 4 * GIB, 24 * GIB, 512);

        assertThat(machine.describe())
                .contains(
                        "Limit       192 GFLOP/s in single precision, 384 in bf16: 2 cores × 3.00 GHz, measured on one"
                                + " of them, × 32 operations a cycle");
        assertThat(machine.describe(new Machine.Speed(48, 144, null)))
                .isEqualTo("sgemm       48 GFLOP/s on one thread, 144 on 2 (1536 x 1536), 0.50 and 0.75 of the limit");
        assertThat(machine.describe(new Machine.Speed(48, 144, 288.0)).lines().toList())
                .last()
                .isEqualTo("bf16        288 GFLOP/s on 2, 0.75 of the limit");
    }

    @Test
    void thisMachineIsExamined() {
        Machine machine = Machine.examine();
        assertThat(machine.describe()).contains("JVM ", "1.0.0-M2.1", "Limit ", "BLAS ", "Memory ", "Vector API ");
        assertThat(machine.processors()).isPositive();
        assertThat(machine.blasThreads()).isPositive();
        assertThat(machine.memory()).isGreaterThan(machine.memoryFree());
    }

    private static String advice(Machine machine, Machine.Speed speed) {
        List<String> advice = machine.advice(speed);
        return String.join("\n", advice);
    }

    private static Machine machine(
            double load, boolean oneDnn, String coreType, int blasThreads, long heap, long memory, int vectorBits) {
        return new Machine(
                "17",
                false,
                "Linux",
                true,
                new Processor("CPU", Set.of(), 2, 3, new Processor.PerCycle(32, 64, "32 operations a cycle")),
                2,
                load,
                "CpuBackend",
                "BLAS",
                oneDnn,
                coreType,
                blasThreads,
                heap,
                memory,
                memory / 2,
                false,
                0,
                vectorBits);
    }

    @Test
    void everyModuleIsInTheNameOfTheCode() throws IOException {
        List<String> places = Machine.MODULES.stream()
                .map(module -> module.getProtectionDomain()
                        .getCodeSource()
                        .getLocation()
                        .toString())
                .toList();
        List<String> modules = Files.readString(Path.of("..", "pom.xml"))
                .lines()
                .filter(line -> line.contains("<module>"))
                .map(line -> line.replaceAll("\\s*</?module>\\s*", ""))
                .filter(module -> !List.of("search", "cluster").contains(module)) // no measurement uses them
                .toList();
        assertThat(modules).hasSize(7);
        for (String module : modules) {
            assertThat(places)
                    .filteredOn(place -> place.contains("/" + module + "/"))
                    .as(module)
                    .hasSize(1);
        }
    }
}
