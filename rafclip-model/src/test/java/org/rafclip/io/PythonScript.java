package org.rafclip.io;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;

/** Runs a script of {@code src/test/python}: a second, independent opinion about the files this module writes. */
public final class PythonScript {
    private PythonScript() {}

    /**
     * The JSON that the script prints; the calling test is skipped where there is no {@code python3}. Another interpreter
     * can be named by the system property {@code python}.
     */
    public static JsonNode run(String script, Path argument, Path outputFolder) throws Exception {
        String python = System.getProperty("python", "python3");
        Assumptions.assumeTrue(isInstalled(python), "skipped: " + python + " is not installed");
        File out = outputFolder.resolve("python.out").toFile();
        File err = outputFolder.resolve("python.err").toFile();
        Process process = new ProcessBuilder(
                        python, Path.of("src/test/python", script).toString(), argument.toString())
                .redirectOutput(out)
                .redirectError(err)
                .start();
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(Files.readString(err.toPath())).isZero();
        return new ObjectMapper().readTree(out);
    }

    private static boolean isInstalled(String python) throws IOException {
        return Path.of(python).isAbsolute()
                ? Files.isExecutable(Path.of(python))
                : Arrays.stream(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator))
                        .anyMatch(folder -> Files.isExecutable(Path.of(folder, python)));
    }
}
