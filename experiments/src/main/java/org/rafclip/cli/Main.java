package org.rafclip.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.lang.reflect.Field;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.rafclip.data.SystemText;
import org.rafclip.run.OverrideException;
import org.rafclip.run.Provenance;
import org.rafclip.search.query.QueryException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.IHelpSectionRenderer;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.UsageMessageSpec;
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
        description = {
            "Name what garments on photos are, find photos by words and by other photos, and train the models for that:"
                    + " region-aware fashion contrastive learning (RaF-CLIP) and composed retrieval (AGCN)."
        },
        footer = {
            "",
            "Examples, to begin with:",
            "  ./rafclip demo",
            "  ./rafclip recognise --run runs/demo PHOTO",
            "  ./rafclip index --run runs/demo --images PHOTOS --out runs/index",
            "  ./rafclip serve --index runs/index",
            "",
            "On photos of your own:",
            "  ./rafclip data check photos.csv",
            "  ./rafclip train experiments/configs/rafclip-table-small.yaml data.table=photos.csv output.dir=runs/mine"
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
            CompletionCommand.class,
            DocumentCommand.class,
            HelpCommand.class
        },
        mixinStandardHelpOptions = true,
        scope = ScopeType.INHERIT,
        versionProvider = Main.Version.class)
public final class Main extends CommandGroup {

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
        writeErrorsDirectly();
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

    /** Where the launcher filters what the JVM itself says, it names the descriptor that is the standard error stream. */
    private static void writeErrorsDirectly() {
        Integer descriptor = Integer.getInteger("rafclip.stderr");
        if (descriptor == null) {
            return;
        }
        try {
            FileDescriptor stream = new FileDescriptor();
            Field number = FileDescriptor.class.getDeclaredField("fd");
            number.setAccessible(true);
            number.setInt(stream, descriptor);
            Charset charset = Charset.forName(System.getProperty("stderr.encoding", "UTF-8"));
            System.setErr(new PrintStream(new FileOutputStream(stream), true, charset));
        } catch (ReflectiveOperationException | RuntimeException e) {
            // Then they take the launcher's way.
        }
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
        Map<String, IHelpSectionRenderer> sections = new HashMap<>(commandLine.getHelpSectionMap());
        sections.put(UsageMessageSpec.SECTION_KEY_FOOTER, Examples::render);
        return commandLine
                .setHelpSectionMap(sections)
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setUsageHelpAutoWidth(true)
                .setParameterExceptionHandler(Main::wrongCommandLine)
                .setExecutionExceptionHandler(Main::failed);
    }

    private static int wrongCommandLine(ParameterException e, String[] args) {
        CommandLine command = e.getCommandLine();
        PrintWriter err = command.getErr();
        Suggestions suggestions = Suggestions.of(e, List.of(args));
        err.println("rafclip: " + suggestions.wrong());
        err.println(suggestions
                .instead()
                .orElse("See: ./" + command.getCommandSpec().qualifiedName() + " --help"));
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
        return e instanceof OverrideException || e instanceof QueryException ? WRONG_COMMAND_LINE : FAILED;
    }
}
