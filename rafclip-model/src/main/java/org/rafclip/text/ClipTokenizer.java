package org.rafclip.text;

import ai.djl.engine.EngineException;
import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.util.Utils;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.CharConversionException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.UnaryOperator;
import java.util.zip.GZIPInputStream;
import org.rafclip.data.DataException;
import org.rafclip.data.TextFile;
import org.rafclip.data.WrongFile;
import org.rafclip.io.AtomicFiles;

/**
 * CLIP's tokenizer: cleans a text, splits it into words and words into byte-pair tokens, and frames them with the start
 * and the end token. Or another one, known by its {@code tokenizer.json}: SigLIP's, of sentence pieces and an end token alone
 * ({@link SiglipText}), BERT's word pieces, or XLM-RoBERTa's sentence pieces.
 *
 * <p>It runs Hugging Face's native library, which lies in a jar; nothing is ever downloaded. Thread-safe. {@link #close}
 * frees the native memory once running calls have ended.
 *
 * <p>Source: Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision", section 2.4,
 * and the tokenizer published with it.
 */
public final class ClipTokenizer implements AutoCloseable {
    /** Tokens of a text that the published CLIP models see, start and end token included. */
    public static final int CLIP_CONTEXT_LENGTH = 77;

    public static final String TOKENIZER_JSON = "tokenizer.json";
    private static final String MERGES = "merges.txt";
    private static final String VOCABULARY = "vocab.json";
    private static final String CLIP_MERGES = "bpe_simple_vocab_16e6.txt.gz";

    /** CLIP uses only the first of the merges in its file: as many as make 49,408 tokens. */
    private static final int CLIP_MERGE_COUNT = 49_408 - BpeVocabulary.BYTE_TOKENS - BpeVocabulary.SPECIAL_TOKENS;

    private static final int TEXTS_AT_ONCE = 1024;

    private static final String CACHE = "name a folder that can be written and from which programs may run,"
            + " RAFCLIP_JAVA_OPTS=-DENGINE_CACHE_DIR=DIR";

    private final HuggingFaceTokenizer tokenizer;
    private final String tokenizerJson;
    private final Kind kind;
    private final UnaryOperator<String> cleaning;
    private final Context context;
    private final int vocabSize;
    private final OptionalInt startToken;
    private final int endToken;
    private final int fillToken;
    private final ReadWriteLock lifetime = new ReentrantReadWriteLock();
    private boolean closed;

    /**
     * How long texts become.
     *
     * @param length tokens at most, start and end token included
     * @param filled whether shorter texts are filled up to it, because the model sees what fills them
     * @param reading where the model reads them
     */
    public record Context(int length, boolean filled, Reading reading) {

        public Context {
            if (length < 2) {
                throw new IllegalArgumentException(
                        "a context of " + length + " tokens has no room for start and end token: ask for 2 or more");
            }
        }

        private static Context of(int length) {
            return new Context(length, false, Reading.END_TOKEN);
        }
    }

    /** Whose a tokenizer is. */
    public enum Kind {
        /** Lower-cased byte pairs between a start and an end token. */
        CLIP,
        /** Sentence pieces or Gemma's byte pairs, and an end token. */
        SIGLIP,
        /** BERT's, between a start and an end token, or between a start token and what fills texts up. */
        WORD_PIECES,
        /** XLM-RoBERTa's sentence pieces between a start and an end token. */
        XLM_ROBERTA
    }

    private ClipTokenizer(JsonNode json, Context context, String origin) {
        this.context = context;
        this.vocabSize = vocabSize(json, origin);
        FramedText framed = FramedText.of(json);
        boolean siglip = framed == null && SiglipText.isFor(json);
        this.kind = framed != null ? framed.kind() : siglip ? Kind.SIGLIP : Kind.CLIP;
        this.cleaning =
                framed != null ? ClipText::cleanInItsCase : siglip ? ClipText::withoutHalfCharacters : ClipText::clean;
        this.fillToken = framed != null
                ? framed.complete((ObjectNode) json, context, origin)
                : siglip ? SiglipText.complete((ObjectNode) json, context, origin) : 0;
        if (kind == Kind.CLIP && context.filled()) {
            SiglipText.fill((ObjectNode) json, context.length(), named(json, fillToken), fillToken);
        }
        ((ObjectNode) json)
                .putObject("truncation")
                .put("direction", "Right")
                .put("max_length", context.length())
                .put("strategy", "LongestFirst")
                .put("stride", 0);
        this.tokenizerJson = json.toString();
        this.tokenizer = open(tokenizerJson, origin);
        long[] frame = tokenizer.encode("").getIds();
        if (siglip ? frame.length != 1 : frame.length != 2 || frame[0] == frame[1]) {
            tokenizer.close();
            throw new DataException(
                    origin + ": it does not frame a text with a start and an end token (an empty text has "
                            + frame.length + " tokens, not 2): use the tokenizer of a CLIP model");
        }
        this.startToken = siglip ? OptionalInt.empty() : OptionalInt.of((int) frame[0]);
        this.endToken = (int) frame[frame.length - 1];
    }

