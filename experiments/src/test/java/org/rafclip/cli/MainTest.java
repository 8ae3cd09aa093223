package org.rafclip.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rafclip.data.DataException;
import org.rafclip.run.ConfigException;
import org.rafclip.run.OverrideException;
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
                        "rafclip: there is no option '--no-such-option'\n" + "See: ./rafclip doctor --help\n");
        assertThat(execute("index", "--imges", "photos")).isEqualTo(2);
        assertThat(err.toString()).contains("there is no option '--imges'", "Did you mean --images?");
    }

    @Test
    void aloneItShowsWhatThereIs() {
        assertThat(execute()).isZero();
        assertThat(out.toString()).contains("Usage: rafclip", "recognise", "./rafclip demo");
        assertThat(execute("eval")).isZero();
        assertThat(out.toString()).contains("Usage: rafclip eval", "retrieval");
    }

    @Test
    void otherNamesOfWhatACommandDoesAreUnderstood() {
        for (String[] pair : new String[][] {{"predict", "recognise"}, {"finetune", "train"}, {"query", "search"}}) {
            assertThat(execute(pair[0])).isEqualTo(2);
            assertThat(err.toString())
                    .contains("'./rafclip " + pair[0] + "'", "Did you mean ./rafclip " + pair[1] + "?");
        }
    }

    @Test
    void aKeyThatIsGivenAsAnOptionIsShownAsOneWritesIt() {
        assertThat(execute("train", "run.yaml", "--batch-size", "8")).isEqualTo(2);
        assertThat(err.toString()).contains("'--batch-size'", "without dashes: train.batch-size=8");
    }

    @Test
    void aWrongOverrideIsAWrongCommandLine() {
        assertThat(execute(new OverrideException("override 'train.lr=x': a number", null), "fail"))
                .isEqualTo(2);
        assertThat(err.toString()).isEqualToNormalizingNewlines("rafclip: override 'train.lr=x': a number\n");
    }

    @Test
    void aShellCompletesCommandsAndOptions() throws Exception {
        assertThat(execute("completion", "bash")).isZero();
        Process shell =
                new ProcessBuilder("bash", "-s").redirectErrorStream(true).start();
        try (Writer script = new OutputStreamWriter(shell.getOutputStream(), StandardCharsets.UTF_8)) {
            script.write(out.toString());
            script.write("\nCOMP_WORDS=(rafclip rec); COMP_CWORD=1; _complete_rafclip; echo \"${COMPREPLY[@]}\"\n");
            script.write(
                    "COMP_WORDS=(rafclip serve --po); COMP_CWORD=2; _complete_rafclip; echo \"${COMPREPLY[@]}\"\n");
        }
        assertThat(new String(shell.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
                .contains("recognise", "--port");
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
    void aFullDiskNamesTheFileAndWhatIsSafe() {
        String[] tails = {"No space left on device", "Disk quota exceeded"};
        for (String tail : tails) {
            FileSystemException full = new FileSystemException("runs/raf/checkpoints/step-1", null, tail);
            assertThat(execute(full, "fail")).isEqualTo(1);
            assertThat(execute(new UncheckedIOException("cannot write the report", full), "fail"))
                    .isEqualTo(1);
            assertThat(execute(new ExecutionException(new UncheckedIOException(full)), "fail"))
                    .isEqualTo(1);
        }
        assertThat(err.toString().lines())
                .hasSize(6)
                .allSatisfy(line -> assertThat(line)
                        .startsWith("rafclip: runs/raf/checkpoints/step-1: cannot be written, ")
                        .contains("Make room", "as it was", "--resume"));
    }

    @Test
    void everyPlainFailureOfReadingOrWritingIsOneLine() {
        assertThat(Complaint.of(new IOException("Input/output error")))
                .isEqualTo("reading or writing failed: input/output error.");
        assertThat(Complaint.of(new UncheckedIOException("reading runs/raf/last", new IOException("Stale file"))))
                .isEqualTo("reading runs/raf/last: reading or writing failed: stale file.");
        assertThat(Complaint.of(new FileSystemException("a.json", null, "Read-only file system")))
                .isEqualTo("a.json: read-only file system.");
        assertThat(Complaint.of(new FileSystemException("a.json", null, "Is a directory")))
                .contains("a.json: is a folder");
        assertThat(Complaint.of(new FileSystemException("a.json", null, "Too many open files")))
                .contains("ulimit -n");
        assertThat(Complaint.of(new EOFException())).contains("EOFException");
        assertThat(Complaint.of(new IllegalStateException(new IOException("lost"))))
                .as("a fault of the program, whatever was behind it")
                .isNull();
    }

    @Test
    void noPlaceForNativeLibrariesIsSaidFirst() {
        IOException cache = new IOException(
                "Could not create the cache: Set the \"org.bytedeco.javacpp.cachedir\" system property.");
        UnsatisfiedLinkError link = new UnsatisfiedLinkError(cache.toString());
        link.initCause(cache);
        for (Throwable failure :
                List.of(link, new ExceptionInInitializerError(new UncheckedIOException("no", cache)))) {
            assertThat(Complaint.of(failure))
                    .startsWith("there is no place to unpack the native libraries to")
                    .contains("cachedir=DIR");
        }
        assertThat(Complaint.of(new ExceptionInInitializerError(
                        new RuntimeException("no runtime", new NoSuchFileException("/gone/onnxruntime")))))
                .startsWith("a native library cannot be unpacked: /gone/onnxruntime: there is no such file or folder.")
                .contains("tmpdir=DIR");
        assertThat(Complaint.of(new ExceptionInInitializerError(new NullPointerException())))
                .isNull();
        assertThat(Complaint.of(new UnsatisfiedLinkError("libgomp.so.1: cannot open shared object file")))
                .contains("libgomp.so.1", "glibc");
    }

    @Test
    void aNameThatTheLocaleCannotExpressSaysWhatToSet() {
        assertThat(Complaint.of(new InvalidPathException("a\0b", "Nul character not allowed")))
                .contains("is no path");
        assertThat(Complaint.of(new InvalidPathException("gr\ufffdn", "Malformed input")))
                .contains("UTF-8");
    }

    @ParameterizedTest
    @CsvSource({"POSIX, LC_ALL=C.UTF-8", "C.UTF-8, there is no option"})
    void argumentsThatTheLocaleLosesAreRefusedAtTheStart(String locale, String said) throws Exception {
        ProcessBuilder process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                        Main.class.getName(),
                        "search",
                        "--index",
                        "none",
                        "--texxt",
                        "robe à fleurs, 裙子")
                .redirectErrorStream(true);
        process.environment().put("LC_ALL", locale);
        Process run = process.start();
        String output = new String(run.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

        assertThat(run.waitFor()).isEqualTo(2);
        assertThat(output).containsIgnoringCase(said);
        assertThat(output.contains("LC_ALL")).isEqualTo(locale.equals("POSIX"));
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
