package org.rafclip.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rafclip.data.DataException;

class ClipTokenizerTest {
    // Letters are their own bytes, and '!' is token 0, so 'a' is token 64. The word end adds 256.
    private static final int L = 'l' - '!';
    private static final int O = 'o' - '!';
    private static final int W = 'w' - '!';
    private static final int END_OF_WORD = 256;

    @TempDir
    Path folder;

    /** Tokens 512 lo, 513 low, 514 er at a word's end, 515 start, 516 end. */
    private ClipTokenizer small(int contextLength) throws IOException {
        Files.writeString(folder.resolve("merges.txt"), "#version: 0.2\nl o\nlo w</w>\ne r</w>\n");
        return ClipTokenizer.fromFolder(folder, contextLength);
    }

    @Test
    void byteOrderMarksAreDropped() throws IOException {
        try (ClipTokenizer tokenizer = ClipTokenizer.train(List.of("a red dress", "a red shirt"), 520, 77)) {
            tokenizer.save(folder);
            Path json = folder.resolve("tokenizer.json");
            Files.writeString(json, "\ufeff" + Files.readString(json));
            Path merges = Files.writeString(folder.resolve("merges.txt"), "\ufeff#version: 0.2\r\nr e\r\nre d\r\n");

            try (ClipTokenizer read = ClipTokenizer.from(json, 77);
                    ClipTokenizer merged = ClipTokenizer.from(merges, 77)) {
                assertThat(read.encode(List.of("red")).ids())
                        .isDeepEqualTo(tokenizer.encode(List.of("red")).ids());
                assertThat(merged.vocabSize()).isEqualTo(516);
            }
        }
    }

    @Test
    void jsonNestedBeyondReasonIsRefusedInOneLine() throws IOException {
        Path file = Files.writeString(folder.resolve("tokenizer.json"), "[".repeat(50_000));

        assertThatThrownBy(() -> ClipTokenizer.from(file, 77))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("tokenizer.json")
                .hasMessageContaining("not JSON");
    }

    @Test
    void mergesNumberTheTokensAsClipDoes() throws IOException {
        try (ClipTokenizer tokenizer = small(77)) {
            assertThat(tokenizer.vocabSize()).isEqualTo(517);
            assertThat(tokenizer.startToken()).hasValue(515);
            assertThat(tokenizer.endToken()).isEqualTo(516);
            assertThat(tokenizer.contextLength()).isEqualTo(77);
            Encoded encoded = tokenizer.encode(List.of("low", "Lower!", "", " lo  \t l\n"));
            assertThat(encoded.cut()).isZero();
            assertThat(encoded.ids()).isDeepEqualTo(new int[][] {
                {515, 513, 516},
                {515, 512, W, 514, END_OF_WORD, 516},
                {515, 516},
                {515, L, O + END_OF_WORD, L + END_OF_WORD, 516},
            });
        }
    }

    @Test
    void everyGoldenCaseOfTheOriginalTokenizer() throws IOException {
        Path data = sharedData("clip-tokenizer");
        JsonNode cases = new ObjectMapper()
                .readTree(data.resolve("golden_token_ids.json").toFile());
        List<String> texts = new ArrayList<>();
        List<int[]> expected = new ArrayList<>();
        for (JsonNode each : cases) {
            texts.add(each.get("text").textValue());
            expected.add(new ObjectMapper().convertValue(each.get("ids"), int[].class));
        }
        assertThat(texts).hasSizeGreaterThanOrEqualTo(514);
        try (ClipTokenizer tokenizer = ClipTokenizer.fromFolder(data)) {
            assertThat(tokenizer.vocabSize()).isEqualTo(49_408);
            assertThat(tokenizer.startToken()).hasValue(49_406);
            assertThat(tokenizer.endToken()).isEqualTo(49_407);
            int[][] ids = tokenizer.encode(texts).ids();
            for (int i = 0; i < ids.length; i++) {
                assertThat(ids[i]).as(texts.get(i)).isEqualTo(expected.get(i));
            }
            tokenizer.save(folder);
        }
        try (ClipTokenizer reloaded = ClipTokenizer.fromFolder(folder)) {
            assertThat(reloaded.encode(texts).ids()).isDeepEqualTo(expected.toArray(int[][]::new));
        }
    }