    /**
     * The tokenizer of a model: its {@code tokenizer.json}, or one built from {@code merges.txt} (and {@code vocab.json},
     * where there is one) or from CLIP's {@code bpe_simple_vocab_16e6.txt.gz}, the first of these that the folder has.
     * The context length is what {@code tokenizer.json} says about truncation, else {@value #CLIP_CONTEXT_LENGTH}.
     *
     * @throws DataException when the folder has none of them, or one that is damaged
     */
    public static ClipTokenizer fromFolder(Path folder) throws IOException {
        return fromFolder(folder, Optional.empty());
    }

    /** As {@link #fromFolder(Path)}, with a context length of the caller's choice. */
    public static ClipTokenizer fromFolder(Path folder, int contextLength) throws IOException {
        return fromFolder(folder, Context.of(contextLength));
    }

    /** As {@link #fromFolder(Path)}, with a context of the caller's choice. */
    public static ClipTokenizer fromFolder(Path folder, Context context) throws IOException {
        return fromFolder(folder, Optional.of(context));
    }

    private static ClipTokenizer fromFolder(Path folder, Optional<Context> wanted) throws IOException {
        for (String name : List.of(TOKENIZER_JSON, MERGES, CLIP_MERGES)) {
            Path file = folder.resolve(name);
            if (Files.exists(file)) {
                return fromFile(file, wanted, TextSettings.NONE);
            }
        }
        for (String name : List.of("spiece.model", "tokenizer.model")) {
            if (Files.exists(folder.resolve(name))) {
                throw new DataException(folder.resolve(name) + ": sentence pieces are read from " + TOKENIZER_JSON
                        + " alone: put that of the model beside it");
            }
        }
        throw new DataException(folder + ": there is no tokenizer in it: put " + TOKENIZER_JSON + ", " + MERGES + " or "
                + CLIP_MERGES + " of the model beside its weights, or name it by --tokenizer");
    }

    /**
     * The tokenizer in a folder, or in a file of one of the three kinds: {@code tokenizer.json}, a list of merges (with
     * the {@code vocab.json} beside it, where there is one) or CLIP's own list, packed by gzip. Files may have any name
     * that ends in {@code .json}, {@code .txt} or {@code .gz}.
     *
     * @throws DataException when there is none, or one that is damaged
     */
    public static ClipTokenizer from(Path folderOrFile, int contextLength) throws IOException {
        return from(folderOrFile, Context.of(contextLength), TextSettings.NONE);
    }

    /** As {@link #from(Path, int)}, for texts that may have to be filled up, with what the model's description says of them. */
    public static ClipTokenizer from(Path folderOrFile, Context context, TextSettings settings) throws IOException {
        Path json = folderOrFile.resolve(TOKENIZER_JSON);
        boolean folder = Files.isDirectory(folderOrFile);
        return folder && !Files.exists(json)
                ? fromFolder(folderOrFile, context)
                : fromFile(folder ? json : folderOrFile, Optional.of(context), settings);
    }

