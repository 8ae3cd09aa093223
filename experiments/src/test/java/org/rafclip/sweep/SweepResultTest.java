package org.rafclip.sweep;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class SweepResultTest {

    private static SweepResult.Row row(int number, Double score, double rate, String error) {
        Map<String, Object> values = new LinkedHashMap<>();
        values.put("composer.gates.dropout", rate);
        values.put("composer.branches.dropout", "a, \"b\"");
        return new SweepResult.Row(
                number,
                "runs/t" + number,
                values,
                score,
                score == null ? null : 7L,
                Map.of(),
                9,
                false,
                61,
                false,
                error);
    }

    private static SweepResult result(SweepConfig.Goal goal) {
        return new SweepResult(
                "validation/meanAccuracy",
                goal,
                5,
                List.of(
                        row(1, null, 0.5, "training diverged\nat step 3"),
                        row(2, 0.25, 3e-4, null),
                        row(3, 0.75, 2e-5, null),
                        row(4, 0.75, 0.1, null)));
    }

    @Test
    void trialsAreSortedByScoreAndFailuresComeLast() {
        assertThat(result(SweepConfig.Goal.MAX).trials())
                .extracting(SweepResult.Row::number)
                .containsExactly(3, 4, 2, 1);
        assertThat(result(SweepConfig.Goal.MIN).trials())
                .extracting(SweepResult.Row::number)
                .containsExactly(2, 3, 4, 1);
        assertThat(result(SweepConfig.Goal.MIN).scored()).hasSize(3);
    }

    @Test
    void theTableIsReadable() {
        List<String> lines =
                result(SweepConfig.Goal.MAX).toTable().toText().lines().toList();

        assertThat(lines.get(0)).isEqualTo("4 of 5 trials");
        assertThat(lines.get(1))
                .contains("meanAccuracy", "gates.dropout", "branches.dropout", "steps", "time", "error");
        assertThat(lines.get(3)).startsWith("3 ").contains("0.7500", "2e-5", "0:01:01");
        assertThat(lines.get(5)).contains("0.0003");
        assertThat(lines.get(6)).contains("–", "training diverged at step 3");
    }

    @Test
    void commaSeparatedValuesAreExactAndQuoted() {
        assertThat(result(SweepConfig.Goal.MAX).toCsv().split("\r\n"))
                .hasSize(5)
                .contains(
                        "trial,validation/meanAccuracy,composer.gates.dropout,composer.branches.dropout,step,steps,"
                                + "stoppedEarly,seconds,resumed,folder,error",
                        "2,0.25,3.0E-4,\"a, \"\"b\"\"\",7,9,false,61.0,false,runs/t2,",
                        "1,,0.5,\"a, \"\"b\"\"\",,9,false,61.0,false,runs/t1,\"training diverged\nat step 3\"");
    }

    @Test
    void keysAreCalledByTheirShortestDistinctNames() {
        assertThat(SweepResult.shortNames(
                                List.of("train.lr", "composer.gates.dropout", "composer.branches.dropout", "seed"))
                        .values())
                .containsExactly("lr", "gates.dropout", "branches.dropout", "seed");
        assertThat(SweepResult.shortNames(List.of("loss", "train.loss")).values())
                .containsExactly("loss", "train.loss");
    }

    @Test
    void numbersAreWrittenAsPeopleDo() {
        assertThat(List.of(0.5, 1e-4, 3.21e-5, 1e-5, 12.0, 2e7, 0.0).stream().map(SweepResult::text))
                .containsExactly("0.5", "0.0001", "3.21e-5", "1e-5", "12", "2e+7", "0");
    }
}