    @Test
    void aTextLongerThanTheContextKeepsItsBeginningAndTheEndTokenAndIsCounted() throws IOException {
        try (ClipTokenizer tokenizer = small(4)) {
            Encoded encoded = tokenizer.encode(List.of("low low", "low low low", "low low lo low"));
            assertThat(encoded.cut()).isEqualTo(2);
            assertThat(encoded.ids())
                    .isDeepEqualTo(new int[][] {{515, 513, 513, 516}, {515, 513, 513, 516}, {515, 513, 513, 516}});
        }
    }

    @Test
    void paddingGoesToTheLongestTextAndTheFirstEndTokenIsThePosition() throws IOException {
        try (ClipTokenizer tokenizer = small(77)) {
            Encoded.Padded padded = tokenizer
                    .encode(List.of("low", "low low low", "low <|endoftext|> low"))
                    .pad();
            assertThat(padded.length()).isEqualTo(5);
            assertThat(padded.ids())
                    .isDeepEqualTo(
                            new int[][] {{515, 513, 516, 0, 0}, {515, 513, 513, 513, 516}, {515, 513, 516, 513, 516}});
            assertThat(padded.endPositions()).containsExactly(2, 4, 2);
            assertThat(tokenizer.encode(List.of()).pad().length()).isZero();
        }
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '"',
            value = {
                "Tom &amp;amp; Jerry,tom & jerry",
                "&lt;b&gt;,<b>",
                "x&ltfoo,x<foo",
                "&notit;,¬it;",
                "&#x201C;hi&#8221;,“hi”",
                "&#128;&#x1;&#xD800;&#99999999999;,€\ufffd\ufffd",
                "AT&T & you,at&t & you",
                "\" \u00a0A\u3000\t B \",a b",
                "CAFE\u0301,café",
                "ΣΑΣ,σας",
            })
    void textsAreCleanedAsTheOriginalDoes(String text, String cleaned) {
        assertThat(ClipText.clean(text)).isEqualTo(cleaned);
    }

    @Test
    void informationSeparatorsAreBlanksAndHalfCharactersAreReplaced() {
        assertThat(ClipText.clean("a\u001c\u001fb")).isEqualTo("a b");
        assertThat(ClipText.clean("a\ud800b\udc00\ud83d\ude00")).isEqualTo("a\ufffdb\ufffd\ud83d\ude00");
    }

    @Test
    void wordsSplitAtContractionsDigitsAndSigns() {
        assertThat(ClipText.words("it's 16-inch, they'll <|endoftext|> naïve::"))
                .containsExactly("it", "'s", "1", "6", "-", "inch", ",", "they", "'ll", "naïve", "::");
    }

    @Test
    void anyTextHasTokensEvenWhatNoVocabularySaw() throws IOException {
        try (ClipTokenizer tokenizer = small(77)) {
            int[][] ids = tokenizer.encode(List.of("\0", "\ud800", "生", "😀")).ids();
            assertThat(ids[0]).hasSize(3);
            assertThat(ids[1]).isEqualTo(tokenizer.encode(List.of("\ufffd")).ids()[0]);
            assertThat(ids[2]).hasSize(2 + 3);
            assertThat(ids[3]).hasSize(2 + 4);
        }
    }

    @Test
    void trainingMergesTheMostFrequentPairFirst() {
        // The example of Sennrich et al. 2016, section 3.2: low ×5, lower ×2, newest ×6, widest ×3
        List<String> texts = new ArrayList<>();
        texts.addAll(Collections.nCopies(5, "low"));
        texts.addAll(Collections.nCopies(2, "lower"));
        texts.addAll(Collections.nCopies(6, "newest"));
        texts.addAll(Collections.nCopies(3, "widest"));
        BpeVocabulary vocabulary = BpeTrainer.train(texts, 514 + 8);
        assertThat(vocabulary.merges().stream().map(m -> m.left() + " " + m.right()))
                .containsExactly(
                        "e s", // 9, before "s t</w>" by name
                        "es t</w>", // 9
                        "l o", // 7
                        "e w", // 6, before "n e" and "w est</w>" by name
                        "ew est</w>", // 6
                        "n ewest</w>", // 6
                        "lo w</w>", // 5
                        "d est</w>"); // 3
        assertThat(vocabulary.ids()).hasSize(522).containsEntry("<|startoftext|>", 520);
    }

