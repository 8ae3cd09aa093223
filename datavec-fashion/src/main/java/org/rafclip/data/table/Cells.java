package org.rafclip.data.table;

import blue.strategic.parquet.Hydrator;
import blue.strategic.parquet.ParquetReader;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.io.JsonEOFException;
import com.fasterxml.jackson.dataformat.csv.CsvFactory;
import com.fasterxml.jackson.dataformat.csv.CsvParser;
import com.fasterxml.jackson.dataformat.csv.CsvSchema;
import java.io.BufferedInputStream;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.apache.parquet.schema.Type;
import org.rafclip.data.DataException;
import org.rafclip.data.WrongFile;

/** A table's cells as they stand in its file. */
final class Cells {

    /** The kinds of files that are read, by the end of their names. */
    static final List<String> ENDINGS = List.of(".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".parquet");

    private static final int MARK = 1 << 16;

    /** What a table's rows are, to say what is missing. */
    enum Kind {
        PHOTOS("photos", "image among them", "a garment", "{\"image\": \"1.jpg\"}"),
        TRIPLETS(
                "triplets",
                "reference, target and text",
                "a triplet",
                "{\"reference\": \"1\", \"text\": \"is red\", \"target\": \"2\"}");

        private final String rows;
        private final String columns;
        private final String row;
        private final String object;

        Kind(String rows, String columns, String row, String object) {
            this.rows = rows;
            this.columns = columns;
            this.row = row;
            this.object = object;
        }
    }

    private final Path file;
    private final Kind kind;
    private final Consumer<DataException> problems;
    private DataException firstProblem;
    private final Map<String, Integer> places = new HashMap<>();
    private final List<Column> columns = new ArrayList<>();
    private int rows;
    private int[] lines = new int[64];

    private Cells(Path file, Kind kind, Consumer<DataException> problems) {
        this.file = file;
        this.kind = kind;
        this.problems = problem -> {
            firstProblem = firstProblem == null ? problem : firstProblem;
            problems.accept(problem);
        };
    }

    /**
     * Reads a table.
     *
     * @param problems told of every row that is not like the others; it is left out where this returns
     * @throws DataException where the file as a whole is no table
     */
    static Cells read(Path file, Kind kind, Consumer<DataException> problems) {
        String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
        Cells cells = new Cells(file, kind, problems);
        if (Files.isDirectory(file)) {
            throw new DataException(file + ": " + WrongFile.describe(file).orElseThrow());
        }
        try {
            if (name.endsWith(".csv")) {
                cells.separated(',');
            } else if (name.endsWith(".tsv") || name.endsWith(".tab")) {
                cells.separated('\t');
            } else if (name.endsWith(".jsonl") || name.endsWith(".ndjson")) {
                cells.jsonLines();
            } else if (name.endsWith(".parquet")) {
                cells.parquet();
            } else {
                throw new DataException(file + ": is no table that is read here; name it after what it holds: "
                        + String.join(", ", ENDINGS));
            }
        } catch (CharacterCodingException e) {
            throw new DataException(
                    file + ":" + cells.malformedLine() + ": is not UTF-8 text; save the table as UTF-8", e);
        } catch (NoSuchFileException e) {
            throw new DataException(
                    file + ": there is no such table of " + kind.rows + "; name a file " + String.join(", ", ENDINGS),
                    e);
        } catch (IOException e) {
            throw new DataException(file + ": cannot be read (" + e.getMessage() + ")", e);
        }
        if (cells.rows == 0 && cells.firstProblem != null) {
            throw new DataException(
                    file + ": has no row that can be taken; the first: " + cells.firstProblem.getMessage(),
                    cells.firstProblem);
        }
        if (cells.rows == 0) {
            throw new DataException(file + ": has no rows; write one " + kind.row);
        }
        return cells;
    }

    Path file() {
        return file;
    }

    List<Column> columns() {
        return columns;
    }

    int rows() {
        return rows;
    }

    /** Where a row begins in the file, from 1; in Parquet, which row it is. */
    int line(int row) {
        return lines[row];
    }

    private void separated(char usual) throws IOException {
        try (BufferedReader reader = new BufferedReader(text(), MARK)) {
            char separator = usual == ',' ? separator(reader) : usual;
            CsvFactory factory = CsvFactory.builder()
                    .enable(CsvParser.Feature.SKIP_EMPTY_LINES)
                    .build();
            try (CsvParser parser = factory.createParser(reader)) {
                parser.setSchema(CsvSchema.emptySchema().withColumnSeparator(separator));
                try {
                    header(parser);
                    rows(parser);
                } catch (JsonProcessingException e) {
                    throw broken(parser.currentTokenLocation().getLineNr(), e);
                }
            }
        }
    }

    private void rows(CsvParser parser) throws IOException {
        List<String> row = new ArrayList<>();
        while (parser.nextToken() == JsonToken.START_ARRAY) {
            row.clear();
            int line = 0;
            while (parser.nextToken() != JsonToken.END_ARRAY) {
                line = row.isEmpty() ? parser.currentTokenLocation().getLineNr() : line;
                row.add(parser.getText());
            }
            add(row, line);
        }
    }

    private void header(CsvParser parser) throws IOException {
        if (parser.nextToken() != JsonToken.START_ARRAY) {
            throw new DataException(file + ": is empty; write a line of column names, " + kind.columns + ", and a row "
                    + kind.row + " below it");
        }
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            String name = parser.getText().strip().replaceAll("\\s+", " ");
            if (name.indexOf('\0') >= 0) {
                throw new DataException(file + ":1: is no plain text, such as a table in UTF-16; save it as UTF-8");
            }
            if (name.isEmpty()) {
                // a data frame's index, as pandas writes it
                name = "column " + (columns.size() + 1);
            }
            if (places.containsKey(name)) {
                throw new DataException(file + ":1: has two columns '" + name + "'; rename one");
            }
            column(name);
        }
    }