    private static ClipTokenizer fromFile(Path file, Optional<Context> wanted, TextSettings settings)
            throws IOException {
        Context context = wanted.orElse(Context.of(CLIP_CONTEXT_LENGTH));
        String name = file.getFileName().toString();
        if (!Files.exists(file)) {
            throw new NoSuchFileException(file.toString());
        }
        if (name.equals(VOCABULARY)) {
            return fromFile(file.resolveSibling(MERGES), wanted, settings);
        }
        if (name.endsWith(".json")) {
            JsonNode json = parse(file);
            if (!json.isObject()) {
                throw new DataException(file + ": is not a JSON object: take the file from the model again");
            }
            int ownLength = json.at("/truncation/max_length").asInt(CLIP_CONTEXT_LENGTH);
            if (ownLength < 2) {
                throw new DataException(file + ": truncation.max_length is " + ownLength
                        + ", which has no room for start and end token: set the model's context length there");
            }
            FramedText framed = FramedText.of(json);
            if ((framed != null || SiglipText.isFor(json))
                    && settings.cleaning().isPresent()) {
                SiglipText.clean((ObjectNode) json, settings.cleaning().get());
            }
            if (framed != null && settings.endsWithFilling()) {
                framed.endWithFilling((ObjectNode) json, file.toString());
            }
            return new ClipTokenizer(json, wanted.orElse(Context.of(ownLength)), file.toString());
        }
        if (name.endsWith(".gz")) {
            List<BpeVocabulary.Merge> list = readMerges(file, CLIP_MERGE_COUNT);
            if (list.size() < CLIP_MERGE_COUNT) {
                throw new DataException(file + ": it has " + list.size() + " merges, CLIP's has " + CLIP_MERGE_COUNT
                        + " or more: copy it again, or name another vocabulary " + MERGES);
            }
            return new ClipTokenizer(BpeVocabulary.fromMerges(list).toTokenizerJson(), context, file.toString());
        }
        if (name.endsWith(".txt")) {
            BpeVocabulary vocabulary = BpeVocabulary.fromMerges(readMerges(file, Integer.MAX_VALUE));
            Path ids = file.resolveSibling(VOCABULARY);
            if (Files.exists(ids)) {
                vocabulary = new BpeVocabulary(readVocabulary(ids), vocabulary.merges());
            }
            return new ClipTokenizer(vocabulary.toTokenizerJson(), context, file.toString());
        }
        throw new DataException(file + ": it is not a tokenizer's file: give " + TOKENIZER_JSON + ", " + MERGES + " or "
                + CLIP_MERGES + ", or a folder with one of them");
    }

    /**
     * A tokenizer with a vocabulary of its own, for models trained from scratch. The same texts, in whatever order, give
     * the same vocabulary.
     *
     * @param vocabSize tokens wanted, at least 514 (the bytes, alone and at a word's end, start and end token); fewer come
     *     out when the texts have no pair of tokens left that occurs twice
     * @param contextLength longest text in tokens, start and end token included
     */
    public static ClipTokenizer train(Collection<String> texts, int vocabSize, int contextLength) {
        return train(texts, vocabSize, Context.of(contextLength));
    }

    /** As {@link #train(Collection, int, int)}, for texts that may have to be filled up. */
    public static ClipTokenizer train(Collection<String> texts, int vocabSize, Context context) {
        BpeVocabulary vocabulary = BpeTrainer.train(texts, vocabSize);
        return new ClipTokenizer(vocabulary.toTokenizerJson(), context, "the trained vocabulary");
    }

    /**
     * Writes {@code tokenizer.json} into an existing folder, for {@link #fromFolder(Path)} and any other program that
     * reads this format.
     */
    public void save(Path folder) throws IOException {
        AtomicFiles.writeString(folder.resolve(TOKENIZER_JSON), tokenizerJson);
    }

    /**
     * Writes what transformers' {@code AutoTokenizer} makes it of into an existing folder: {@code tokenizer.json} and
     * {@code tokenizer_config.json}; of CLIP's byte pairs also {@code vocab.json}, {@code merges.txt} and
     * {@code special_tokens_map.json}, from which {@code CLIPTokenizer} comes.
     *
     * @throws DataException if {@code CLIPTokenizer} cannot be one of its byte pairs
     */
    public void saveForTransformers(Path folder) throws IOException {
        save(folder);
        if (kind == Kind.CLIP) {
            published().write(folder);
        } else {
            PublishedTokenizer.describe(folder, parsed(), startToken, endToken, fillToken, context.length());
        }
    }

    /** Whether its merges are those of all published CLIPs, which their projects bring along. */
    public boolean isClips() {
        return kind == Kind.CLIP && published().isClips();
    }

    /** How it cleans a text by its {@code tokenizer.json}, where that is a way of SigLIP's projects. */
    public Optional<SiglipText.Cleaning> cleaning() {
        return SiglipText.cleaning(parsed());
    }

