package org.rafclip.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Test;
import org.rafclip.data.DataException;
import org.rafclip.run.ConfigException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;

class MainTest {

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @Test
    void everyCommandHasADescriptionAndAnExampleOfItself() {
        Deque<CommandLine> commands = new ArrayDeque<>();
        commands.add(Main.commandLine());
        while (!commands.isEmpty()) {
            CommandLine command = commands.pop();
            commands.addAll(command.getSubcommands().values());
            if (command.getCommandSpec().userObject() instanceof HelpCommand) {
                continue;
            }
            String name = command.getCommandSpec().qualifiedName();
            assertThat(command.getCommandSpec().usageMessage().description())
                    .as(name)
                    .isNotEmpty();
            assertThat(String.join("\n", command.getCommandSpec().usageMessage().footer()))
                    .as(name)
                    .contains("Example")
                    .contains("./" + name);
            assertThat(command.getUsageMessage()).as(name).contains("--help").contains("--stacktrace");
        }
    }

    @Test
    void helpAndVersionSucceed() {
        assertThat(execute("--help")).isZero();
        assertThat(execute("doctor", "--help")).isZero();
        assertThat(out.toString()).contains("Usage: rafclip", "Usage: rafclip doctor", "Example:");
        assertThat(execute("--version")).isZero();
        assertThat(out.toString()).contains("rafclip 0.", "JVM ");
    }

    @Test
    void aWrongCommandLineIsCode2AndOneLine() {
        assertThat(execute("doctor", "--no-such-option")).isEqualTo(2);
        assertThat(err.toString())
                .isEqualToNormalizingNewlines(
                        "rafclip: Unknown option: '--no-such-option'\n" + "See: ./rafclip doctor --help\n");
        assertThat(execute()).isEqualTo(2);
        assertThat(err.toString()).contains("rafclip: Missing required subcommand");
    }

    @Test
    void aMisspeltCommandBringsTheNearestOne() {
        assertThat(execute("docter")).isEqualTo(2);
        assertThat(err.toString()).contains("doctor");
    }

    @Test
    void whatTheUserCanMendIsCode1AndOneLine() {
        assertThat(execute(new DataException("list.txt, line 3: no box. Write four numbers."), "fail"))
                .isEqualTo(1);
        assertThat(execute(new ConfigException("run.yaml, line 9: unknown key."), "fail"))
                .isEqualTo(1);
        assertThat(err.toString())
                .isEqualToNormalizingNewlines("rafclip: list.txt, line 3: no box. Write four numbers.\n"
                        + "rafclip: run.yaml, line 9: unknown key.\n");
    }

    @Test
    void stacktraceShowsWhere() {
        assertThat(execute(new DataException("no box"), "fail", "--stacktrace")).isEqualTo(1);
        assertThat(err.toString()).contains("rafclip: no box", "at " + MainTest.class.getName());
    }

    @Test
    void aMissingFileIsNamed() {
        assertThat(execute(() -> Files.readString(Path.of("no/such.yaml")).length(), "fail"))
                .isEqualTo(1);
        assertThat(err.toString())
                .isEqualToNormalizingNewlines("rafclip: no/such.yaml: there is no such file or folder.\n");
    }

    @Test
    void aFaultOfTheProgramComesWithItsTrace() {
        assertThat(execute(new IllegalStateException("axis 7"), "fail")).isEqualTo(1);
        assertThat(err.toString()).contains("fault of the program", "axis 7", "at " + MainTest.class.getName());
    }

    @Command(name = "fail")
    private static final class Fails implements Callable<Integer> {

        private final Callable<Integer> body;

        Fails(Callable<Integer> body) {
            this.body = body;
        }

        @Override
        public Integer call() throws Exception {
            return body.call();
        }
    }

    private int execute(String... arguments) {
        return execute(Main.commandLine(), arguments);
    }

    private int execute(Exception thrown, String... arguments) {
        return execute(
                () -> {
                    throw thrown;
                },
                arguments);
    }

    private int execute(Callable<Integer> body, String... arguments) {
        CommandLine commandLine = new CommandLine(new Main()).addSubcommand(new Fails(body));
        return execute(Main.configure(commandLine), arguments);
    }

    private int execute(CommandLine commandLine, String... arguments) {
        return commandLine
                .setOut(new PrintWriter(out))
                .setErr(new PrintWriter(err))
                .execute(arguments);
    }
}
