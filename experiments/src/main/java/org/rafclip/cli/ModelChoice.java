package org.rafclip.cli;

import java.io.IOException;
import java.nio.file.Path;
import org.rafclip.eval.PhotoEvaluation.Images;
import org.rafclip.search.FashionModel;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Option;

/** Which model is asked. */
final class ModelChoice extends ModelOptions {

    @ArgGroup(multiplicity = "1")
    private Which which;

    /** A model, by the folder that it lies in. */
    static class Which {

        @Option(
                names = "--run",
                paramLabel = "DIR",
                description = "The output.dir of a training, of a composer's too, or what demo or ablate filled.")
        private Path run;

        @Option(
                names = "--model",
                paramLabel = "DIR",
                description = "A model folder: model.yaml, model.safetensors, tokenizer.")
        private Path model;

        /** Null where neither is given, which a group with further choices allows. */
        final Path folder() {
            return run != null ? run : model;
        }
    }

    /** @param images which image of a garment is embedded, null for the model's default */
    FashionModel open(Images images) throws IOException {
        return open(which.folder(), images);
    }
}
