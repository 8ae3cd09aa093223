package org.rafclip.export;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.rafclip.agcn.compose.ComposerModel;
import org.rafclip.agcn.open.ComposerRun;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.io.AtomicFiles;
import org.rafclip.open.OpenedEncoder;
import org.rafclip.photos.ModelPreparation;
import org.rafclip.search.SuiteModels;
import org.rafclip.train.Checkpoints;
import org.rafclip.train.RunFolder;
import org.rafclip.weights.PublishedForm;

/**
 * One model to be handed on.
 *
 * @param source a RaF-CLIP run, a composer's run, a suite's folder or a model folder
 * @param checkpoint of a run
 * @param preparation of photos, null for the model's own
 * @param out the folder to make
 */
public record Export(
        Path source, Checkpoints.Which checkpoint, ExportFormat format, ModelPreparation preparation, Path out) {

    /**
     * Writes the folder, whole or not at all.
     *
     * @return what the format says otherwise than the model, for people
     * @throws DataException if the source is damaged, or the format cannot say what it is; the message names what
     * @throws FileAlreadyExistsException if the folder is there already
     */
    public List<String> write(Progress progress) throws IOException {
        if (Files.exists(out)) {
            throw new FileAlreadyExistsException(out.toString());
        }
        try (OpenedEncoder encoder = open()) {
            Files.createDirectories(out.toAbsolutePath().getParent());
            List<String> notes = new ArrayList<>();
            AtomicFiles.writeDirectory(out, folder -> {
                PublishedForm form = format == ExportFormat.HF ? PublishedForm.HUGGING_FACE : PublishedForm.OPEN_CLIP;
                notes.addAll(form.write(folder, encoder.model(), preparation(encoder), progress));
            });
            return List.copyOf(notes);
        }
    }

    private ModelPreparation preparation(OpenedEncoder encoder) {
        return preparation != null ? preparation : ModelPreparation.afterCrop(encoder.data());
    }

    private OpenedEncoder open() throws IOException {
        Path encoder = SuiteModels.in(source).map(SuiteModels::rafclip).orElse(source);
        if (!OpenedEncoder.isModel(encoder) && isComposer(encoder)) {
            throw new DataException(encoder + " is a composer's run, which " + format + " has no form for: export its"
                    + " encoder, "
                    + ComposerRun.open(encoder, checkpoint).config().rafclip().run());
        }
        return OpenedEncoder.open(encoder, checkpoint);
    }

    private boolean isComposer(Path run) throws IOException {
        return Files.exists(RunFolder.open(run).checkpoint(checkpoint).dir().resolve(ComposerModel.CONFIG_FILE));
    }
}
