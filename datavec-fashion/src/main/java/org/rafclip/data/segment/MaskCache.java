package org.rafclip.data.segment;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.DeflaterOutputStream;
import java.util.zip.Inflater;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.data.Workers;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.Mask;
import org.rafclip.data.image.RgbImage;

/**
 * Masks on disk, each computed once.
 *
 * <p>A mask's key is the SHA-256 of the photo's pixels, the box and the segmenter's id: a renamed photo finds its mask, a
 * changed one does not find a stale one, and several segmenters share a folder. One small file a mask, {@code
 * ab/ab12….mask}, written beside its place and moved there in one step, with a checksum: whoever kills the process at
 * any moment leaves whole masks, and a damaged file is computed anew. Threads and processes may share a folder.
 *
 * <p>File: {@code RAFMASK1}; width, height (int); fallback (byte); length of what follows (int); one bit a pixel, row by
 * row, lowest bit first, deflated; CRC-32 of all before (int). Numbers are big-endian.
 */
public final class MaskCache {

    private static final long MAGIC = 0x5241464D41534B31L;
    private static final int HEADER = Long.BYTES + 2 * Integer.BYTES + 1 + Integer.BYTES;
    private static final String PART = ".part";

    private final Path dir;
    private final Segmenter segmenter;
    private final AtomicInteger computed = new AtomicInteger();
    private final AtomicInteger repaired = new AtomicInteger();
    private final Object[] locks;

    /** @param dir created when the first mask is written */
    public MaskCache(Path dir, Segmenter segmenter) {
        this.dir = dir;
        this.segmenter = segmenter;
        this.locks = Stream.generate(Object::new).limit(64).toArray();
    }

    /**
     * What {@link #fill} did.
     *
     * @param requested masks asked for
     * @param computed masks that were not in the cache
     * @param repaired those of them whose file was damaged
     * @param fallbacks ids whose mask is the plain box because the segmenter found nothing
     * @param failures photos that could not be read or segmented, all of them
     */
    public record FillReport(
            int requested, int computed, int repaired, List<String> fallbacks, List<Failure> failures) {}

    /** One item without a mask, and why. */
    public record Failure(String id, String message) {}

    public Segmenter segmenter() {
        return segmenter;
    }

    /**
     * The garment's mask, from the cache or computed and cached now.
     *
     * @throws DataException where the cache cannot be written
     * @throws IllegalArgumentException where the box has no pixel inside the image
     */
    public Segmentation get(RgbImage image, Box box) {
        Box inside = Segmenter.inside(image, box);
        String key = key(image, inside);
        Path file = dir.resolve(key.substring(0, 2)).resolve(key + ".mask");
        synchronized (locks[Math.floorMod(key.hashCode(), locks.length)]) {
            Optional<byte[]> stored = load(file);
            Optional<Segmentation> answer = stored.flatMap(bytes -> decode(bytes, image));
            if (answer.isPresent()) {
                return answer.get();
            }
            Segmentation fresh = segmenter.segment(image, inside);
            store(file, encode(fresh));
            computed.incrementAndGet();
            if (stored.isPresent()) {
                repaired.incrementAndGet();
            }
            return fresh;
        }
    }

    /**
     * Computes all masks that are not there yet. Started again after an interruption it computes what is missing.
     *
     * @param threads worker threads
     * @throws DataException where the cache cannot be written
     */
    public FillReport fill(List<MaskRequest> requests, int threads, Progress progress) throws InterruptedException {
        sweep();
        int computedBefore = computed.get();
        int repairedBefore = repaired.get();
        String[] problems = new String[requests.size()];
        boolean[] fallback = new boolean[requests.size()];
        Workers.forEach(
                "masks",
                requests.size(),
                threads,
                i -> {
                    MaskRequest request = requests.get(i);
                    RgbImage image;
                    try {
                        image = request.image().get();
                        Segmenter.inside(image, request.box());
                    } catch (DataException | IllegalArgumentException e) {
                        problems[i] = e.getMessage();
                        return;
                    }
                    fallback[i] = get(image, request.box()).fallback();
                },
                progress);
        List<String> fallbacks = new ArrayList<>();
        List<Failure> failures = new ArrayList<>();
        for (int i = 0; i < requests.size(); i++) {
            if (problems[i] != null) {
                failures.add(new Failure(requests.get(i).id(), problems[i]));
            } else if (fallback[i]) {
                fallbacks.add(requests.get(i).id());
            }
        }
        return new FillReport(
                requests.size(),
                computed.get() - computedBefore,
                repaired.get() - repairedBefore,
                List.copyOf(fallbacks),
                List.copyOf(failures));
    }

