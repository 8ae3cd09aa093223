package org.rafclip.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import org.rafclip.io.AtomicFiles;
import org.rafclip.io.Sha256;
import org.rafclip.onnx.check.Conformance;
import org.rafclip.onnx.check.Inspection;
import org.rafclip.onnx.check.Verification;
import org.rafclip.run.JsonReport;
import org.rafclip.run.Provenance;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** What can be done with ONNX files. */
@Command(
        name = "onnx",
        description = "Look into ONNX files, check that they are imported right, make models of them.",
        footer = {"", "Example:", "  ./rafclip onnx verify image.onnx"},
        subcommands = {
            OnnxCommand.Inspect.class,
            OnnxCommand.Verify.class,
            OnnxCommand.Cases.class,
            OnnxImportClip.class
        })
final class OnnxCommand extends CommandGroup {

    private static <T extends Record> void report(
            CommandSpec spec, T body, Record settings, long seed, Path data, Path json) throws IOException {
        Provenance provenance = CommandLines.provenance(
                spec, settings, seed, Files.isRegularFile(data) ? Sha256.of(data) : data.toString());
        new JsonReport<>(body, provenance).write(json);
    }

    /** Lists what is in a file. */
    @Command(
            name = "inspect",
            description = {
                "List inputs, outputs, parameters and operations of an ONNX file.",
                "Exit code 1 if it has operations that cannot be imported."
            },
            footer = {"", "Example:", "  ./rafclip onnx inspect image.onnx"})
    static final class Inspect implements Callable<Integer> {

        @Spec
        private CommandSpec spec;

        @Parameters(paramLabel = "FILE", description = "The .onnx file; its external data lies beside it.")
        private Path file;

        @Option(names = "--json", paramLabel = "FILE", description = "Write all of it, with provenance.")
        private Path json;

        private record Inspected(String file) {}

        @Override
        public Integer call() throws IOException {
            Inspection inspection = Inspection.of(file);
            PrintWriter out = spec.commandLine().getOut();
            out.print(inspection.render());
            out.flush();
            if (json != null) {
                report(spec, inspection, new Inspected(file.toString()), 0, file, json);
            }
            return inspection.supported() ? 0 : 1;
        }
    }

    /** Compares an import with ONNX Runtime. */
    @Command(
            name = "verify",
            description = {
                "Import an ONNX file, run it in SameDiff and in ONNX Runtime on the same inputs, and print the worst"
                        + " error of each output.",
                "Exit code 1 if one is beyond the tolerance."
            },
            footer = {
                "",
                "Examples:",
                "  ./rafclip onnx verify image.onnx",
                "  ./rafclip onnx verify text.onnx --dim batch=4 --dim length=77 --inputs 7"
            })
    static final class Verify implements Callable<Integer> {

        @Spec
        private CommandSpec spec;

        @Parameters(paramLabel = "FILE", description = "The .onnx file; its external data lies beside it.")
        private Path file;

        @Option(
                names = "--inputs",
                paramLabel = "SEED",
                defaultValue = "1",
                description = "Seed of the inputs. Default: ${DEFAULT-VALUE}.")
        private long seed;

        @Option(
                names = "--dim",
                paramLabel = "NAME=LENGTH",
                description =
                        "Length of an open dimension. Default: what the weights want of images and texts, else 2 for an"
                                + " input's first, 16 for others.")
        private Map<String, Long> dimensions = new LinkedHashMap<>();

        @Option(
                names = "--tolerance",
                paramLabel = "ERROR",
                defaultValue = "1e-4",
                description = "The largest absolute error. Default: ${DEFAULT-VALUE}.")
        private double tolerance;

        @Option(names = "--json", paramLabel = "FILE", description = "Write every figure, with provenance.")
        private Path json;

        private record Verified(String file, Map<String, Long> dimensions, double tolerance) {}

        @Override
        public Integer call() throws IOException {
            CommandLines.dimensions(spec, dimensions);
            Machine.loadNd4j();
            Verification verification = Verification.run(file, seed, dimensions, tolerance);
            PrintWriter out = spec.commandLine().getOut();
            out.print(verification.table().toText());
            out.flush();
            if (json != null) {
                report(spec, verification, new Verified(file.toString(), dimensions, tolerance), seed, file, json);
            }
            return verification.passed() ? 0 : 1;
        }
    }

    /** Runs ONNX's own test cases. */
    @Command(
            name = "conformance",
            description = {
                "Run ONNX's node test cases on imported graphs: a table of operations and cases passed.",
                "Debian's package libonnx-testdata brings the cases."
            },
            footer = {"", "Example:", "  ./rafclip onnx conformance --out docs/onnx-conformance.md"})
    static final class Cases implements Callable<Integer> {

        @Spec
        private CommandSpec spec;

        @Option(
                names = "--data",
                paramLabel = "DIR",
                defaultValue = "/usr/share/libonnx-testdata/data/node",
                description = "The folder of the cases. Default: ${DEFAULT-VALUE}.")
        private Path dir;

        @Option(names = "--out", paramLabel = "FILE", description = "Write the table as Markdown.")
        private Path markdown;

        @Override
        public Integer call() throws IOException {
            Machine.loadNd4j();
            Conformance result;
            try (JobProgress progress = new JobProgress("running", "cases")) {
                result = Conformance.run(dir, progress);
            }
            PrintWriter out = spec.commandLine().getOut();
            out.print(result.table().toText());
            out.flush();
            if (markdown != null) {
                AtomicFiles.writeString(markdown, result.page());
            }
            return 0;
        }
    }
}
