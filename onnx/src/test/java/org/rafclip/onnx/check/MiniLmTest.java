package org.rafclip.onnx.check;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.ops.transforms.Transforms;
import org.rafclip.onnx.OnnxReader;
import org.rafclip.onnx.convert.ImportOptions;
import org.rafclip.onnx.convert.ImportedGraph;
import org.rafclip.onnx.convert.OnnxImport;
import org.rafclip.onnx.runtime.OnnxRuntimeSession;
import org.rafclip.ops.JavaOps;

/** A real trained transformer, all-MiniLM-L6-v2; it comes with {@code -Pminilm}, since it takes 83 MB. */
class MiniLmTest {

    private static final String MODEL = "/all-minilm-l6-v2.onnx";
    private static final String[] SENTENCES = {
        "A red dress with long sleeves and a floral print.",
        "This gown is crimson, printed with flowers, and covers the arms.",
        "The central bank raised interest rates by a quarter of a point.",
        "Jeans"
    };

    @TempDir
    private Path dir;

    @Test
    void embeddingsAreThoseOfOnnxRuntime() throws IOException {
        JavaOps.install();
        Path file = dir.resolve("minilm.onnx");
        Map<String, String> noDownloads = Map.of("modelMaxLength", "128");
        try (InputStream in = MiniLmTest.class.getResourceAsStream(MODEL)) {
            Assumptions.assumeTrue(in != null, "skipped: the model is not on the class path (build with -Pminilm)");
            Files.copy(in, file);
        }
        try (InputStream words = MiniLmTest.class.getResourceAsStream("/all-minilm-l6-v2-tokenizer.json");
                HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.newInstance(words, noDownloads);
                ImportedGraph graph = OnnxImport.of(OnnxReader.read(file), ImportOptions.standard());
                OnnxRuntimeSession peer = new OnnxRuntimeSession(file)) {
            Encoding[] encodings = tokenizer.batchEncode(SENTENCES);
            int length = 0;
            for (Encoding encoding : encodings) {
                length = Math.max(length, encoding.getIds().length);
            }
            Map<String, INDArray> inputs = new LinkedHashMap<>();
            inputs.put("input_ids", rows(encodings, length, Encoding::getIds));
            inputs.put("token_type_ids", rows(encodings, length, Encoding::getTypeIds));
            INDArray mask = rows(encodings, length, Encoding::getAttentionMask);
            inputs.put("attention_mask", mask);

            Map<String, INDArray> computed = graph.run(inputs);
            Map<String, INDArray> expected = peer.run(inputs);
            assertThat(computed.keySet()).isEqualTo(expected.keySet());
            computed.forEach((name, value) -> assertThat(
                            Difference.of(value, expected.get(name), 0).worst())
                    .as("%s, whose values reach 6", name)
                    .isLessThan(1e-4));

            String tokens = computed.keySet().iterator().next();
            INDArray[] embeddings = embeddings(computed.get(tokens), mask);
            INDArray[] reference = embeddings(expected.get(tokens), mask);
            for (int i = 0; i < embeddings.length; i++) {
                assertThat(Difference.of(embeddings[i], reference[i], 0).worst())
                        .as(SENTENCES[i])
                        .isLessThan(1e-5);
            }
            assertThat(Transforms.cosineSim(embeddings[0], embeddings[1]))
                    .as("dress and gown, against dress and bank")
                    .isGreaterThan(0.3 + Transforms.cosineSim(embeddings[0], embeddings[2]));
        }
    }

    /** The mean over a sentence's tokens, of length 1: what this model's embedding is. */
    private static INDArray[] embeddings(INDArray tokens, INDArray mask) {
        INDArray[] embeddings = new INDArray[SENTENCES.length];
        for (int i = 0; i < embeddings.length; i++) {
            INDArray weights = mask.slice(i).castTo(tokens.dataType()).reshape(mask.size(1), 1);
            INDArray sum = tokens.slice(i)
                    .mul(weights.broadcast(mask.size(1), tokens.size(2)))
                    .sum(0);
            embeddings[i] = sum.div(sum.norm2Number());
        }
        return embeddings;
    }

    private static INDArray rows(Encoding[] encodings, int length, java.util.function.Function<Encoding, long[]> part) {
        long[][] rows = new long[encodings.length][length];
        for (int i = 0; i < rows.length; i++) {
            long[] own = part.apply(encodings[i]);
            System.arraycopy(own, 0, rows[i], 0, own.length);
        }
        return Nd4j.createFromArray(rows);
    }
}