    @Test
    void trainingStopsWhenNothingRepeatsAndDoesNotDependOnTheOrder() {
        List<String> texts = new ArrayList<>(IntStream.range(0, 200)
                .mapToObj(i -> "a photo of a " + List.of("red", "blue", "green").get(i % 3) + " "
                        + List.of("dress", "blouse", "cardigan", "t-shirt").get(i % 4))
                .toList());
        try (ClipTokenizer first = ClipTokenizer.train(texts, 5000, 16)) {
            Collections.shuffle(texts, new Random(7));
            try (ClipTokenizer second = ClipTokenizer.train(texts, 5000, 16)) {
                assertThat(first.vocabSize()).isEqualTo(second.vocabSize()).isBetween(530, 600);
                assertThat(first.encode(texts).ids())
                        .isDeepEqualTo(second.encode(texts).ids());
                // Every word repeats, so every word is one token.
                assertThat(first.encode(List.of("a photo of a red cardigan")).ids()[0])
                        .hasSize(8);
            }
        }
    }

    @Test
    void aTrainedTokenizerIsSavedWholeWithItsContextLength() throws IOException {
        List<String> texts =
                List.of("a striped shirt", "a striped dress", "it's a déjà-vu dress, 100 % striped &amp; fine");
        try (ClipTokenizer trained = ClipTokenizer.train(texts, 520, 8)) {
            assertThat(trained.vocabSize()).isEqualTo(520);
            trained.save(folder);
            try (ClipTokenizer loaded = ClipTokenizer.fromFolder(folder)) {
                assertThat(loaded.contextLength()).isEqualTo(8);
                assertThat(loaded.vocabSize()).isEqualTo(520);
                Encoded again = loaded.encode(texts);
                assertThat(again.ids()).isDeepEqualTo(trained.encode(texts).ids());
                assertThat(again.cut()).isEqualTo(trained.encode(texts).cut()).isPositive();
            }
        }
    }

    @Test
    void aContextLengthOfOnesOwnIsSavedToo() throws IOException {
        try (ClipTokenizer tokenizer = small(77)) {
            tokenizer.save(folder);
        }
        try (ClipTokenizer shorter = ClipTokenizer.fromFolder(folder, 5)) {
            shorter.save(folder);
        }
        try (ClipTokenizer loaded = ClipTokenizer.fromFolder(folder)) {
            assertThat(loaded.contextLength()).isEqualTo(5);
            assertThat(loaded.encode(List.of("low low low low low")).ids()[0]).containsExactly(515, 513, 513, 513, 516);
        }
        Path json = folder.resolve("tokenizer.json");
        Files.writeString(json, Files.readString(json).replace("\"max_length\":5", "\"max_length\":1"));
        refused("tokenizer.json", "max_length is 1");
    }

    @Test
    void manyThreadsGetWhatOneGets() throws IOException {
        try (ClipTokenizer tokenizer = small(77)) {
            List<String> texts = IntStream.range(0, 3000)
                    .mapToObj(i -> "low ".repeat(i % 7) + "lower " + i)
                    .toList();
            int[][] alone = tokenizer.encode(texts).ids();
            List<int[]> together = texts.parallelStream()
                    .map(text -> tokenizer.encode(List.of(text)).ids()[0])
                    .toList();
            assertThat(together.toArray(int[][]::new)).isDeepEqualTo(alone);
        }
    }

    @Test
    void aClosedTokenizerSaysSo() throws IOException {
        ClipTokenizer tokenizer = small(77);
        tokenizer.close();
        tokenizer.close();
        assertThatThrownBy(() -> tokenizer.encode(List.of("low")))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
    }