    /** Whether both give every text the same ids. */
    public boolean agreesWith(ClipTokenizer other) {
        return tokenizerJson.equals(other.tokenizerJson)
                || kind == Kind.CLIP && other.kind == Kind.CLIP && published().equals(other.published());
    }

    /** Whose it is. */
    public Kind kind() {
        return kind;
    }

    private PublishedTokenizer published() {
        return PublishedTokenizer.of(
                parsed(),
                startToken.orElseThrow(() -> new DataException(
                        "the model's tokenizer has no start token, and transformers' CLIPTokenizer has one")),
                endToken,
                context.length());
    }

    private JsonNode parsed() {
        try {
            return new ObjectMapper().readTree(tokenizerJson);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("it was JSON when it was read", e);
        }
    }

    /**
     * Token ids of the texts, in their order. A text longer than the context keeps its first tokens and ends with the end
     * token, as CLIP's do, and is counted.
     *
     * @throws IllegalStateException after {@link #close}
     */
    public Encoded encode(List<String> texts) {
        int[][] ids = new int[texts.size()][];
        int cut = 0;
        lifetime.readLock().lock();
        try {
            if (closed) {
                throw new IllegalStateException("the tokenizer is closed");
            }
            for (int begin = 0; begin < ids.length; begin += TEXTS_AT_ONCE) {
                int end = Math.min(ids.length, begin + TEXTS_AT_ONCE);
                String[] cleaned =
                        texts.subList(begin, end).stream().map(cleaning).toArray(String[]::new);
                Encoding[] encodings = tokenizer.batchEncode(cleaned, true, false);
                for (int i = begin; i < end; i++) {
                    long[] whole = encodings[i - begin].getIds();
                    int length = Math.min(whole.length, context.length());
                    ids[i] = new int[context.filled() ? context.length() : length];
                    for (int t = 0; t < length; t++) {
                        ids[i][t] = (int) whole[t];
                    }
                    Arrays.fill(ids[i], length, ids[i].length, fillToken);
                    if (whole.length > length) {
                        ids[i][length - 1] = endToken;
                        cut++;
                    }
                    if (context.reading() == Reading.WHOLE && kind != Kind.CLIP) {
                        // A text may spell the token that is not seen.
                        ids[i] = Arrays.stream(ids[i])
                                .filter(id -> id != fillToken)
                                .toArray();
                    }
                }
            }
        } finally {
            lifetime.readLock().unlock();
        }
        return new Encoded(ids, cut, endToken, context.reading(), fillToken);
    }

    /** Id of the token that fills texts up; 0 with CLIP's, which have none of their own. */
    public int fillToken() {
        return fillToken;
    }

    /** Number of rows a token embedding needs: the highest id and one. */
    public int vocabSize() {
        return vocabSize;
    }

    /** Id of the token before every text; SigLIP has none. */
    public OptionalInt startToken() {
        return startToken;
    }

    /** Id of the token after every text. */
    public int endToken() {
        return endToken;
    }

    /** Longest text in tokens, start and end token included. */
    public int contextLength() {
        return context.length();
    }

    /** How long texts become. */
    public Context context() {
        return context;
    }

    @Override
    public void close() {
        lifetime.writeLock().lock();
        try {
            if (!closed) {
                closed = true;
                tokenizer.close();
            }
        } finally {
            lifetime.writeLock().unlock();
        }
    }

    private static HuggingFaceTokenizer open(String tokenizerJson, String origin) {
        // Without it the library looks for a graphics card's build of itself on the network, and reports its use.
        if (System.getProperty("ai.djl.offline") == null) {
            System.setProperty("ai.djl.offline", "true");
        }
        requireCache();
        Map<String, String> options = Map.of("truncation", "false", "padding", "false", "addSpecialTokens", "true");
        try (InputStream in = new ByteArrayInputStream(tokenizerJson.getBytes(StandardCharsets.UTF_8))) {
            return HuggingFaceTokenizer.newInstance(in, options);
        } catch (EngineException e) {
            throw new DataException(
                    "the tokenizer's native library cannot be loaded (" + e.getMessage() + "): " + CACHE, e);
        } catch (IOException | RuntimeException e) {
            throw new DataException(
                    origin + ": the tokenizer library cannot use it (" + e.getMessage()
                            + "): take the file from the model again",
                    e);
        }
    }

