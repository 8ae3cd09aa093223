package org.rafclip.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.rafclip.data.SystemText;
import org.rafclip.run.Provenance;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.ScopeType;

/**
 * The {@code rafclip} command.
 *
 * <p>Exit codes: 0 done; 1 it could not be done (bad data, a full disk, a failed check); 2 the command line itself is
 * wrong. What a user can mend is said in one line, {@code --stacktrace} shows where it came from; anything else is a
 * fault of the program and always comes with its trace.
 *
 * <p>A command is a {@code Callable<Integer>} that returns the exit code, with picocli's {@link Command} and a footer
 * that gives an example. Its class goes into the list of subcommands here or in its group.
 */
@Command(
        name = "rafclip",
        description = "Region-aware fashion contrastive learning: train, evaluate, measure.",
        footer = {
            "",
            "Example:",
            "  ./rafclip train experiments/configs/rafclip-deepfashion-small.yaml \\",
            "      data.dir=DIR output.dir=runs/raf"
        },
        subcommands = {
            Doctor.class,
            DataCommand.class,
            ModelCommand.class,
            TrainCommand.class,
            SweepCommand.class,
            EvalCommand.class,
            RecogniseCommand.class,
            EmbedCommand.class,
            IndexCommand.class,
            SearchCommand.class,
            ServeCommand.class,
            ReportCommand.class,
            DemoCommand.class,
            AblateCommand.class,
            BenchCommand.class,
            OnnxCommand.class,
            HelpCommand.class
        },
        mixinStandardHelpOptions = true,
        scope = ScopeType.INHERIT,
        versionProvider = Main.Version.class)
public final class Main {

    private static final int FAILED = 1;
    private static final int WRONG_COMMAND_LINE = 2;

    /** The class path alone is a hundred. */
    private static final long LEAST_OPEN_FILES = 256;

    private static final String STACKTRACE = "--stacktrace";
    private static final String FAULT =
            "this should not have happened; it is a fault of the program, please report it.";

    /** The build that runs and the JVM it runs on. */
    static final class Version implements IVersionProvider {

        @Override
        public String[] getVersion() {
            Provenance.Code code = Provenance.Code.current();
            String state = Boolean.TRUE.equals(code.dirty()) ? ", with changes" : "";
            return new String[] {
                "rafclip " + code.version() + " (commit " + code.commit() + state + ")",
                "JVM ${java.version} (${java.vendor} ${java.vm.name} ${java.vm.version})",
                "${os.name} ${os.version} ${os.arch}"
            };
        }
    }

    @Option(
            names = STACKTRACE,
            scope = ScopeType.INHERIT,
            description = "When something goes wrong, show where in the program.")
    private boolean stacktrace;

    public static void main(String[] args) {
        // First of all: where no file can be opened any more, no further class can be loaded to say so.
        long files = mostOpenFiles();
        if (files < LEAST_OPEN_FILES) {
            System.err.println("rafclip: the system lets this program open " + files + " files at once, it needs "
                    + LEAST_OPEN_FILES + ". Raise the limit: ulimit -n 1024, or --ulimit nofile=1024 for a container.");
            System.exit(FAILED);
        }
        for (String argument : args) {
            Optional<String> fault = SystemText.fault(argument);
            if (fault.isPresent()) {
                System.err.println("rafclip: the argument '" + argument + "' " + fault.get() + ".");
                System.exit(WRONG_COMMAND_LINE);
            }
        }
        int exitCode = FAILED;
        try {
            exitCode = commandLine().execute(args);
        } catch (Error e) {
            // picocli hands on what is no Exception
            String message = Complaint.of(e);
            System.err.println("rafclip: " + (message == null ? FAULT : message));
            if (message == null || List.of(args).contains(STACKTRACE)) {
                e.printStackTrace();
            }
        }
        System.exit(exitCode);
    }

    /** As Linux tells; without a limit elsewhere. */
    private static long mostOpenFiles() {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/self/limits"))) {
                String[] columns = line.split(" {2,}");
                if (columns[0].equals("Max open files") && columns[1].matches("\\d{1,9}")) {
                    return Long.parseLong(columns[1]);
                }
            }
        } catch (IOException e) {
            return Long.MAX_VALUE;
        }
        return Long.MAX_VALUE;
    }

    /** The command with its subcommands, ready to {@link CommandLine#execute}. */
    static CommandLine commandLine() {
        return configure(new CommandLine(new Main()));
    }

    /** What holds for every command of ours, whoever builds its {@link CommandLine}. */
    static CommandLine configure(CommandLine commandLine) {
        return commandLine
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setUsageHelpAutoWidth(true)
                .setParameterExceptionHandler(Main::wrongCommandLine)
                .setExecutionExceptionHandler(Main::failed);
    }

    private static int wrongCommandLine(ParameterException e, String[] args) {
        CommandLine command = e.getCommandLine();
        PrintWriter err = command.getErr();
        err.println("rafclip: " + e.getMessage());
        if (!CommandLine.UnmatchedArgumentException.printSuggestions(e, err)) {
            err.println("See: ./" + command.getCommandSpec().qualifiedName() + " --help");
        }
        return WRONG_COMMAND_LINE;
    }

    private static int failed(Exception e, CommandLine command, ParseResult arguments) {
        PrintWriter err = command.getErr();
        Main main = (Main) command.getCommandSpec().root().userObject();
        String message = Complaint.of(e);
        if (message != null) {
            err.println("rafclip: " + message);
            if (main.stacktrace) {
                e.printStackTrace(err);
            }
        } else {
            err.println("rafclip: " + FAULT);
            e.printStackTrace(err);
        }
        return FAILED;
    }
}
