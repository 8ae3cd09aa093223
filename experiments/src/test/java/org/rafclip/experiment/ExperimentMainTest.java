package org.rafclip.experiment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.ServiceLoader;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.rafclip.cli.AblateMain;
import org.rafclip.run.ConfigException;

class ExperimentMainTest {

    /** The tables and figures; an ablation is one of several that a class has, and is run by {@code --only}. */
    static Stream<Experiment> ofTheirOwnClass() {
        return Experiments.all().stream()
                .filter(experiment -> !(experiment instanceof EncoderAblation))
                .filter(experiment -> !(experiment instanceof ComposerAblation));
    }

    @Test
    void theCommandLineProvidesIt() {
        assertThat(ServiceLoader.load(ExperimentMain.class)).singleElement().isInstanceOf(AblateMain.class);
    }

    @ParameterizedTest
    @MethodSource("ofTheirOwnClass")
    void everyExperimentIsAProgram(Experiment experiment) throws NoSuchMethodException {
        Method main = experiment.getClass().getMethod("main", String[].class);

        assertThat(experiment.getClass()).isPublic();
        assertThat(Modifier.isStatic(main.getModifiers())).isTrue();
        assertThat(main.getReturnType()).isEqualTo(void.class);
    }

    @Test
    void aProgramRunsItsExperimentOfTheSuite() throws IOException, InterruptedException {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Table4RegionsOrWholeImages.class.getName(),
                        "there-is-no-such-suite.yaml")
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

        assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).isEqualTo(1);
        assertThat(output).contains("rafclip: ", "there-is-no-such-suite.yaml");
    }

    @Test
    void experimentsAreFoundByTheirIds() {
        List<String> ids = Experiments.all().stream().map(Experiment::id).toList();

        assertThat(ids).doesNotHaveDuplicates().contains("table1", "table5", "figure3", "figure6");
        assertThat(Experiments.named(List.of("table5", "figure3")))
                .extracting(Experiment::id)
                .containsExactly("table5", "figure3");
        assertThat(Experiments.all()).extracting(Experiment::title).doesNotHaveDuplicates();
        assertThatThrownBy(() -> Experiments.named(List.of("table9")))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("'table9'")
                .hasMessageContaining("table1, ");
    }
}
