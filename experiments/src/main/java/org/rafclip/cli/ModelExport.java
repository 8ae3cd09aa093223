package org.rafclip.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.rafclip.export.Export;
import org.rafclip.export.ExportFormat;
import org.rafclip.photos.ModelPreparation;
import org.rafclip.train.Checkpoints;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** A model in the form that other programs read. */
@Command(
        name = "export",
        description = {
            "Write a trained or imported model in the form that other programs read.",
            "hf is a folder for Hugging Face's transformers, openclip one for OpenCLIP: description, weights, tokenizer and"
                    + " how photos are prepared. What was written is read again and must have the same weights and features,"
                    + " bit by bit. What a form cannot say of a model is refused by its name."
        },
        footer = {
            "",
            "Examples:",
            "  ./rafclip model export --run runs/raf --format hf --out exported/raf-hf",
            "  ./rafclip model export --model models/vit-b-32 --format openclip --out exported/vit-b-32"
        })
final class ModelExport implements Callable<Integer> {

    @Spec
    private CommandSpec spec;

    @ArgGroup(multiplicity = "1")
    private Which which;

    private static final class Which {

        @Option(names = "--run", paramLabel = "DIR", description = "The output.dir of a training, or what demo filled.")
        private Path run;

        @Option(
                names = "--model",
                paramLabel = "DIR",
                description = "A model folder: model.yaml, model.safetensors, tokenizer.")
        private Path model;
    }

    @Option(
            names = "--checkpoint",
            defaultValue = "best",
            paramLabel = "WHICH",
            description = "${COMPLETION-CANDIDATES} checkpoint of a run. Default: ${DEFAULT-VALUE}.")
    private Checkpoints.Which checkpoint;

    @Option(
            names = "--format",
            required = true,
            paramLabel = "FORM",
            description = "Whose code is to load it: ${COMPLETION-CANDIDATES}.")
    private ExportFormat format;

    @Option(
            names = "--preparation",
            paramLabel = "STEPS",
            description =
                    "How others are to prepare photos (./rafclip data steps), such as 'squash(64) | normalize(clip)'."
                            + " Default: as the model's own are prepared once the garment is cut out.")
    private String preparation;

    @Option(names = "--out", required = true, paramLabel = "DIR", description = "The folder to make.")
    private Path out;

    @Override
    public Integer call() throws IOException {
        Machine.loadNd4j();
        Export export = new Export(
                which.run != null ? which.run : which.model,
                checkpoint,
                format,
                preparation == null ? null : new ModelPreparation(preparation),
                out);
        List<String> notes;
        try (JobProgress progress = new JobProgress("reading again", "tensors")) {
            notes = export.write(progress);
        }
        PrintWriter printed = spec.commandLine().getOut();
        notes.forEach(printed::println);
        printed.println(out + ": written for " + format);
        printed.flush();
        return 0;
    }
}
