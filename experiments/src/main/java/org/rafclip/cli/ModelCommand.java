package org.rafclip.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipModel;
import org.rafclip.io.AtomicFiles;
import org.rafclip.io.Sha256;
import org.rafclip.photos.ModelPreparation;
import org.rafclip.run.JsonReport;
import org.rafclip.run.Provenance;
import org.rafclip.weights.FeatureCheck;
import org.rafclip.weights.PretrainedClip;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Models that others trained, and models for others. */
@Command(
        name = "model",
        description = "Bring a CLIP that others trained, check it, and hand a model on.",
        footer = {
            "",
            "Examples:",
            "  ./rafclip model import --weights open_clip_pytorch_model.safetensors --out models/vit-b-32",
            "  ./rafclip model export --run runs/raf --format hf --out exported/raf"
        },
        subcommands = {ModelCommand.Import.class, ModelCommand.Check.class, ModelExport.class, ModelBlend.class})
final class ModelCommand extends CommandGroup {

    private ModelCommand() {}

    @Command(
            name = "import",
            description = {
                "Read OpenCLIP's, OpenAI's or Hugging Face's CLIP weights into a model folder.",
                "PyTorch's files are read without Python, and nothing in them is run. 16-bit weights are widened. Every tensor must have its place and every parameter its tensor, else the"
                        + " import fails and names it. Train, eval and composers then work from the folder."
            },
            footer = {
                "",
                "Examples:",
                "  ./rafclip model import --weights open_clip_pytorch_model.safetensors --tokenizer bpe_simple_vocab_16e6.txt.gz --out models/vit-b-32",
                "  ./rafclip model import --weights fashion-clip --out models/fashion-clip",
                "  ./rafclip model import --weights ViT-B-32.pt --tokenizer bpe_simple_vocab_16e6.txt.gz --out models/openai",
                "  ./rafclip eval attributes --model models/vit-b-32 --data DIR --split test",
                "  ./rafclip train experiments/configs/rafclip-deepfashion.yaml model.weights=models/vit-b-32 data.dir=DIR"
                        + " output.dir=runs/raf"
            })
    static final class Import implements Callable<Integer> {

        @Spec
        private CommandSpec spec;

        @Option(
                names = {"--weights", "--safetensors"},
                required = true,
                paramLabel = "FILE|DIR",
                description = "The weights: a .safetensors, .bin, .pt or .pth file, the .index.json of several, or a"
                        + " folder with one of them.")
        private Path weights;

        @Option(
                names = "--config",
                paramLabel = "FILE|NAME",
                description =
                        "The model's description, open_clip_config.json or config.json, or the name of a built-in"
                                + " architecture such as vit-b-32. Default: the one beside the weights; OpenAI's .pt needs none.")
        private String config;

        @Option(
                names = "--tokenizer",
                paramLabel = "FILE|DIR",
                description = "tokenizer.json, merges.txt or bpe_simple_vocab_16e6.txt.gz, or a folder with one."
                        + " Default: the folder of the weights.")
        private Path tokenizer;

        @Option(
                names = "--adapter",
                paramLabel = "DIR",
                description = "A LoRA adapter of these weights, as PEFT saves it: adapter_config.json and"
                        + " adapter_model.safetensors. It is merged into them.")
        private Path adapter;

        @Option(
                names = "--preparation",
                paramLabel = "STEPS",
                description =
                        "How photos are prepared for it (./rafclip data steps), such as 'squash(224, bilinear) |"
                                + " normalize(clip)'. Default: as the description or preprocessor_config.json says, else as CLIP.")
        private String preparation;

        @Option(names = "--out", required = true, paramLabel = "DIR", description = "The model folder to make.")
        private Path out;

        private ModelPreparation steps() {
            return preparation == null ? null : new ModelPreparation(preparation);
        }

        /** What an imported model is made of. */
        private record Imported(
                String source, Map<String, String> sha256, ClipConfig config, ModelPreparation preparation) {}

