package org.rafclip.agcn.features;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.io.AtomicFiles;
import org.rafclip.ops.kernel.Memory;
import org.rafclip.run.Configs;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Features on disk, read through memory-mapped files.
 *
 * <p>A cache is a folder: {@value #MANIFEST_FILE} says which model, data and preparation the features come from, and the
 * rows lie in blocks, each a file that is whole or absent and carries a checksum. Encoding can stop at any moment; the
 * next {@link #build} encodes only the blocks that are missing or damaged. Reading is safe from several threads.
 */
public final class FeatureCache {

    public static final String MANIFEST_FILE = "features.yaml";

    private static final String LOCK = ".lock";

    private static final Logger LOG = LoggerFactory.getLogger(FeatureCache.class);
    private static final int VERSION = 1;
    private static final int BLOCK_ROWS = 512;
    private static final int CHUNK = 64;

    /** How numbers are stored. */
    public enum Storage {
        FP32,
        /** Half the space, 11 significant bits, values up to 65,504. */
        FP16
    }

    private final Manifest manifest;
    private final List<Block> blocks;

    private FeatureCache(Manifest manifest, List<Block> blocks) {
        this.manifest = manifest;
        this.blocks = blocks;
    }

    /** What a cache's folder says about itself. */
    private record Manifest(int version, FeatureKey key, int rows, int width, Storage storage, int blockRows) {

        int blocks() {
            return (rows + blockRows - 1) / blockRows;
        }

        int rowsOf(int block) {
            return Math.min(blockRows, rows - block * blockRows);
        }
    }

    /**
     * Encodes what a folder does not hold yet, and opens it.
     *
     * @param folder is created where it is missing; its parent exists
     * @param width d
     * @param progress counts rows, those found in the folder included
     * @throws DataException if the folder holds features of another model, data or preparation, in another form, or if
     *     features are not finite
     */
    public static FeatureCache build(
            Path folder, FeatureKey key, FeatureSource source, int width, Storage storage, Progress progress)
            throws IOException {
        int blockRows = BLOCK_ROWS;
        while (blockRows > 1
                && Block.size(blockRows, (long) blockRows * source.mostTokens(), width, storage) > Integer.MAX_VALUE) {
            blockRows /= 2;
        }
        Manifest wanted = new Manifest(VERSION, key, source.rows(), width, storage, blockRows);
        Files.createDirectories(folder);
        // Trainings side by side may want the same features: one encodes them.
        FileChannel lock = FileChannel.open(folder.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        try {
            lock.lock();
            return build(folder, wanted, source, progress);
        } finally {
            lock.close();
        }
    }

    private static FeatureCache build(Path folder, Manifest wanted, FeatureSource source, Progress progress)
            throws IOException {
        int width = wanted.width();
        Storage storage = wanted.storage();
        if (Files.exists(folder.resolve(MANIFEST_FILE))) {
            refuseOther(folder, readManifest(folder), wanted);
        } else {
            AtomicFiles.writeString(folder.resolve(MANIFEST_FILE), Configs.toYaml(wanted));
        }
        AtomicFiles.deleteLeftovers(folder);
        List<Block> blocks = new ArrayList<>();
        for (int b = 0; b < wanted.blocks(); b++) {
            Path file = file(folder, b);
            int first = b * wanted.blockRows;
            int rows = wanted.rowsOf(b);
            String problem = Files.exists(file) ? Block.problem(file, rows, width, storage) : "missing";
            if (problem != null) {
                if (Files.exists(file)) {
                    LOG.warn("{}: this block of features is {}; it is encoded again", file, problem);
                }
                List<Features> chunks = new ArrayList<>();
                for (int from = first; from < first + rows; from += CHUNK) {
                    int to = Math.min(first + rows, from + CHUNK);
                    Features chunk = source.encode(from, to);
                    check(source, from, chunk, width, storage);
                    chunks.add(chunk);
                    progress.update(to, wanted.rows);
                }
                Block.write(file, chunks, rows, width, storage);
            }
            blocks.add(Block.map(file, rows, width, storage));
            progress.update(first + rows, wanted.rows);
        }
        return new FeatureCache(wanted, blocks);
    }

    /**
     * Opens a finished cache and checks every block's checksum.
     *
     * @throws DataException if the folder is no cache, holds features of something else, or a block is missing or damaged
     */
    public static FeatureCache open(Path folder, FeatureKey key) throws IOException {
        Manifest there = readManifest(folder);
        refuseOther(folder, there, new Manifest(VERSION, key, there.rows, there.width, there.storage, there.blockRows));
        List<Block> blocks = new ArrayList<>();
        for (int b = 0; b < there.blocks(); b++) {
            Path file = file(folder, b);
            String problem =
                    Files.exists(file) ? Block.problem(file, there.rowsOf(b), there.width, there.storage) : "missing";
            if (problem != null) {
                throw new DataException(file + ": this block of features is " + problem
                        + "; run the encoding again, which makes only what is not there");
            }
            blocks.add(Block.map(file, there.rowsOf(b), there.width, there.storage));
        }
        return new FeatureCache(there, blocks);
    }

    private static Path file(Path folder, int block) {
        return folder.resolve("block-%05d.bin".formatted(block));
    }

    private static Manifest readManifest(Path folder) {
        Path file = folder.resolve(MANIFEST_FILE);
        if (!Files.isRegularFile(file)) {
            throw new DataException(folder + " holds no cached features: it has no " + MANIFEST_FILE);
        }
        return Configs.load(file, List.of(), Manifest.class);
    }

    private static void refuseOther(Path folder, Manifest there, Manifest wanted) {
        List<String> differences = new ArrayList<>();
        compare(differences, "version", there.version, wanted.version);
        compare(differences, "model", there.key.model(), wanted.key.model());
        compare(differences, "data", there.key.data(), wanted.key.data());
        compare(differences, "preparation", there.key.preparation(), wanted.key.preparation());
        compare(differences, "rows", there.rows, wanted.rows);
        compare(differences, "width", there.width, wanted.width);
        compare(differences, "storage", there.storage, wanted.storage);
        compare(differences, "block-rows", there.blockRows, wanted.blockRows);
        if (!differences.isEmpty()) {
            throw new DataException(folder + " holds features of something else: " + String.join(", ", differences)
                    + ". Name another folder, or delete this one");
        }
    }

    private static void compare(List<String> differences, String what, Object there, Object wanted) {
        if (!Objects.equals(there, wanted)) {
            differences.add(what + " is " + there + " there but " + wanted + " here");
        }
    }

    private static void check(FeatureSource source, int from, Features chunk, int width, Storage storage) {
        if (chunk.pooled().size(1) != width) {
            throw new IllegalArgumentException(
                    "the encoder gives width " + chunk.pooled().size(1) + ", not " + width);
        }
        Memory tokens = Memory.of(chunk.tokens());
        Memory pooled = Memory.of(chunk.pooled());
        long longest = chunk.tokens().size(1);
        for (int row = 0; row < chunk.lengths().length; row++) {
            refuseUnstorable(source, from + row, pooled, (long) row * width, width, storage);
            refuseUnstorable(
                    source, from + row, tokens, row * longest * width, (long) chunk.lengths()[row] * width, storage);
        }
    }

    private static void refuseUnstorable(
            FeatureSource source, int row, Memory values, long offset, long count, Storage storage) {
        double limit = storage == Storage.FP16 ? Block.MAX_HALF : Float.MAX_VALUE;
        for (long i = offset; i < offset + count; i++) {
            double value = values.get(i);
            if (!(Math.abs(value) <= limit)) {
                boolean finite = !Double.isNaN(value) && !Double.isInfinite(value);
                throw new DataException("row " + row + " (" + source.name(row) + ") has " + value
                        + " among its features: "
                        + (finite
                                ? "too large for fp16, store fp32"
                                : "the model's weights or this input are"
                                        + " broken; take another checkpoint, or replace the input"));
            }
        }
    }

    public int rows() {
        return manifest.rows();
    }

    /** The embedding width d. */
    public int width() {
        return manifest.width();
    }

    /** How many tokens a row has. */
    public int length(int row) {
        return block(row).length(row % manifest.blockRows());
    }

    /** Bytes of the mapped files. */
    public long bytes() {
        return blocks.stream().mapToLong(Block::bytes).sum();
    }

    /** The features of some rows, in the order given; a row may come several times. */
    public Features read(int... rows) {
        int width = manifest.width();
        int[] lengths = new int[rows.length];
        int longest = 1;
        for (int i = 0; i < rows.length; i++) {
            lengths[i] = length(rows[i]);
            longest = Math.max(longest, lengths[i]);
        }
        INDArray tokens = Nd4j.createUninitializedDetached(DataType.FLOAT, 'c', rows.length, longest, width);
        INDArray pooled = Nd4j.createUninitializedDetached(DataType.FLOAT, 'c', rows.length, width);
        ByteBuffer tokenBytes = Memory.of(tokens).bytes();
        ByteBuffer pooledBytes = Memory.of(pooled).bytes();
        for (int i = 0; i < rows.length; i++) {
            Block block = block(rows[i]);
            int at = rows[i] % manifest.blockRows();
            block.readPooled(at, pooledBytes, i * width);
            block.readTokens(at, tokenBytes, i * longest * width);
            for (int k = (i * longest + lengths[i]) * width; k < (i + 1) * longest * width; k++) {
                tokenBytes.putFloat(k * Float.BYTES, 0);
            }
        }
        return new Features(tokens, lengths, pooled);
    }

    /** The pooled features alone of some rows, {@code FLOAT [rows, d]}. */
    public INDArray readPooled(int... rows) {
        INDArray pooled = Nd4j.createUninitializedDetached(DataType.FLOAT, 'c', rows.length, manifest.width());
        ByteBuffer bytes = Memory.of(pooled).bytes();
        for (int i = 0; i < rows.length; i++) {
            block(rows[i]).readPooled(rows[i] % manifest.blockRows(), bytes, i * manifest.width());
        }
        return pooled;
    }

    private Block block(int row) {
        if (row < 0 || row >= manifest.rows()) {
            throw new IllegalArgumentException("row " + row + " is not within 0 and " + (manifest.rows() - 1));
        }
        return blocks.get(row / manifest.blockRows());
    }
}