    /** Before the library logs a failure of its own. */
    private static void requireCache() {
        Path cache = Utils.getEngineCacheDir();
        try {
            Files.createDirectories(cache);
        } catch (IOException e) {
            throw new DataException(
                    cache + ": the tokenizer's native library cannot be unpacked there (" + e.getMessage() + "): "
                            + CACHE,
                    e);
        }
    }

    private static String named(JsonNode json, int id) {
        return json.at("/model/vocab").properties().stream()
                .filter(entry -> entry.getValue().asInt(-1) == id)
                .map(Map.Entry::getKey)
                .findFirst()
                .orElse("");
    }

    private static int vocabSize(JsonNode json, String origin) {
        JsonNode vocabulary = json.at("/model/vocab");
        int highest = vocabulary.isArray() ? vocabulary.size() - 1 : -1;
        for (JsonNode id : vocabulary) {
            highest = Math.max(highest, id.asInt(-1));
        }
        for (JsonNode added : json.path("added_tokens")) {
            highest = Math.max(highest, added.path("id").asInt(-1));
        }
        if (highest < 0) {
            throw new DataException(
                    origin + ": it has no model.vocab with token ids: take the file from the model again");
        }
        return highest + 1;
    }

    private static JsonNode parse(Path file) throws IOException {
        try {
            return new ObjectMapper().readTree(file.toFile());
        } catch (JsonProcessingException e) {
            String line =
                    e.getLocation() == null ? "" : ", line " + e.getLocation().getLineNr();
            throw new DataException(
                    file
                            + WrongFile.describe(file)
                                    .map(what -> ": " + what)
                                    .orElse(line + ": not JSON (" + e.getOriginalMessage()
                                            + "): take the file from the model again"),
                    e);
        } catch (CharConversionException e) {
            throw new DataException(file + ": it is not UTF-8: take the file from the model again", e);
        }
    }

    private static Map<String, Integer> readVocabulary(Path file) throws IOException {
        Map<String, Integer> ids = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> entry : parse(file).properties()) {
            if (!entry.getValue().isInt() || entry.getValue().intValue() < 0) {
                throw new DataException(file + ": token '" + entry.getKey() + "' has the id " + entry.getValue()
                        + ", not a count: take the file from the model again");
            }
            ids.put(entry.getKey(), entry.getValue().intValue());
        }
        for (String special : List.of(ClipText.START, ClipText.END)) {
            if (!ids.containsKey(special)) {
                throw new DataException(
                        file + ": there is no token " + special + ": use the vocabulary of a CLIP model");
            }
        }
        return ids;
    }

    /** Reads at most {@code limit} merges, one a line after a line that tells the version. */
    private static List<BpeVocabulary.Merge> readMerges(Path file, int limit) throws IOException {
        List<BpeVocabulary.Merge> merges = new ArrayList<>();
        boolean packed = file.toString().endsWith(".gz");
        try (InputStream bytes = Files.newInputStream(file);
                InputStream content = packed ? new GZIPInputStream(bytes) : bytes;
                BufferedReader reader =
                        new BufferedReader(new InputStreamReader(content, StandardCharsets.UTF_8.newDecoder()))) {
            int lineNumber = 1;
            String first = reader.readLine();
            if (first == null || !TextFile.withoutMark(first).contains("#version")) {
                throw new DataException(file
                        + WrongFile.describe(file)
                                .filter(what -> !packed)
                                .map(what -> ": " + what)
                                .orElse(
                                        ", line 1: a list of merges begins with '#version': take the file from the model"
                                                + " again"));
            }
            for (String line = reader.readLine(); line != null && merges.size() < limit; line = reader.readLine()) {
                lineNumber++;
                String[] pair = line.split(" ", -1);
                if (pair.length == 2 && !pair[0].isEmpty() && !pair[1].isEmpty()) {
                    merges.add(new BpeVocabulary.Merge(pair[0], pair[1]));
                } else if (!line.isEmpty()) {
                    throw new DataException(file + ", line " + lineNumber + ": '" + line
                            + "' is not two tokens with a blank between: take the file from the model again");
                }
            }
        } catch (IOException e) {
            throw new DataException(
                    file + ": "
                            + WrongFile.describe(file)
                                    .filter(what -> !what.startsWith("is packed"))
                                    .orElse("it cannot be read to its end (" + e.getMessage() + "): copy it again"),
                    e);
        }
        return merges;
    }
}
