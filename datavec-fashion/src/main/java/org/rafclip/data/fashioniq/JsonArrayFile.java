package org.rafclip.data.fashioniq;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.rafclip.data.DataException;

/** A JSON file that is one array, read entry by entry so that a bad one can be named with its line. */
final class JsonArrayFile {

    private static final JsonFactory JSON = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    private final Path file;
    private final JsonParser parser;
    private int index;
    private int line;

    private JsonArrayFile(Path file, JsonParser parser) {
        this.file = file;
        this.parser = parser;
    }

    /** Reads an entry whose first token is the parser's current one, up to its last token. */
    interface Entry<T> {
        T read(JsonArrayFile at) throws IOException;
    }

    static <T> List<T> read(Path file, Entry<T> entry) {
        try (JsonParser parser = JSON.createParser(Files.readAllBytes(file))) {
            if (parser.nextToken() != JsonToken.START_ARRAY) {
                throw new DataException(file + ": is no JSON array; get the file again");
            }
            JsonArrayFile at = new JsonArrayFile(file, parser);
            List<T> entries = new ArrayList<>();
            while (parser.nextToken() != JsonToken.END_ARRAY) {
                at.index = entries.size();
                at.line = parser.currentTokenLocation().getLineNr();
                entries.add(entry.read(at));
            }
            if (parser.nextToken() != null) {
                throw new DataException(
                        file + ":" + parser.currentTokenLocation().getLineNr()
                                + ": goes on after the array's end; get the file again");
            }
            return entries;
        } catch (NoSuchFileException e) {
            throw new DataException(file + ": no such file; it belongs to the data set, get it from there", e);
        } catch (JsonProcessingException e) {
            String line = e.getLocation() == null ? "" : ":" + e.getLocation().getLineNr();
            throw new DataException(
                    file + line + ": is broken JSON (" + e.getOriginalMessage() + "); get the file again", e);
        } catch (IOException e) {
            throw new DataException(file + ": cannot be read (" + e.getMessage() + ")", e);
        }
    }

    int index() {
        return index;
    }

    int line() {
        return line;
    }

    JsonParser parser() {
        return parser;
    }

    /** The current token as a text. */
    String text(String what) throws IOException {
        if (parser.currentToken() != JsonToken.VALUE_STRING) {
            throw error(what + " is no text; write it in quotes");
        }
        return parser.getText();
    }

    DataException error(String what) {
        return new DataException(file + ":" + line + ": entry " + (index + 1) + ": " + what);
    }
}