    private String key(RgbImage image, Box box) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            digest.update(segmenter.id().getBytes(StandardCharsets.UTF_8));
            digest.update(ByteBuffer.allocate(1 + 6 * Integer.BYTES)
                    .put((byte) 0)
                    .putInt(image.width())
                    .putInt(image.height())
                    .putInt(box.x1())
                    .putInt(box.y1())
                    .putInt(box.x2())
                    .putInt(box.y2())
                    .array());
            return HexFormat.of().formatHex(digest.digest(image.rgb()));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    private static Optional<byte[]> load(Path file) {
        try {
            return Optional.of(Files.readAllBytes(file));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException e) {
            throw new DataException(
                    file + ": cannot be read (" + e.getMessage() + "); check the mask cache's folder", e);
        }
    }

    private static void store(Path file, byte[] bytes) {
        try {
            Path folder = Files.createDirectories(file.getParent());
            String prefix = file.getFileName() + "." + ProcessHandle.current().pid() + ".";
            Path part = Files.createTempFile(folder, prefix, PART);
            try {
                Files.write(part, bytes);
                Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
            } finally {
                Files.deleteIfExists(part);
            }
        } catch (IOException e) {
            throw new DataException(
                    file + ": cannot be written (" + e.getMessage() + "); free space or choose another mask cache", e);
        }
    }

    /** Deletes what processes that are gone left half-written. */
    private void sweep() {
        if (!Files.isDirectory(dir)) {
            return;
        }
        try {
            sweep(dir);
            try (DirectoryStream<Path> folders = Files.newDirectoryStream(dir, Files::isDirectory)) {
                for (Path folder : folders) {
                    sweep(folder);
                }
            }
        } catch (IOException | DirectoryIteratorException | NumberFormatException e) {
            throw new DataException(
                    dir + ": cannot be tidied (" + e.getMessage() + "); check the mask cache's folder", e);
        }
    }

    /** Others may write beside this: their files come and go. */
    private static void sweep(Path folder) throws IOException {
        try (DirectoryStream<Path> parts = Files.newDirectoryStream(folder, "*" + PART)) {
            for (Path part : parts) {
                String[] name = part.getFileName().toString().split("\\.");
                if (name.length > 2 && ProcessHandle.of(Long.parseLong(name[2])).isEmpty()) {
                    Files.deleteIfExists(part);
                }
            }
        }
    }

    private static byte[] encode(Segmentation segmentation) {
        Mask mask = segmentation.mask();
        BitSet bits = new BitSet(mask.inside().length);
        for (int i = 0; i < mask.inside().length; i++) {
            bits.set(i, mask.inside()[i]);
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (DeflaterOutputStream deflate = new DeflaterOutputStream(bytes)) {
            deflate.write(bits.toByteArray());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        byte[] packed = bytes.toByteArray();
        ByteBuffer entry = ByteBuffer.allocate(HEADER + packed.length + Integer.BYTES)
                .putLong(MAGIC)
                .putInt(mask.width())
                .putInt(mask.height())
                .put((byte) (segmentation.fallback() ? 1 : 0))
                .putInt(packed.length)
                .put(packed);
        return entry.putInt(checksum(entry.array())).array();
    }

    /** The mask in a file's bytes; empty where they are damaged. */
    private static Optional<Segmentation> decode(byte[] bytes, RgbImage image) {
        ByteBuffer entry = ByteBuffer.wrap(bytes);
        if (bytes.length < HEADER + Integer.BYTES
                || entry.getInt(bytes.length - Integer.BYTES) != checksum(bytes)
                || entry.getLong() != MAGIC
                || entry.getInt() != image.width()
                || entry.getInt() != image.height()) {
            return Optional.empty();
        }
        boolean fallback = entry.get() == 1;
        int length = entry.getInt();
        if (length != bytes.length - HEADER - Integer.BYTES) {
            return Optional.empty();
        }
        int pixels = image.width() * image.height();
        byte[] packed = new byte[(pixels + 7) / 8];
        Inflater inflater = new Inflater();
        try {
            inflater.setInput(bytes, HEADER, length);
            inflater.inflate(packed);
        } catch (DataFormatException e) {
            return Optional.empty();
        } finally {
            inflater.end();
        }
        boolean[] inside = new boolean[pixels];
        for (int i = 0; i < pixels; i++) {
            inside[i] = (packed[i >> 3] >> (i & 7) & 1) != 0;
        }
        return Optional.of(new Segmentation(new Mask(image.width(), image.height(), inside), fallback));
    }

    private static int checksum(byte[] entry) {
        CRC32 crc = new CRC32();
        crc.update(entry, 0, entry.length - Integer.BYTES);
        return (int) crc.getValue();
    }
}