        @Override
        public Integer call() throws IOException {
            Machine.loadNd4j();
            PretrainedClip clip;
            try (JobProgress progress = new JobProgress("reading", "tensors")) {
                clip = PretrainedClip.load(
                        new PretrainedClip.Origin(weights, config, tokenizer, adapter, steps()), progress);
            }
            try (ClipModel model = clip.model()) {
                Map<String, String> hashes = new LinkedHashMap<>();
                for (Path file : clip.files()) {
                    hashes.put(file.getFileName().toString(), Sha256.of(file));
                }
                Imported imported = new Imported(clip.source(), hashes, model.config(), clip.preparation());
                write(spec, out, model, clip.preparation(), imported, hashes.toString());
                print(spec.commandLine().getOut(), clip.source() + "'s names", model, clip.preparation(), out);
                clip.notes().forEach(spec.commandLine().getOut()::println);
                spec.commandLine().getOut().flush();
            }
            return 0;
        }
    }

    /**
     * Writes a model folder that is whole or absent, with the provenance of its weights.
     *
     * @param preparation of photos
     * @param origin what the weights come from
     * @param fingerprint of the files read
     */
    static void write(
            CommandSpec spec,
            Path out,
            ClipModel model,
            ModelPreparation preparation,
            Record origin,
            String fingerprint)
            throws IOException {
        Files.createDirectories(out.toAbsolutePath().getParent());
        Provenance provenance = CommandLines.provenance(spec, origin, 0, Sha256.of(fingerprint));
        AtomicFiles.writeDirectory(out, folder -> {
            model.save(folder, Map.of("format", "pt"));
            ClipModel.writeSums(folder);
            preparation.write(folder);
            new JsonReport<>(origin, provenance).write(folder.resolve("provenance.json"));
        });
    }

    /** Says what a model is. */
    static void print(PrintWriter out, String source, ClipModel model, ModelPreparation preparation, Path folder) {
        ClipConfig config = model.config();
        ClipConfig.Vision vision = config.vision();
        ClipConfig.Text text = config.text();
        out.printf(
                Locale.ROOT,
                "%s: %,d parameters from %s, %s, d = %d, temperature %.4g%n",
                folder,
                model.encoder().parameterCount(),
                source,
                config.activation().name().toLowerCase(Locale.ROOT).replace('_', '-'),
                config.embedWidth(),
                model.temperature());
        out.printf(
                Locale.ROOT,
                "  images  %d pixels%s, width %d, %d layers, %d heads%n",
                vision.imageSize(),
                vision.residual()
                        ? ", ModifiedResNet of " + vision.stages() + " blocks"
                        : " in patches of " + vision.patchSize(),
                vision.width(),
                vision.layers(),
                vision.heads());
        out.printf(
                Locale.ROOT,
                "  texts   %d of %,d tokens, width %d, %d layers, %d heads%n",
                text.contextLength(),
                text.vocabularySize(),
                text.width(),
                text.layers(),
                text.heads());
        out.println("  photos  " + preparation.steps());
        out.flush();
    }

    @Command(
            name = "check",
            description = {
                "Compare a model's features with those another program computed from the same weights.",
                "The file holds inputs (images, tokens) and features (image_features, image_tokens, text_features,"
                        + " text_tokens), projected and not normalised; scripts in onnx/export and"
                        + " rafclip-model/src/test/python write such files. Exit code 1 if an error is above the"
                        + " tolerance."
            },
            footer = {"", "Example:", "  ./rafclip model check models/vit-b-32 --against golden.safetensors"})
    static final class Check implements Callable<Integer> {

        @Spec
        private CommandSpec spec;

        @Parameters(paramLabel = "DIR", description = "A model folder.")
        private Path folder;

        @Option(names = "--against", required = true, paramLabel = "FILE", description = "Inputs and features.")
        private Path golden;

        @Option(
                names = "--tolerance",
                defaultValue = "1e-4",
                paramLabel = "X",
                description = "The largest absolute error allowed. Default: ${DEFAULT-VALUE}.")
        private double tolerance;

        @Override
        public Integer call() throws IOException {
            Machine.loadNd4j();
            PrintWriter out = spec.commandLine().getOut();
            FeatureCheck check;
            try (ClipModel model = ClipModel.load(folder)) {
                check = FeatureCheck.against(golden, model);
            }
            List<String> lines = check.lines();
            lines.forEach(out::println);
            boolean passed = check.worst() <= tolerance;
            out.printf(
                    Locale.ROOT,
                    "%s: worst error %.1e, allowed %.1e%n",
                    passed ? "equal" : "NOT equal",
                    check.worst(),
                    tolerance);
            out.flush();
            return passed ? 0 : 1;
        }
    }
}