    @Test
    void theLibraryIsKeptOffTheNetwork() throws IOException {
        small(77).close();
        assertThat(System.getProperty("ai.djl.offline")).isEqualTo("true");
    }

    @Test
    void aFolderWithoutOrWithADamagedTokenizerIsRefused() throws IOException {
        refused("there is no tokenizer in it", "merges.txt");

        Files.writeString(folder.resolve("merges.txt"), "l o\n");
        refused("merges.txt, line 1", "#version");
        Files.writeString(folder.resolve("merges.txt"), "#version: 0.2\nl o\nlo w x\n");
        refused("merges.txt, line 3", "'lo w x'");
        Files.writeString(folder.resolve("merges.txt"), "#version: 0.2\nl o\nlo we\n");
        refused("merges.txt", "the tokenizer library cannot use it");
        Files.write(folder.resolve("merges.txt"), new byte[] {'#', 'v', (byte) 0xff, (byte) 0xfe});
        refused("merges.txt", "cannot be read to its end");

        Files.writeString(folder.resolve("merges.txt"), "#version: 0.2\nl o\n");
        Files.writeString(folder.resolve("vocab.json"), "{\"l\": 0, \"o\": 1, \"lo\": 2}");
        refused("vocab.json", "<|startoftext|>");
        Files.writeString(folder.resolve("vocab.json"), "{\"l\": 0.5}");
        refused("vocab.json", "'l'", "0.5");

        Files.writeString(folder.resolve("tokenizer.json"), "{\"version\": \"1.0\",\n \"model\": {");
        refused("tokenizer.json, line 2", "not JSON");
        Files.writeString(folder.resolve("tokenizer.json"), "{\"version\": \"1.0\"}");
        refused("tokenizer.json", "no model.vocab");
        Files.writeString(folder.resolve("tokenizer.json"), "{\"model\": {\"vocab\": {\"a\": 0}}}");
        refused("tokenizer.json", "the tokenizer library cannot use it");
        Files.writeString(
                folder.resolve("tokenizer.json"),
                "{\"version\":\"1.0\",\"added_tokens\":[],\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]}}");
        refused("tokenizer.json", "start and an end token");
    }

    @Test
    void clipsPackedMergesAreRefusedWhenCut() throws IOException {
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(packed)) {
            gzip.write("\"bpe_simple_vocab_16e6.txt#version: 0.2\nl o\n".getBytes(StandardCharsets.UTF_8));
        }
        Path file = folder.resolve("bpe_simple_vocab_16e6.txt.gz");
        Files.write(file, packed.toByteArray());
        refused("it has 1 merges", "48894");
        Files.write(file, Arrays.copyOf(packed.toByteArray(), packed.size() - 12));
        refused("cannot be read to its end");
    }

    @Test
    void impossibleSizesAreRefused() {
        assertThatThrownBy(() -> ClipTokenizer.train(List.of("a"), 513, 77))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("513", "514");
        assertThatThrownBy(() -> ClipTokenizer.train(List.of("a"), 514, 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("2 or more");
    }

    private void refused(String... parts) {
        assertThatThrownBy(() -> ClipTokenizer.fromFolder(folder))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(folder.toString())
                .hasMessageContainingAll(parts);
    }

    /** A folder of the real data, which is no part of the project: tests that need it are skipped without it. */
    private static Path sharedData(String name) {
        String configured = System.getProperty("shared");
        Path start = Path.of("").toAbsolutePath();
        Path found = configured != null ? Path.of(configured, "data", name) : null;
        for (Path up = start; found == null && up != null; up = up.getParent()) {
            Path candidate = up.resolve("shared").resolve("data").resolve(name);
            found = Files.isDirectory(candidate) ? candidate : null;
        }
        Assumptions.assumeTrue(
                found != null && Files.isDirectory(found),
                "skipped: there is no shared/data/" + name + " above " + start + "; name it with -Dshared=DIR");
        return found;
    }
}
