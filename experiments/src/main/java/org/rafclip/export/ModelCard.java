package org.rafclip.export;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.agcn.open.ComposerRun;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipModel;
import org.rafclip.clip.DualEncoder;
import org.rafclip.onnx.write.Numbers;
import org.rafclip.open.OpenedEncoder;
import org.rafclip.photos.ModelPreparation;
import org.rafclip.run.Provenance;
import org.rafclip.text.ClipTokenizer;
import org.rafclip.text.Reading;
import org.rafclip.train.RunFolder;

/**
 * What an exported model is, where it comes from and how it is loaded, as the {@code README.md} of its folder. Folders of this
 * machine are left out.
 *
 * @param name of the model
 * @param composer null for none
 * @param composerInputs what its ONNX file reads
 * @param preparation of photos, as exported
 * @param notes of the export
 */
record ModelCard(
        String name,
        ExportFormat format,
        Numbers numbers,
        OpenedEncoder encoder,
        ComposerRun composer,
        List<String> composerInputs,
        ModelPreparation preparation,
        List<String> notes) {

    private static final ObjectMapper JSON = new ObjectMapper();

    String text() throws IOException {
        StringBuilder text = new StringBuilder();
        text.append("---\nlicense: unknown\nlibrary_name: ")
                .append(
                        switch (format) {
                            case HF -> "transformers";
                            case OPENCLIP -> "open_clip";
                            case ONNX -> "onnx";
                            case PEFT -> "peft";
                        })
                .append("\npipeline_tag: zero-shot-image-classification\ntags: [clip, fashion]\n---\n\n# ")
                .append(name)
                .append("\n\n")
                .append(summary())
                .append("\n\n## Model\n\n")
                .append(sizes());
        if (composer != null) {
            text.append("\nComposer: ")
                    .append(composer.description().composer().kind().title())
                    .append(", \"this garment, but ...\" as one query, trained on this encoder's features.\n");
        }
        text.append("\n## Photos and texts\n\nA photo is prepared by `")
                .append(preparation.steps())
                .append("`.\nThe model's own evaluation: `")
                .append(encoder.data().evaluation().crop())
                .append("`, with `crop` for the garment's box"
                        + (encoder.data().mirror() ? ", the mean direction of an image and its mirror image" : "")
                        + ". ")
                .append(texts())
                .append(" Similarity is the cosine; ")
                .append(probabilities())
                .append(".\n");
        if (!notes.isEmpty()) {
            text.append(format == ExportFormat.ONNX ? "\n## Accuracy of these files\n\n" : "\n");
            if (format == ExportFormat.ONNX) {
                text.append("Computed in ")
                        .append(numbers)
                        .append(
                                ", compared with the model in single precision on drawn images and a few texts, vectors at length"
                                        + " 1, in ONNX Runtime on the machine that wrote them:\n\n");
            }
            notes.forEach(
                    note -> text.append("- ").append(note.replaceAll(" +", " ")).append('\n'));
        }
        text.append("\n## Training\n\n").append(training());
        text.append("\n## Use\n\n").append(use());
        text.append(
                "\n## Licence\n\nNot stated by the program that wrote this: whoever hands the model on states the licence of its"
                        + " weights, of the weights it started from and of the photos, here and in `license` above.\n");
        return text.toString();
    }

    private String texts() {
        int length = encoder.model().config().text().contextLength();
        if (ofClipsKind()) {
            return "Texts are lower-cased byte pairs, at most " + length + " tokens with start and end"
                    + (filled() ? ", filled up to that with token 0." : ".");
        }
        return "Texts become tokens by `tokenizer.json`, cut " + (filled() ? "and filled up " : "") + "to " + length
                + " as it says.";
    }

    private boolean ofClipsKind() {
        return encoder.model().tokenizer().kind() == ClipTokenizer.Kind.CLIP;
    }

    /** How texts of an ONNX file are brought to one length. */
    private String lengthened() {
        ClipTokenizer tokenizer = encoder.model().tokenizer();
        return filled()
                ? "filled up to the whole context"
                : tokenizer.context().reading() == Reading.WHOLE
                        ? "padded with " + tokenizer.fillToken()
                        : "padded behind the end token with it";
    }

    /** The line of Python that does so, if it takes one. */
    private String padding() {
        return filled()
                ? ""
                : "tokenizer.enable_padding(pad_id="
                        + encoder.model().tokenizer().fillToken() + ")\n";
    }

    private boolean filled() {
        return encoder.model().tokenizer().context().filled();
    }

    private boolean biased() {
        return encoder.model().config().logitBias() != null;
    }

    private String probabilities() {
        ClipModel model = encoder.model();
        INDArray bias = model.encoder().parameters().get(DualEncoder.LOGIT_BIAS);
        return bias == null
                ? String.format(Locale.ROOT, "probabilities are the softmax of cosines times %.6g", model.temperature())
                : String.format(
                        Locale.ROOT,
                        "probabilities are the logistic function of cosines times %.6g plus %.6g",
                        model.temperature(),
                        bias.getDouble(0));
    }

    private String summary() {
        String origin = encoder.checkpoint() == null
                ? "kept as a model folder"
                : encoder.weights().replaceAll("fine-tuned from \\S*/", "fine-tuned from ");
        return "A CLIP, an image and a text encoder with one space for both, " + origin
                + " by RaF-CLIP for the JVM (after Wang and Zhao 2024).";
    }

    private String sizes() {
        ClipModel model = encoder.model();
        ClipConfig config = model.config();
        ClipConfig.Vision vision = config.vision();
        ClipConfig.Text words = config.text();
        return String.format(
                Locale.ROOT,
                "%,d parameters, embedding width %d, activation %s.%n%n"
                        + "| tower | input | width | layers | heads |%n|---|---|---|---|---|%n"
                        + "| image | %d × %d pixels%s | %d | %d | %d |%n"
                        + "| text | %d of %,d tokens | %d | %d | %d |%n",
                model.encoder().parameterCount(),
                config.embedWidth(),
                config.activation().name().toLowerCase(Locale.ROOT).replace('_', '-'),
                vision.imageSize(),
                vision.imageSize(),
                vision.residual()
                        ? ", ModifiedResNet of " + vision.stages() + " blocks"
                        : " in patches of " + vision.patchSize()
                                + (vision.stem().isEmpty() ? "" : ", after convolutions"),
                vision.width(),
                vision.layers(),
                vision.heads(),
                words.contextLength(),
                words.vocabularySize(),
                words.width(),
                words.layers(),
                words.heads());
    }

    private String training() throws IOException {
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("weights and tokenizer", "`" + encoder.hash() + "`");
        if (encoder.checkpoint() == null) {
            Path imported = encoder.source().resolve("provenance.json");
            if (Files.isRegularFile(imported)) {
                JsonNode origin = JSON.readTree(imported.toFile());
                if (origin.path("weight").isNumber()) {
                    facts.put(
                            "blended",
                            "`" + origin.path("first").asText() + "` and, by weight "
                                    + origin.get("weight").asDouble() + ", `"
                                    + origin.path("second").asText() + "`");
                }
                if (origin.path("source").isTextual()) {
                    facts.put("names of", origin.get("source").asText());
                }
                origin.path("sha256")
                        .properties()
                        .forEach(file -> facts.put(
                                "file `" + file.getKey() + "`",
                                "SHA-256 `" + file.getValue().asText() + "`"));
            }
            return table(facts);
        }
        RunFolder run = new RunFolder(encoder.source());
        describe(facts, run);
        facts.put("checkpoint", encoder.checkpoint());
        validation(run, encoder.checkpoint()).forEach(facts::put);
        StringBuilder text = new StringBuilder(table(facts));
        if (composer != null) {
            Map<String, String> composed = new LinkedHashMap<>();
            describe(composed, composer.folder());
            composed.put("checkpoint", composer.checkpoint().name());
            validation(composer.folder(), composer.checkpoint().name()).forEach(composed::put);
            text.append("\nThe composer:\n\n").append(table(composed));
        }
        return text.append("\n<details><summary>Configuration</summary>\n\n```json\n")
                .append(JSON.writerWithDefaultPrettyPrinter()
                        .writeValueAsString(withoutFolders(run.provenance().config())))
                .append("\n```\n\n</details>\n")
                .toString();
    }

    private static void describe(Map<String, String> facts, RunFolder run) throws IOException {
        Provenance provenance = run.provenance();
        facts.put("seed", String.valueOf(provenance.seed()));
        facts.put(
                "photos",
                run.trainedOn().values().stream().distinct().count() + " trained on, "
                        + run.heldOut().values().stream().distinct().count() + " held out, content `"
                        + provenance.dataFingerprint() + "`");
        facts.put("begun", provenance.started());
        facts.put(
                "code",
                provenance.code().version() + ", commit `" + provenance.code().commit() + "`"
                        + (Boolean.TRUE.equals(provenance.code().dirty()) ? ", changed" : ""));
        facts.put("libraries", provenance.libraries().toString().replaceAll("[{}]", ""));
    }

    /** The last validation up to a checkpoint, as the run logged it. */
    private static Map<String, String> validation(RunFolder run, String checkpoint) throws IOException {
        long step = Long.parseLong(checkpoint.replaceAll("\\D", ""));
        Map<String, String> found = new LinkedHashMap<>();
        if (!Files.isRegularFile(run.metricsFile())) {
            return found;
        }
        List<String> lines = new ArrayList<>(Files.readAllLines(run.metricsFile()));
        for (String line : lines) {
            JsonNode figures = JSON.readTree(line);
            if (figures.path("step").asLong(Long.MAX_VALUE) <= step) {
                figures.properties().stream()
                        .filter(figure -> figure.getKey().startsWith("validation/"))
                        .forEach(figure -> found.put(
                                figure.getKey().replace('/', ' '),
                                String.format(
                                        Locale.ROOT, "%.4g", figure.getValue().asDouble())));
            }
        }
        return found;
    }

    private static String table(Map<String, String> facts) {
        StringBuilder text = new StringBuilder("| | |\n|---|---|\n");
        facts.forEach((fact, value) ->
                text.append("| ").append(fact).append(" | ").append(value).append(" |\n"));
        return text.toString();
    }

    /** Folders and files say nothing elsewhere; only their last names are kept. */
    private static JsonNode withoutFolders(JsonNode config) {
        if (config instanceof ObjectNode object) {
            ObjectNode kept = JSON.createObjectNode();
            object.properties().forEach(entry -> kept.set(entry.getKey(), withoutFolders(entry.getValue())));
            return kept;
        }
        if (config.isTextual()
                && config.asText().contains("/")
                && !config.asText().contains("|")) {
            Path last = Path.of(config.asText()).getFileName();
            return JSON.getNodeFactory().textNode(last == null ? "" : last.toString());
        }
        return config;
    }

    private static String inClipModel() {
        return """
                ```python
                from PIL import Image
                from transformers import CLIPModel, CLIPProcessor

                model, processor = CLIPModel.from_pretrained(DIR), CLIPProcessor.from_pretrained(DIR)
                inputs = processor(text=["a red dress", "blue jeans"], images=Image.open("photo.jpg"),
                                   return_tensors="pt", padding=True, truncation=True)
                print(model(**inputs).logits_per_image.softmax(-1))
                ```
                """;
    }

    private String inAutoModel() {
        return """
                ```python
                import torch
                from PIL import Image
                from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

                model, processor = AutoModel.from_pretrained(DIR), AutoImageProcessor.from_pretrained(DIR)
                texts = AutoTokenizer.from_pretrained(DIR)(["a red dress", "blue jeans"], padding="max_length",
                                                           truncation=True, return_tensors="pt")
                with torch.no_grad():
                    logits = model(input_ids=texts["input_ids"],
                                   **processor(Image.open("photo.jpg"), return_tensors="pt")).logits_per_image
                print(logits.%s)
                ```
                """.formatted(biased() ? "sigmoid()" : "softmax(-1)");
    }

    private String inOpenClip() {
        String logits = "model.logit_scale.exp() * image @ texts.T";
        return """
                ```python
                import open_clip, torch
                from PIL import Image

                model, _, preprocess = open_clip.create_model_and_transforms("local-dir:DIR")
                tokenizer = open_clip.get_tokenizer("local-dir:DIR")
                model.eval()
                with torch.no_grad():
                    image = model.encode_image(preprocess(Image.open("photo.jpg")).unsqueeze(0), normalize=True)
                    texts = model.encode_text(tokenizer(["a red dress", "blue jeans"]), normalize=True)
                    print(%s)
                ```
                """.formatted(
                        biased() ? "(" + logits + " + model.logit_bias).sigmoid()" : "(" + logits + ").softmax(-1)");
    }

    private String use() {
        return switch (format) {
            case HF -> ofClipsKind() ? inClipModel() : inAutoModel();
            case OPENCLIP -> inOpenClip();
            case PEFT -> """
                    This folder holds adapters; BASE is the model that they were trained on, in the form of transformers.

                    ```python
                    from peft import PeftModel
                    from transformers import AutoModel

                    model = PeftModel.from_pretrained(AutoModel.from_pretrained(BASE), DIR).merge_and_unload()
                    ```
                    """;
            case ONNX ->
                """
                    `image.onnx`: `images` [batch, 3, size, size] → `image_features` [batch, d], `image_tokens`.
                    `text.onnx`: `tokens` int64 [batch, length], %s → `text_features`, `text_tokens`.
                    Features are projected and not normalised. The batch and the length of texts are open.
                    """.formatted(lengthened())
                        + (composer == null
                                ? ""
                                : "`compose.onnx`: "
                                        + composerInputs.stream()
                                                .map(input -> "`" + input + "`")
                                                .collect(Collectors.joining(", "))
                                        + " → `query_embedding` [batch, d] at length 1, compared with normalised image features."
                                        + " `text_lengths` int64 [batch] counts a text's tokens, start and end included.\n")
                        + (filled() || !ofClipsKind() ? """

                    ```python
                    import numpy as np, onnxruntime
                    from tokenizers import Tokenizer

                    tokenizer = Tokenizer.from_file("tokenizer.json")
                    %stexts = tokenizer.encode_batch(["a red dress", "blue jeans"])
                    session = onnxruntime.InferenceSession("text.onnx")
                    features, = session.run(["text_features"], {"tokens": np.array([text.ids for text in texts], np.int64)})
                    ```
                    """.formatted(padding()) : """

                    ```python
                    import numpy as np, onnxruntime
                    from transformers import CLIPTokenizerFast

                    texts = CLIPTokenizerFast.from_pretrained(DIR)(["a red dress", "blue jeans"], padding=True, truncation=True)
                    session = onnxruntime.InferenceSession("text.onnx")
                    features, = session.run(["text_features"], {"tokens": np.array(texts["input_ids"], np.int64)})
                    ```
                    """);
        };
    }
}
