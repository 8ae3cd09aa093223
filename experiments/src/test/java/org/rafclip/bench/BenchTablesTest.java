package org.rafclip.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.rafclip.eval.Table;
import org.rafclip.ops.Precision;
import org.rafclip.ops.Processor;

class BenchTablesTest {

    private final TrainBench.Row ours =
            new TrainBench.Row("ours", 9, 8, 1000, 5000, 4000, 9000, 12.8, 200, 0.8, 1, 0.5);

    @Test
    void aTrainingStepIsShownBesideItsPeer() {
        TrainBench.Row peer = new TrainBench.Row("peer", 9, 8, 1000, 4500, 4000, 8100, 14.2, 222, 0.89, 1, null);
        TrainBench.Result result = new TrainBench.Result(
                "model",
                1234567,
                1234567,
                32,
                64,
                2,
                260,
                240,
                400.0,
                "a processor",
                0.5,
                1.5,
                ours,
                75,
                10,
                List.of(),
                peer,
                "Torch 1",
                0.9,
                1e-7);

        List<Table> tables = result.tables();

        assertThat(tables).hasSize(1);
        assertThat(tables.get(0).toText()).isEqualTo("""
                        Training step of model
                                  ms/step   best  CPU ms  images/s  GFLOP  GFLOP/s  of gemm  best of gemm  of limit
                        --------  -------  -----  ------  --------  -----  -------  -------  ------------  --------
                        RaF-CLIP    5,000  4,000   9,000      12.8  1,000      200     0.80          1.00      0.50
                        Torch 1     4,500  4,000   8,100      14.2  1,000      222     0.89          1.00         –
                        * 32 garments a step: 64 images, 9 texts of 8 tokens; 1,234,567 parameters
                        * sgemm 260 GFLOP/s before, 240 after (best of many, 2 threads); load 0.5 before, 1.5 after
                        * a processor
                        * of the step: optimizer 75 ms, loss and its gradient 10 ms
                        * RaF-CLIP / peer 0.90 (median), 1.00 (best), 0.90 (CPU); first losses differ by 1.0e-07 relative
                        * GFLOP are those of RaF-CLIP's products; the peer multiplies padding, and all of the last blocks, too
                        """);
    }

    @Test
    void waysToHandleTextsAreMultiplesOfOurs() {
        TrainBench.Row naive = new TrainBench.Row("all", 20, 77, 3000, 20000, 19000, 39000, 3.2, 150, 0.6, 0.63, null);
        TrainBench.Result result = new TrainBench.Result(
                "model",
                5,
                5,
                32,
                64,
                2,
                260,
                240,
                400.0,
                "a processor",
                0.5,
                1.5,
                ours,
                75,
                10,
                List.of(ours, naive),
                null,
                null,
                null,
                null);

        assertThat(result.tables()).hasSize(2);
        assertThat(result.tables().get(1).rows())
                .containsExactly(
                        List.of("ours", "9", "8", "1,000", "5,000", "200", "1.00", "1.00"),
                        List.of("all", "20", "77", "3,000", "20,000", "150", "3.00", "4.00"));
    }

    @Test
    void memoryGrowsFromTheFifthOfTheStepsToTheLast() {
        List<MemoryBench.Reading> readings = List.of(
                new MemoryBench.Reading(0, 100, 1, 1),
                new MemoryBench.Reading(50, 300, 1, 1),
                new MemoryBench.Reading(100, 400, 1, 1),
                new MemoryBench.Reading(500, 403, 1, 1));

        assertThat(MemoryBench.growth(readings)).isEqualTo(3);
        MemoryBench.Result result = new MemoryBench.Result("model", 16, 256, 500, 0.25, readings, 1410, 12, 3.0);
        assertThat(result.table().notes())
                .containsExactly(
                        "32 images a step, 256 at a time; 0.25 s a step; peak 1,410 MiB, of which AdamW's moments 12",
                        "growth after the first fifth of the steps: +3 MiB");
    }

    @Test
    void speedsAreHeldAgainstTheProcessorsLimit() {
        Processor known = new Processor("Some EPYC", Set.of(), 2, 3, new Processor.PerCycle(32, 64, "32 a cycle"));
        Processor other = new Processor("arm", Set.of(), 2, 0, new Processor.PerCycle(0, 0, "no flags"));

        Yardstick two = Yardstick.of(() -> 100, known, 2, Precision.FP32);
        assertThat(two.limit()).isEqualTo(192);
        assertThat(two.processor())
                .isEqualTo(
                        "Some EPYC; limit of 2 threads 192 GFLOP/s in fp32, 2 cores × 3.00 GHz, measured on one of them,"
                                + " × 32 a cycle");
        assertThat(Yardstick.cell(two.share(96))).isEqualTo("0.50");
        assertThat(Yardstick.of(() -> 100, known, 1, Precision.FP32).limit()).isEqualTo(96);
        Yardstick none = Yardstick.of(() -> 100, other, 2, Precision.FP32);
        assertThat(none.processor()).isEqualTo("arm; limit not known: no flags");
        assertThat(Yardstick.cell(none.share(96))).isEqualTo(Table.NONE);
    }

    @Test
    void theMedianOfAnEvenNumberLiesBetween() {
        Times times = new Times(new double[] {9, 1, 3, 5}, new double[] {2, 4, 2, 4});

        assertThat(times.median()).isEqualTo(4);
        assertThat(times.best()).isEqualTo(1);
        assertThat(times.processorMedian()).isEqualTo(3);
    }
}
