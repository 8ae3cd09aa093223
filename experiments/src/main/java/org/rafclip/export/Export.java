package org.rafclip.export;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.rafclip.agcn.compose.ComposerModel;
import org.rafclip.agcn.open.ComposerRun;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.io.AtomicFiles;
import org.rafclip.onnx.write.Numbers;
import org.rafclip.open.OpenedEncoder;
import org.rafclip.photos.ModelPreparation;
import org.rafclip.search.SuiteModels;
import org.rafclip.train.Checkpoints;
import org.rafclip.train.RunFolder;
import org.rafclip.weights.PeftAdapter;
import org.rafclip.weights.PublishedForm;

/**
 * One model to be handed on.
 *
 * @param source a RaF-CLIP run, a composer's run, a suite's folder or a model folder
 * @param rafclip the encoder's folder where it is no longer where the composer's training found it, null otherwise
 * @param checkpoint of a run
 * @param numbers of ONNX files
 * @param preparation of photos, null for the model's own
 * @param out the folder to make
 */
public record Export(
        Path source,
        Path rafclip,
        Checkpoints.Which checkpoint,
        ExportFormat format,
        Numbers numbers,
        ModelPreparation preparation,
        Path out) {

    /** An encoder, and the composer on its features where there is one to be handed on. */
    private record Opened(OpenedEncoder encoder, ComposerRun run, ComposerModel composer) implements AutoCloseable {

        @Override
        public void close() {
            encoder.close();
            if (composer != null) {
                composer.close();
            }
        }
    }

    /**
     * Writes the folder, whole or not at all.
     *
     * @return what the user should know: what the format says otherwise than the model, how far ONNX files are off
     * @throws DataException if the source is damaged, or the format cannot say what it is; the message names what
     * @throws FileAlreadyExistsException if the folder is there already
     */
    public List<String> write(Progress progress) throws IOException {
        if (Files.exists(out)) {
            throw new FileAlreadyExistsException(out.toString());
        }
        try (Opened opened = open()) {
            OpenedEncoder encoder = opened.encoder;
            ModelPreparation steps = preparation != null ? preparation : ModelPreparation.afterCrop(encoder.data());
            steps.require(encoder.model().config().vision().imageSize());
            Files.createDirectories(out.toAbsolutePath().getParent());
            List<String> notes = new ArrayList<>();
            AtomicFiles.writeDirectory(out, folder -> {
                if (format == ExportFormat.ONNX) {
                    encoder.model().tokenizer().saveForTransformers(folder);
                    steps.write(folder);
                    OnnxFolder.write(folder, encoder.model(), opened.composer, numbers, progress).stream()
                            .map(OnnxFolder.Deviation::line)
                            .forEach(notes::add);
                } else if (format == ExportFormat.PEFT) {
                    PeftAdapter.write(folder, encoder.model(), checkpointOf(encoder), base(encoder));
                } else {
                    PublishedForm form =
                            format == ExportFormat.HF ? PublishedForm.HUGGING_FACE : PublishedForm.OPEN_CLIP;
                    notes.addAll(form.write(folder, encoder.model(), steps, progress));
                }
                ModelCard card = new ModelCard(
                        out.getFileName().toString(),
                        format,
                        numbers,
                        encoder,
                        opened.run,
                        opened.composer == null ? List.of() : OnnxFolder.inputs(opened.composer.composer()),
                        steps,
                        List.copyOf(notes));
                AtomicFiles.writeString(folder.resolve("README.md"), card.text());
            });
            return List.copyOf(notes);
        }
    }

    private Path checkpointOf(OpenedEncoder encoder) throws IOException {
        return encoder.checkpoint() == null
                ? encoder.source()
                : RunFolder.open(encoder.source()).checkpoint(checkpoint).dir();
    }

    /** What the adapters were trained on, by its last name: folders of this machine say nothing elsewhere. */
    private static String base(OpenedEncoder encoder) {
        if (encoder.checkpoint() == null) {
            return "";
        }
        Path weights = RunFolder.open(encoder.source()).config().model().weights();
        return weights == null ? "" : weights.getFileName().toString();
    }

    private Opened open() throws IOException {
        Optional<SuiteModels> suite = SuiteModels.in(source);
        Path encoder = suite.map(SuiteModels::rafclip).orElse(source);
        Path composer = suite.map(SuiteModels::agcn).orElse(null);
        if (suite.isEmpty() && !OpenedEncoder.isModel(source) && isComposer(source)) {
            encoder = null;
            composer = source;
        }
        if (format != ExportFormat.ONNX && encoder == null) {
            throw new DataException(source + " is a composer's run, which " + format
                    + " has no form for: take --format onnx, or export its encoder, "
                    + ComposerRun.open(source, checkpoint).config().rafclip().run());
        }
        if (format != ExportFormat.ONNX || composer == null) {
            return new Opened(OpenedEncoder.open(encoder, checkpoint), null, null);
        }
        ComposerRun run = ComposerRun.open(composer, checkpoint);
        OpenedEncoder opened = run.encoder(rafclip != null ? rafclip : encoder);
        try {
            return new Opened(opened, run, run.load());
        } catch (IOException | RuntimeException e) {
            opened.close();
            throw e;
        }
    }

    private boolean isComposer(Path run) throws IOException {
        return Files.exists(RunFolder.open(run).checkpoint(checkpoint).dir().resolve(ComposerModel.CONFIG_FILE));
    }
}