    private void add(List<String> row, int line) {
        if (row.size() != columns.size()) {
            problems.accept(new DataException(file + ":" + line + ": has " + row.size() + " cells, the line of column"
                    + " names has " + columns.size() + "; put cells that hold the separator in quotes, write blank ones"
                    + " out"));
            return;
        }
        for (int i = 0; i < row.size(); i++) {
            if (row.get(i).indexOf('\0') >= 0) {
                problems.accept(unwritable(columns.get(i), line));
                return;
            }
        }
        for (int i = 0; i < row.size(); i++) {
            columns.get(i).set(rows, row.get(i));
        }
        end(line);
    }

    /** Spreadsheets of many countries part cells by semicolons, or by tabs, and call the file CSV all the same. */
    private static char separator(BufferedReader reader) throws IOException {
        reader.mark(MARK);
        char[] head = new char[MARK - 1];
        int length = Math.max(0, reader.read(head));
        reader.reset();
        String line = new String(head, 0, length).lines().findFirst().orElse("");
        return line.contains(",") ? ',' : line.contains(";") ? ';' : line.contains("\t") ? '\t' : ',';
    }

    private void jsonLines() throws IOException {
        int begun = 0;
        try (Reader reader = text();
                JsonParser parser = new JsonFactory().createParser(reader)) {
            for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
                int line = parser.currentTokenLocation().getLineNr();
                begun = line;
                if (token != JsonToken.START_OBJECT) {
                    throw new DataException(
                            file + ":" + line + ": is no object; write one JSON object a line, such as " + kind.object);
                }
                while (parser.nextToken() != JsonToken.END_OBJECT) {
                    Column column = column(parser.currentName());
                    if (column.cell(rows) != null) {
                        throw new DataException(file + ":" + line + ": has '" + column.name() + "' twice; keep one");
                    }
                    String value = value(parser, column, line);
                    if (value != null && value.indexOf('\0') >= 0) {
                        throw unwritable(column, line);
                    }
                    column.set(rows, value);
                }
                end(line);
            }
        } catch (JsonEOFException e) {
            throw new DataException(
                    file + ":" + begun + ": the object that begins here has no end; write one JSON object a line", e);
        } catch (JsonProcessingException e) {
            throw broken(e, "write one JSON object a line");
        }
    }

    private String value(JsonParser parser, Column column, int line) throws IOException {
        JsonToken token = parser.nextToken();
        if (token == JsonToken.VALUE_NULL) {
            return null;
        }
        if (token.isScalarValue()) {
            return parser.getText();
        }
        if (token == JsonToken.START_ARRAY) {
            StringBuilder parts = new StringBuilder();
            for (token = parser.nextToken(); token != JsonToken.END_ARRAY; token = parser.nextToken()) {
                if (!token.isScalarValue()) {
                    throw nested(column, line);
                }
                parts.append(
                                token == JsonToken.VALUE_NULL
                                        ? ""
                                        : parser.getText().strip())
                        .append(Column.PART);
            }
            return parts.toString();
        }
        throw nested(column, line);
    }

    private DataException unwritable(Column column, int line) {
        return new DataException(
                file + ":" + line + ": column '" + column.name() + "' holds a NUL character; write the cell again");
    }

    private DataException nested(Column column, int line) {
        return new DataException(file + ":" + line + ": column '" + column.name()
                + "' holds an object or an array in an" + " array; write a text, a number or an array of texts");
    }

    private void parquet() throws IOException {
        if (!Files.exists(file)) {
            throw new NoSuchFileException(file.toString());
        }
        try {
            for (Type field : ParquetReader.readMetadata(file.toFile())
                    .getFileMetaData()
                    .getSchema()
                    .getFields()) {
                if (!field.isPrimitive() || field.isRepetition(Type.Repetition.REPEATED)) {
                    throw new DataException(file + ": column '" + field.getName()
                            + "' is nested; write its values as one" + " text, parted by ';', or leave it out");
                }
                column(field.getName());
            }
            try (Stream<Integer> read =
                    ParquetReader.streamContent(file.toFile(), new ParquetRows(), path -> path[0])) {
                read.forEach(row -> end(row + 1));
            }
        } catch (DataException e) {
            throw e;
        } catch (RuntimeException e) {
            // the library answers damaged files with exceptions of many kinds
            throw new DataException(
                    file + ": is no Parquet file, or a damaged one; write it again, or name it after what it holds", e);
        }
    }

    private final class ParquetRows implements Hydrator<Integer, Integer, String> {

        @Override
        public Integer start() {
            return rows;
        }

        @Override
        public Integer add(Integer row, String name, Object value) {
            boolean missing = value == null
                    || value instanceof Double number && number.isNaN()
                    || value instanceof Float single && single.isNaN();
            column(name).set(row, missing ? null : value.toString());
            return row;
        }

        @Override
        public Integer finish(Integer row) {
            return row;
        }
    }

    private Column column(String name) {
        return columns.get(places.computeIfAbsent(name, fresh -> {
            columns.add(new Column(fresh));
            return columns.size() - 1;
        }));
    }

    private void end(int line) {
        if (rows == lines.length) {
            lines = Arrays.copyOf(lines, 2 * rows);
        }
        lines[rows++] = line;
    }

    /** @param cell the line in which the cell begins that ends in an error, lines below where a quote was forgotten */
    private DataException broken(int cell, JsonProcessingException e) {
        String remedy = "mend the row; a cell that holds a quote or the separator stands in quotes";
        int end = e.getLocation().getLineNr();
        return cell < 1 || cell >= end
                ? broken(e, remedy)
                : new DataException(
                        file + ":" + cell + ": a quote opens a cell here that "
                                + (e.getOriginalMessage().startsWith("Missing closing quote")
                                        ? "is closed nowhere"
                                        : "goes on to line " + end)
                                + "; close it, or " + remedy,
                        e);
    }

    private DataException broken(JsonProcessingException e, String remedy) {
        String line = e.getLocation() == null ? "" : ":" + e.getLocation().getLineNr();
        return new DataException(file + line + ": " + e.getOriginalMessage() + "; " + remedy, e);
    }

    /** The file's text behind its byte order mark, if it has one. */
    private Reader text() throws IOException {
        InputStream in = new BufferedInputStream(Files.newInputStream(file), MARK);
        in.mark(3);
        byte[] mark = in.readNBytes(3);
        if (mark.length >= 2 && (mark[0] == -1 && mark[1] == -2 || mark[0] == -2 && mark[1] == -1)) {
            in.close();
            throw new DataException(file + ": is UTF-16 text; save the table as UTF-8");
        }
        if (!Arrays.equals(mark, new byte[] {(byte) 0xEF, (byte) 0xBB, (byte) 0xBF})) {
            in.reset();
        }
        return new InputStreamReader(in, StandardCharsets.UTF_8.newDecoder());
    }

    /** The first line that is not UTF-8; the last one where that is cut short. */
    private int malformedLine() {
        int number = 1;
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file))) {
            ByteArrayOutputStream line = new ByteArrayOutputStream();
            for (int b = in.read(); b >= 0; b = in.read()) {
                if (b == '\n') {
                    StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(line.toByteArray()));
                    line.reset();
                    number++;
                } else {
                    line.write(b);
                }
            }
        } catch (CharacterCodingException e) {
            return number;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return number;
    }
}
