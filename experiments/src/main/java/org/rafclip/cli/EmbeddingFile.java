package org.rafclip.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.hadoop.conf.Configuration;
import org.apache.parquet.hadoop.ParquetWriter;
import org.apache.parquet.hadoop.api.WriteSupport;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.apache.parquet.io.LocalOutputFile;
import org.apache.parquet.io.OutputFile;
import org.apache.parquet.io.api.Binary;
import org.apache.parquet.io.api.RecordConsumer;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;
import org.apache.parquet.schema.Types;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.io.AtomicFiles;
import org.rafclip.io.Safetensors;

/**
 * Embeddings with their ids in a file that other programs read, whole or not at all. Its name's ending says which:
 *
 * <ul>
 *   <li>{@code .npy}: a matrix {@code float32 [n, d]} as NumPy saves it; the ids, a line each, beside it in {@code .ids.txt}
 *   <li>{@code .safetensors}: the tensor {@code embeddings}, the ids as a JSON array in the metadata {@code ids}
 *   <li>{@code .parquet}: columns {@code id} and {@code embedding}, a list of floats
 *   <li>{@code .jsonl}: {@code {"id": …, "embedding": […]}} a line
 * </ul>
 */
enum EmbeddingFile {
    NPY(".npy"),
    SAFETENSORS(".safetensors"),
    PARQUET(".parquet"),
    JSON_LINES(".jsonl");

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int NPY_HEADER = 128;

    private final String ending;

    EmbeddingFile(String ending) {
        this.ending = ending;
    }

    /** The kinds of files that there are, for people. */
    static String endings() {
        return Arrays.stream(values()).map(kind -> kind.ending).collect(Collectors.joining(", "));
    }

