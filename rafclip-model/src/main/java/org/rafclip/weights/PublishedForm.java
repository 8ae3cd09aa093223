package org.rafclip.weights;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipModel;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.data.prepare.Preparation;
import org.rafclip.io.AtomicFiles;
import org.rafclip.io.Safetensors;
import org.rafclip.ops.kernel.Memory;
import org.rafclip.photos.ModelPreparation;
import org.rafclip.text.ClipTokenizer;
import org.rafclip.text.SiglipText.Cleaning;

/** The folders in which others publish CLIPs: what {@link PretrainedClip} reads, written. */
public enum PublishedForm {

    /** What {@code CLIPModel.from_pretrained} of Hugging Face's transformers loads. */
    HUGGING_FACE(Dialect.HUGGING_FACE) {
        @Override
        PublishedPreprocessing preprocessing(Preparation preparation, int imageSize) {
            return PublishedPreprocessing.huggingFace(preparation, imageSize);
        }

        @Override
        void describe(ObjectNode model, PublishedPreprocessing photos, Path folder) throws IOException {
            writeJson(folder.resolve("config.json"), model);
            writeJson(folder.resolve("preprocessor_config.json"), photos.json());
        }
    },

    /** What {@code open_clip.create_model_and_transforms("local-dir:...")} loads. */
    OPEN_CLIP(Dialect.OPEN_CLIP) {
        @Override
        PublishedPreprocessing preprocessing(Preparation preparation, int imageSize) {
            return PublishedPreprocessing.openClip(preparation, imageSize);
        }

        @Override
        void describe(ObjectNode model, PublishedPreprocessing photos, Path folder) throws IOException {
            model.set("preprocess_cfg", photos.json());
            writeJson(folder.resolve("open_clip_config.json"), model);
        }

        @Override
        List<String> textNotes(ClipTokenizer tokenizer) {
            return tokenizer.cleaning().filter(Cleaning.LOWERCASE::equals).isPresent()
                    ? List.of("OpenCLIP takes surplus blanks and HTML entities out of a text first, which this model's"
                            + " own texts keep.")
                    : List.of();
        }

        @Override
        Dialect dialect(ClipConfig config) {
            return config.vision().residual()
                    ? Dialect.OPEN_CLIP_RESNET
                    : OpenClipConfig.isTimms(config) ? Dialect.OPEN_CLIP_TIMM : super.dialect(config);
        }
    };

    private final Dialect dialect;

    PublishedForm(Dialect dialect) {
        this.dialect = dialect;
    }

    /** How a model's tensors are named. */
    Dialect dialect(ClipConfig config) {
        return dialect;
    }

    /** How texts become other tokens than the model's, for people. */
    List<String> textNotes(ClipTokenizer tokenizer) {
        return List.of();
    }

    abstract PublishedPreprocessing preprocessing(Preparation preparation, int imageSize);

    abstract void describe(ObjectNode model, PublishedPreprocessing photos, Path folder) throws IOException;

    /**
     * Writes a model into an existing folder: description, weights, tokenizer and how photos are prepared. What was written
     * is then read again, and must have the same weights and features, bit by bit.
     *
     * @param preparation of photos that are whole, or cut out already
     * @param progress told of the tensors read again
     * @return what the form says otherwise than the model, for people
     * @throws DataException if the form cannot say what the model is; the message names it
     */
    public List<String> write(Path folder, ClipModel model, ModelPreparation preparation, Progress progress)
            throws IOException {
        int imageSize = model.config().vision().imageSize();
        preparation.require(imageSize);
        PublishedPreprocessing photos = preprocessing(Preparation.parse(preparation.steps()), imageSize);
        Dialect dialect = dialect(model.config());
        ObjectNode described = dialect.describe(model.config(), model.tokenizer());
        model.tokenizer().saveForTransformers(folder);
        describe(described, photos, folder);
        Safetensors.write(
                folder.resolve(dialect.weightsFile()),
                dialect.tensors(model.config(), model.encoder().parameters()),
                Map.of("format", "pt"));
        requireSame(folder, model, photos, progress);
        List<String> notes = new ArrayList<>(photos.notes());
        notes.addAll(textNotes(model.tokenizer()));
        return List.copyOf(notes);
    }

    private static void requireSame(Path folder, ClipModel model, PublishedPreprocessing photos, Progress progress)
            throws IOException {
        PretrainedClip again = PretrainedClip.load(PretrainedClip.Origin.of(folder), progress);
        try (ClipModel read = again.model()) {
            String difference = null;
            Map<String, INDArray> parameters = read.encoder().parameters();
            for (Map.Entry<String, INDArray> parameter :
                    model.encoder().parameters().entrySet()) {
                if (!sameBits(parameter.getValue(), parameters.get(parameter.getKey()))) {
                    difference = parameter.getKey();
                }
            }
            if (!sameBits(image(read), image(model))) {
                difference = "the features of its images";
            } else if (!sameBits(text(read), text(model))) {
                difference = "the features of its texts";
            } else if (!Preparation.parse(again.preparation().steps()).equals(photos.steps())) {
                difference = "its preparation of photos, " + again.preparation().steps();
            }
            if (difference != null) {
                throw new DataException("what this form says of the model is read as another one (" + difference
                        + "): it cannot be exported so");
            }
        }
    }

    private static boolean sameBits(INDArray array, INDArray other) {
        return Arrays.equals(array.shape(), other.shape())
                && Memory.of(Memory.dense(array))
                        .bytes()
                        .equals(Memory.of(Memory.dense(other)).bytes());
    }

    private static INDArray image(ClipModel model) {
        int size = model.config().vision().imageSize();
        float[] pixels = new float[3 * size * size];
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (float) Math.sin(0.37 * i + 1e-5 * i * i);
        }
        return model.encodeImages(Nd4j.createFromArray(pixels).reshape(1, 3, size, size));
    }

    private static INDArray text(ClipModel model) {
        return model.encodeTexts(List.of("a photo of a red dress, 100% cotton"));
    }

    private static void writeJson(Path file, ObjectNode json) throws IOException {
        ObjectWriter pretty = new ObjectMapper().writerWithDefaultPrettyPrinter();
        AtomicFiles.writeString(file, pretty.writeValueAsString(json) + "\n");
    }
}
