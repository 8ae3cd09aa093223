package org.rafclip.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.rafclip.export.Export;
import org.rafclip.export.ExportFormat;
import org.rafclip.onnx.write.Numbers;
import org.rafclip.photos.ModelPreparation;
import org.rafclip.train.Checkpoints;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** A model in the form that other programs read. */
@Command(
        name = "export",
        description = {
            "Write a trained or imported model in the form that other programs read.",
            "hf is a folder for Hugging Face's transformers, openclip one for OpenCLIP: description, weights, tokenizer and"
                    + " how photos are prepared. What was written is read again and must have the same weights and features,"
                    + " bit by bit. What a form cannot say of a model is refused by its name. onnx is a file for each tower,"
                    + " image.onnx and text.onnx, and compose.onnx for a composer's run, compared with the model in ONNX"
                    + " Runtime. peft is the adapter alone of a training with train.lora, as PEFT saves it; the other forms hold"
                    + " its weights merged. README.md says what the model is, where it comes from and how it is loaded."
        },
        footer = {
            "",
            "Examples:",
            "  ./rafclip model export --run runs/raf --format hf --out exported/raf-hf",
            "  ./rafclip model export --model models/vit-b-32 --format openclip --out exported/vit-b-32",
            "  ./rafclip model export --run runs/raf-lora --format peft --out exported/raf-adapter",
            "  ./rafclip model export --run runs/agcn --format onnx --quantize int8 --out exported/agcn"
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
            names = "--rafclip",
            paramLabel = "DIR",
            description =
                    "The encoder's run or model folder, where it is no longer where the composer's training found it.")
    private Path rafclip;

    @ArgGroup
    private Narrow narrow;

    private static final class Narrow {

        @Option(
                names = "--dtype",
                paramLabel = "TYPE",
                description = "Of ONNX files: fp32 or fp16. Inputs and outputs are fp32 always. Default: fp32.")
        private Dtype dtype;

        @Option(
                names = "--quantize",
                paramLabel = "TYPE",
                description =
                        "Of ONNX files: int8, linear layers by whole numbers of 8 bits, inputs rounded as they come."
                                + " The error is measured and told.")
        private Quantized quantize;
    }

    private enum Dtype {
        FP32,
        FP16
    }

    private enum Quantized {
        INT8
    }

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
        if (narrow != null && format != ExportFormat.ONNX) {
            throw new ParameterException(
                    spec.commandLine(), "--dtype and --quantize belong to --format onnx: " + format + " holds fp32");
        }
        Machine.loadNd4j();
        Export export = new Export(
                which.run != null ? which.run : which.model,
                rafclip,
                checkpoint,
                format,
                numbers(),
                preparation == null ? null : new ModelPreparation(preparation),
                out);
        List<String> notes;
        boolean onnx = format == ExportFormat.ONNX;
        try (JobProgress progress =
                onnx ? new JobProgress("writing", "steps") : new JobProgress("reading again", "tensors")) {
            notes = export.write(progress);
        }
        PrintWriter printed = spec.commandLine().getOut();
        notes.forEach(printed::println);
        printed.println(out + ": written for " + format);
        printed.flush();
        return 0;
    }

    private Numbers numbers() {
        if (narrow != null && narrow.quantize != null) {
            return Numbers.INT8;
        }
        return narrow != null && narrow.dtype == Dtype.FP16 ? Numbers.FP16 : Numbers.FP32;
    }
}
