package org.rafclip.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipModel;
import org.rafclip.io.Sha256;
import org.rafclip.onnx.clip.FeatureProof;
import org.rafclip.onnx.clip.OnnxClip;
import org.rafclip.photos.ModelPreparation;
import org.rafclip.run.ProcessMemory;
import org.rafclip.text.ClipTokenizer;
import org.rafclip.weights.PretrainedClip;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** A CLIP in ONNX files becomes a model folder. */
@Command(
        name = "import-clip",
        description = {
            "Rebuild a CLIP from ONNX files as a model folder that can be trained.",
            "Architecture and weights are recognised by what feeds into what, whatever the exporter called it. The rebuilt"
                    + " model's features are then compared with the imported graph's and with ONNX Runtime's; a model whose"
                    + " features differ is refused."
        },
        footer = {
            "",
            "Examples:",
            "  ./rafclip onnx import-clip --image image.onnx --text text.onnx --tokenizer bpe_simple_vocab_16e6.txt.gz --out models/vit-b-32",
            "  ./rafclip onnx import-clip --model clip.onnx --out models/vit-b-32",
            "  ./rafclip eval attributes --model models/vit-b-32 --data DIR --split test",
            "  ./rafclip train experiments/configs/rafclip-deepfashion.yaml model.weights=models/vit-b-32 data.dir=DIR"
                    + " output.dir=runs/raf"
        })
final class OnnxImportClip implements Callable<Integer> {

    @Spec
    private CommandSpec spec;

    @ArgGroup(multiplicity = "1")
    private Source source;

    @Option(
            names = "--tokenizer",
            paramLabel = "FILE|DIR",
            description =
                    "tokenizer.json, merges.txt or bpe_simple_vocab_16e6.txt.gz, or a folder with one. Default: the"
                            + " folder of the text tower's file.")
    private Path tokenizer;

    @Option(
            names = "--logit-scale",
            paramLabel = "X",
            description = "The logarithm of the temperature, as the parameter logit_scale holds it: 4.6052 is ln 100."
                    + " Default: what the file's logits say, else CLIP's ln(1/0.07).")
    private Double logitScale;

    @Option(
            names = "--dim",
            paramLabel = "NAME=LENGTH",
            description = "Length of an open dimension. Default: what the weights want of images and texts.")
    private Map<String, Long> dimensions = new LinkedHashMap<>();

    @Option(
            names = "--tolerance",
            paramLabel = "ERROR",
            defaultValue = "1e-4",
            description = "The largest absolute error of a feature. Default: ${DEFAULT-VALUE}.")
    private double tolerance;

    @Option(
            names = "--inputs",
            paramLabel = "SEED",
            defaultValue = "1",
            description = "Seed of the inputs that features are compared on. Default: ${DEFAULT-VALUE}.")
    private long seed;

    @Option(
            names = "--preparation",
            paramLabel = "STEPS",
            description =
                    "How photos are prepared for it (./rafclip data steps), such as 'squash(224, bilinear) |"
                            + " normalize(clip)'. Default: as preparation.yaml beside the image tower's file says, else as CLIP.")
    private String preparation;

    @Option(names = "--out", required = true, paramLabel = "DIR", description = "The model folder to make.")
    private Path out;

    /** One file, or one for each tower. */
    private static final class Source {

        @Option(names = "--model", required = true, paramLabel = "FILE", description = "One file with both towers.")
        private Path both;

        @ArgGroup(exclusive = false)
        private Towers towers;

        Path image() {
            return both != null ? both : towers.image;
        }

        Path text() {
            return both != null ? both : towers.text;
        }
    }

    private static final class Towers {

        @Option(names = "--image", required = true, paramLabel = "FILE", description = "The image tower's file.")
        private Path image;

        @Option(names = "--text", required = true, paramLabel = "FILE", description = "The text tower's file.")
        private Path text;
    }

    /** What a rebuilt model is made of. */
    private record Rebuilt(
            Map<String, String> sha256,
            ClipConfig config,
            ModelPreparation preparation,
            FeatureProof proof,
            List<String> notes) {}

    @Override
    public Integer call() throws IOException {
        CommandLines.dimensions(spec, dimensions);
        if (Files.exists(out)) {
            throw new FileAlreadyExistsException(out.toString());
        }
        Machine.loadNd4j();
        long start = System.nanoTime();
        Path image = source.image();
        Path text = source.text();
        Path words = tokenizer == null ? text.toAbsolutePath().getParent() : tokenizer;
        // A missing tokenizer is refused before the long work. Whether it is the model's is seen afterwards.
        ClipTokenizer.from(words, ClipTokenizer.CLIP_CONTEXT_LENGTH).close();
        OnnxClip.Options options = new OnnxClip.Options(
                dimensions,
                logitScale == null ? OptionalDouble.empty() : OptionalDouble.of(logitScale),
                tolerance,
                seed);
        OnnxClip clip;
        try (JobProgress progress = new JobProgress("rebuilding", "steps")) {
            clip = OnnxClip.load(image, text, options, progress);
        }
        PrintWriter printed = spec.commandLine().getOut();
        try (ClipModel model = new ClipModel(
                clip.encoder(),
                PretrainedClip.tokenizer(words, clip.encoder().config().text(), clip.end()))) {
            Map<String, String> hashes = new LinkedHashMap<>();
            for (Path file : Stream.of(image, text).distinct().toList()) {
                hashes.put(file.getFileName().toString(), Sha256.of(file));
            }
            ModelPreparation steps = steps(image, model.config().vision().imageSize());
            Rebuilt rebuilt = new Rebuilt(hashes, model.config(), steps, clip.proof(), clip.notes());
            ModelCommand.write(spec, out, model, steps, rebuilt, hashes.toString());
            printed.print(clip.proof().table().toText());
            ModelCommand.print(printed, "ONNX", model, steps, out);
        }
        clip.notes().forEach(printed::println);
        printed.printf(Locale.ROOT, "%.1f s%s%n", (System.nanoTime() - start) / 1e9, peak());
        printed.flush();
        return 0;
    }

    private ModelPreparation steps(Path image, int size) {
        if (preparation != null) {
            ModelPreparation given = new ModelPreparation(preparation);
            given.require(size);
            return given;
        }
        return ModelPreparation.read(image.toAbsolutePath().getParent(), size)
                .orElseGet(() -> ModelPreparation.ofClip(size));
    }

    private static String peak() {
        return ProcessMemory.ifKnown()
                .map(memory -> String.format(Locale.ROOT, ", %.2f GiB of memory at most", memory.peak() / 1024))
                .orElse("");
    }
}
