package org.rafclip.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class ExamplesTest {

    private static final String SEEN = "./rafclip recognise --run runs/raf dress.jpg --attributes \"puff sleeve, cargo"
            + " pocket\" --html seen.html";

    @ParameterizedTest
    @ValueSource(ints = {30, 55, 80, 200})
    void aFoldedCommandIsTheSameCommand(int width) throws Exception {
        String folded = Examples.folded(SEEN, width);
        Process shell = new ProcessBuilder("bash", "-c", "printf '%s|' " + folded.replace("./rafclip", ""))
                .redirectErrorStream(true)
                .start();
        assertThat(new String(shell.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
                .isEqualTo(
                        "recognise|--run|runs/raf|dress.jpg|--attributes|puff sleeve, cargo pocket|--html|seen.html|");
        assertThat(folded.lines())
                .allSatisfy(line -> assertThat(line.length())
                        .isLessThanOrEqualTo(
                                Math.max(width, "      --attributes \"puff sleeve, cargo pocket\" \\".length())));
    }

    @Test
    void anOptionAndItsValueStayTogether() {
        assertThat(Examples.folded("./rafclip serve --index runs/index --port 8080", 36))
                .isEqualToNormalizingNewlines("  ./rafclip serve \\\n      --index runs/index --port 8080\n");
    }

    /** Every command's examples are command lines that it takes. */
    @Test
    void everyExampleIsUnderstood() {
        List<String> wrong = new ArrayList<>();
        for (CommandLine command : all(Main.commandLine()).toList()) {
            List<String> examples =
                    Examples.commands(command.getCommandSpec().usageMessage().footer());
            for (String example : examples) {
                if (example.startsWith(Examples.COMMAND)) {
                    try {
                        Main.commandLine().parseArgs(words(example.substring(Examples.COMMAND.length())));
                    } catch (CommandLine.ParameterException e) {
                        wrong.add(example + ": " + e.getMessage());
                    }
                }
            }
        }
        assertThat(wrong).isEmpty();
    }

    static String[] words(String command) {
        List<String> words = new ArrayList<>();
        var pieces = Pattern.compile("\"([^\"]*)\"|'([^']*)'|(\\S+)").matcher(command);
        while (pieces.find()) {
            words.add(
                    pieces.group(1) != null
                            ? pieces.group(1)
                            : pieces.group(2) != null ? pieces.group(2) : pieces.group(3));
        }
        return words.toArray(String[]::new);
    }

    static Stream<CommandLine> all(CommandLine command) {
        return Stream.concat(
                Stream.of(command),
                command.getSubcommands().values().stream().distinct().flatMap(ExamplesTest::all));
    }
}
