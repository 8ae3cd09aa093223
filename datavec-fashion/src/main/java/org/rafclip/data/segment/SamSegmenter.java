package org.rafclip.data.segment;

import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.RgbImage;

/**
 * Segment Anything prompted with the garment's box, as the paper does it (section 1.1). A photo is encoded once, however
 * many boxes it has, also when they are asked for one by one: the embeddings of the last photos are kept. The networks are
 * opened when the first mask is asked for, so a cache that has all masks needs none of it. One photo at a time: the
 * networks use all processors by themselves.
 */
public final class SamSegmenter implements Segmenter, AutoCloseable {

    /** Part of the id; raised when masks change for the same networks. */
    private static final int VERSION = 1;

    private static final int EMBEDDINGS_KEPT = 2;

    private final Supplier<String> networkId;
    private final Supplier<SamNetwork> opener;
    private final Choice choice;
    private final LinkedHashMap<Photo, float[][]> embeddings = new LinkedHashMap<>();
    private SamNetwork network;
    private String id;
    private int encoded;
    private long encodeNanos;
    private int decoded;
    private long decodeNanos;

    /** A photo by its content. */
    private record Photo(int width, int height, ByteBuffer rgb) {}

    /** Which of the decoder's masks is the garment's. */
    public enum Choice {
        /**
         * The one that the decoder has for prompts that say enough, such as a box. Where it has none (EfficientSAM, exports of
         * SAM 2), the one that it trusts most.
         */
        SINGLE,
        /** The one that the decoder trusts most of its others, which are for prompts that leave open what is meant. */
        BEST
    }

    /**
     * @param networkId a word of digits and lower-case letters for weights and engine, asked for once
     * @param opener opens the networks, once
     */
    public SamSegmenter(Supplier<String> networkId, Supplier<SamNetwork> opener, Choice choice) {
        this.networkId = networkId;
        this.opener = opener;
        this.choice = choice;
    }

    /**
     * What the masks have cost so far.
     *
     * @param photos encoded
     * @param encodeMillis a photo, on average
     * @param boxes decoded
     * @param decodeMillis a box, on average
     */
    public record Cost(int photos, double encodeMillis, int boxes, double decodeMillis) {}

    @Override
    public synchronized Segmentation segment(RgbImage image, Box box) {
        Box inside = Segmenter.inside(image, box);
        if (network == null) {
            network = opener.get();
        }
        SamFrame frame = SamFrame.of(image, network);
        Photo photo = new Photo(image.width(), image.height(), ByteBuffer.wrap(image.rgb()));
        float[][] embedding = embeddings.get(photo);
        if (embedding == null) {
            long start = System.nanoTime();
            embedding = network.encode(frame.inner(image));
            encodeNanos += System.nanoTime() - start;
            encoded++;
            if (embeddings.size() == EMBEDDINGS_KEPT) {
                embeddings.remove(embeddings.keySet().iterator().next());
            }
            embeddings.put(photo, embedding);
        }
        long start = System.nanoTime();
        SamNetwork.Masks masks = network.decode(embedding, frame.corners(inside));
        decodeNanos += System.nanoTime() - start;
        decoded++;
        return Segmentation.of(image.width(), image.height(), inside, frame.garment(masks, chosen(masks)));
    }

    private int chosen(SamNetwork.Masks masks) {
        if (masks.count() == 1 || choice == Choice.SINGLE && masks.firstIsClear()) {
            return 0;
        }
        int best = masks.firstIsClear() ? 1 : 0;
        for (int i = best + 1; i < masks.count(); i++) {
            if (masks.scores()[i] > masks.scores()[best]) {
                best = i;
            }
        }
        return best;
    }

    @Override
    public synchronized List<Segmentation> segment(RgbImage image, List<Box> boxes) {
        return Segmenter.super.segment(image, boxes);
    }

    /** What the masks have cost so far; without those that came from a cache. */
    public synchronized Cost cost() {
        return new Cost(encoded, millis(encodeNanos, encoded), decoded, millis(decodeNanos, decoded));
    }

    private static double millis(long nanos, int times) {
        return times == 0 ? 0 : (double) nanos / TimeUnit.MILLISECONDS.toNanos(1) / times;
    }

    @Override
    public synchronized String id() {
        if (id == null) {
            id = "sam-" + VERSION + "-" + networkId.get() + "-" + choice.name().toLowerCase(Locale.ROOT);
        }
        return id;
    }

    /** Frees the networks. */
    @Override
    public synchronized void close() {
        embeddings.clear();
        if (network != null) {
            network.close();
            network = null;
        }
    }
}