    /** What a file's name says, null where it says nothing known. */
    static EmbeddingFile of(Path file) {
        String name = String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT);
        return Arrays.stream(values())
                .filter(kind -> name.endsWith(kind.ending))
                .findFirst()
                .orElse(null);
    }

    /**
     * Writes embeddings.
     *
     * @param vectors one an id, at least one
     * @param metadata where they come from; beside a {@code .npy} or {@code .jsonl} file in one that is called
     *     {@code .json} in addition
     */
    void write(Path file, List<String> ids, List<float[]> vectors, Map<String, String> metadata) throws IOException {
        if (file.toAbsolutePath().getParent() != null) {
            Files.createDirectories(file.toAbsolutePath().getParent());
        }
        switch (this) {
            case NPY -> {
                // All are on the disk before the first takes its place, so that none is of another time than the
                // others.
                Path made = folder(file);
                try {
                    Path matrix = made.resolve("npy");
                    Path names = made.resolve("ids");
                    AtomicFiles.write(matrix, channel -> npy(channel, vectors));
                    Path told = made.resolve("json");
                    AtomicFiles.writeString(names, String.join("\n", ids) + "\n");
                    AtomicFiles.writeString(told, JSON.writeValueAsString(metadata) + "\n");
                    Files.deleteIfExists(file);
                    move(names, beside(file, ".ids.txt"));
                    move(told, about(file));
                    move(matrix, file);
                } finally {
                    AtomicFiles.deleteDirectory(made);
                }
            }
            case SAFETENSORS -> safetensors(file, ids, vectors, metadata);
            case PARQUET -> parquet(file, ids, vectors, metadata);
            case JSON_LINES -> {
                AtomicFiles.write(file, channel -> jsonLines(channel, ids, vectors));
                AtomicFiles.writeString(about(file), JSON.writeValueAsString(metadata) + "\n");
            }
        }
    }

    private static Path folder(Path file) throws IOException {
        Path made = file.resolveSibling(file.getFileName() + ".folder");
        AtomicFiles.deleteDirectory(made);
        return Files.createDirectories(made);
    }

    private static void move(Path from, Path to) throws IOException {
        Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    private static Path about(Path file) {
        return file.resolveSibling(file.getFileName() + ".json");
    }

    private Path beside(Path file, String otherEnding) {
        String name = file.getFileName().toString();
        return file.resolveSibling(name.substring(0, name.length() - ending.length()) + otherEnding);
    }

    private static void npy(FileChannel channel, List<float[]> vectors) throws IOException {
        int width = vectors.get(0).length;
        String description =
                "{'descr': '<f4', 'fortran_order': False, 'shape': (" + vectors.size() + ", " + width + "), }";
        ByteBuffer header = ByteBuffer.allocate(NPY_HEADER).order(ByteOrder.LITTLE_ENDIAN);
        header.put((byte) 0x93)
                .put("NUMPY".getBytes(StandardCharsets.US_ASCII))
                .put((byte) 1)
                .put((byte) 0);
        header.putShort((short) (NPY_HEADER - header.position() - Short.BYTES));
        header.put(description.getBytes(StandardCharsets.US_ASCII));
        while (header.position() < NPY_HEADER - 1) {
            header.put((byte) ' ');
        }
        header.put((byte) '\n').flip();
        writeAll(channel, header);
        ByteBuffer row = ByteBuffer.allocate(Float.BYTES * width).order(ByteOrder.LITTLE_ENDIAN);
        for (float[] vector : vectors) {
            row.clear();
            row.asFloatBuffer().put(vector);
            writeAll(channel, row);
        }
    }

    private static void writeAll(FileChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    private static void safetensors(Path file, List<String> ids, List<float[]> vectors, Map<String, String> metadata)
            throws IOException {
        Map<String, String> all = new LinkedHashMap<>(metadata);
        all.put("ids", JSON.writeValueAsString(ids));
        try (INDArray matrix = Nd4j.create(vectors.toArray(float[][]::new))) {
            Safetensors.write(file, Map.of("embeddings", matrix), all);
        }
    }

    private static void jsonLines(FileChannel channel, List<String> ids, List<float[]> vectors) throws IOException {
        BufferedWriter out = new BufferedWriter(Channels.newWriter(channel, StandardCharsets.UTF_8));
        for (int i = 0; i < ids.size(); i++) {
            out.write(JSON.writeValueAsString(new Line(ids.get(i), vectors.get(i))));
            out.write('\n');
        }
        out.flush();
    }

    private record Line(String id, float[] embedding) {}

    private static void parquet(Path file, List<String> ids, List<float[]> vectors, Map<String, String> metadata)
            throws IOException {
        // The library opens files by their names itself, so the whole file is made in a folder of its own first.
        Path made = folder(file);
        try {
            Path whole = made.resolve("embeddings.parquet");
            try (ParquetWriter<Integer> writer =
                    new Rows.Builder(new LocalOutputFile(whole), ids, vectors, metadata).build()) {
                for (int i : IntStream.range(0, ids.size()).toArray()) {
                    writer.write(i);
                }
            } catch (IOException e) {
                throw AtomicFiles.naming(file, e);
            }
            AtomicFiles.write(file, channel -> {
                try (FileChannel from = FileChannel.open(whole)) {
                    long done = 0;
                    while (done < from.size()) {
                        done += from.transferTo(done, from.size() - done, channel);
                    }
                }
            });
        } finally {
            AtomicFiles.deleteDirectory(made);
        }
    }

    /** Writes rows, of which the library is handed the numbers. */
    @SuppressWarnings("deprecation") // of two ways to configure, the library still asks for the old one
    private static final class Rows extends WriteSupport<Integer> {

        private static final MessageType SCHEMA = Types.buildMessage()
                .required(PrimitiveTypeName.BINARY)
                .as(LogicalTypeAnnotation.stringType())
                .named("id")
                .requiredList()
                .requiredElement(PrimitiveTypeName.FLOAT)
                .named("embedding")
                .named("embeddings");

        private final List<String> ids;
        private final List<float[]> vectors;
        private final Map<String, String> metadata;
        private RecordConsumer out;

        Rows(List<String> ids, List<float[]> vectors, Map<String, String> metadata) {
            this.ids = ids;
            this.vectors = vectors;
            this.metadata = metadata;
        }

        @Override
        public WriteContext init(Configuration configuration) {
            return new WriteContext(SCHEMA, metadata);
        }

        @Override
        public void prepareForWrite(RecordConsumer consumer) {
            this.out = consumer;
        }

        @Override
        public void write(Integer row) {
            out.startMessage();
            out.startField("id", 0);
            out.addBinary(Binary.fromString(ids.get(row)));
            out.endField("id", 0);
            out.startField("embedding", 1);
            out.startGroup();
            out.startField("list", 0);
            for (float value : vectors.get(row)) {
                out.startGroup();
                out.startField("element", 0);
                out.addFloat(value);
                out.endField("element", 0);
                out.endGroup();
            }
            out.endField("list", 0);
            out.endGroup();
            out.endField("embedding", 1);
            out.endMessage();
        }

        private static final class Builder extends ParquetWriter.Builder<Integer, Builder> {

            private final Rows rows;

            Builder(OutputFile file, List<String> ids, List<float[]> vectors, Map<String, String> metadata) {
                super(file);
                this.rows = new Rows(ids, vectors, metadata);
                withCompressionCodec(CompressionCodecName.ZSTD);
            }

            @Override
            protected Builder self() {
                return this;
            }

            @Override
            protected WriteSupport<Integer> getWriteSupport(Configuration configuration) {
                return rows;
            }
        }
    }
}
