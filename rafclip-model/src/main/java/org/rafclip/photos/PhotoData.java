package org.rafclip.photos;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import org.rafclip.data.DataException;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.data.image.ImageReader;
import org.rafclip.data.prepare.Preparation;
import org.rafclip.data.region.RegionLoader;
import org.rafclip.data.region.RegionSettings;
import org.rafclip.data.segment.EllipseSegmenter;
import org.rafclip.data.segment.ExactSegmenter;
import org.rafclip.data.segment.GrabCutSegmenter;
import org.rafclip.data.segment.MaskCache;
import org.rafclip.data.segment.Segmenter;
import org.rafclip.data.segment.WholeBoxSegmenter;
import org.rafclip.data.table.PhotoTable;
import org.rafclip.io.Sha256;

/** What a run's data settings make of a folder of photos. */
public final class PhotoData {

    private static final String NO_CAPTIONS = ", captions=[], further={}]\n";
    private static final String NO_COLOR = ", color=Optional.empty]\n";

    private PhotoData() {}

    /** Prepared photos of a split, either for training or for evaluation. */
    public static RegionLoader loader(FashionSplit split, PhotoConfig data, PhotoConfig.Branches branches) {
        RegionSettings settings = new RegionSettings(
                Preparation.parse(branches.crop()),
                Preparation.parse(branches.region()),
                data.palette(),
                data.categoryWord());
        return new RegionLoader(
                split,
                new ImageReader(),
                new MaskCache(data.cache(), segmenter(data.segmenter(), data.place(), data.sam())),
                settings,
                data.memoryMb() << 20);
    }

    /**
     * A segmenter for photos.
     *
     * @param place the data folder, or a table: the masks that data bring along lie beside it
     * @param sam the networks of SAM, null for another
     * @throws DataException for exact masks where the folder has none
     */
    public static Segmenter segmenter(SegmenterChoice choice, Path place, SamConfig sam) {
        return switch (choice) {
            case GRABCUT -> new GrabCutSegmenter();
            case BOX -> new WholeBoxSegmenter();
            case ELLIPSE -> new EllipseSegmenter();
            case EXACT -> new ExactSegmenter(PhotoTable.folder(place));
            case SAM ->
                ServiceLoader.load(SamProvider.class)
                        .findFirst()
                        .orElseThrow(() -> new DataException(
                                "nothing on the class path runs SAM: add the module onnx, or take another segmenter"))
                        .segmenter(sam);
        };
    }

    /**
     * A split cut in two.
     *
     * @param split that is trained on
     * @param train what to train on
     * @param validationSplit the split that the validation items belong to
     * @param validation what to validate on
     */
    public record Parts(
            PhotoSplit split, List<FashionItem> train, PhotoSplit validationSplit, List<FashionItem> validation) {}

    /**
     * Takes the validation split, or holds out a share of the training split: the items that a draw from (seed, the
     * photo's content) puts first, whatever else the split holds. Copies of one photo stay on one side. Items have no
     * label of an attribute that is to stay unseen.
     *
     * @throws DataException if an unseen attribute is not one of the split's
     */
    public static Parts parts(PhotoSplits photos, PhotoConfig data, long seed) {
        Parts whole = wholeParts(photos, data, seed);
        AttributeTaxonomy taxonomy = whole.split().taxonomy();
        return data.unseen().isEmpty()
                ? whole
                : new Parts(
                        whole.split(),
                        without(data.unseen(), taxonomy, whole.train()),
                        whole.validationSplit(),
                        without(data.unseen(), taxonomy, whole.validation()));
    }

    private static List<FashionItem> without(
            List<String> attributes, AttributeTaxonomy taxonomy, List<FashionItem> items) {
        for (String attribute : attributes) {
            if (taxonomy.groups().stream().noneMatch(group -> group.attributes().contains(attribute))) {
                throw new DataException("data.unseen: there is no attribute '" + attribute + "'; there are "
                        + taxonomy.groups().stream()
                                .map(group -> String.join(", ", group.attributes()))
                                .collect(Collectors.joining(", ")));
            }
        }
        return items.stream().map(item -> without(attributes, taxonomy, item)).toList();
    }

    private static FashionItem without(List<String> attributes, AttributeTaxonomy taxonomy, FashionItem item) {
        List<Integer> labels = new ArrayList<>(item.attributes());
        Map<Integer, List<Integer>> further = new HashMap<>();
        for (int g = 0; g < labels.size(); g++) {
            AttributeTaxonomy.Group group = taxonomy.group(g);
            List<Integer> seen = item.classes(g).stream()
                    .filter(label -> !attributes.contains(group.attributes().get(label)))
                    .toList();
            labels.set(g, seen.isEmpty() ? FashionItem.MISSING : seen.get(0));
            if (seen.size() > 1) {
                further.put(g, seen.subList(1, seen.size()));
            }
        }
        return item.withAttributes(labels).withFurther(further);
    }

    private static Parts wholeParts(PhotoSplits photos, PhotoConfig data, long seed) {
        PhotoSplit split = photos.split(data, data.split());
        if (data.validationSplit() != null) {
            PhotoSplit validation = photos.split(data, data.validationSplit());
            if (split.listed() && validation.items().equals(split.items())) {
                throw new DataException(data.place() + ": the splits " + data.split() + " and "
                        + data.validationSplit()
                        + " are the same photos; give the table a column 'split', or hold out a"
                        + " share of them, data.held-out, by data.validation-split=null");
            }
            return new Parts(split, split.items(), validation, validation.items());
        }
        Map<String, Long> draws = new HashMap<>();
        split.hashes(split.items()).forEach((id, hash) -> draws.put(id, draw(seed, hash)));
        List<FashionItem> drawn = new ArrayList<>(split.items());
        drawn.sort(Comparator.<FashionItem>comparingLong(item -> draws.get(item.id()))
                .thenComparing(FashionItem::id));
        int heldOut = (int) Math.round(data.heldOut() * drawn.size());
        if (heldOut >= drawn.size()) {
            throw new DataException("holding out " + heldOut + " of " + drawn.size() + " photos leaves none to train");
        }
        while (heldOut > 0 && heldOut < drawn.size() && sameDraw(draws, drawn, heldOut)) {
            heldOut++;
        }
        return new Parts(
                split,
                List.copyOf(drawn.subList(heldOut, drawn.size())),
                split,
                List.copyOf(drawn.subList(0, heldOut)));
    }

    private static boolean sameDraw(Map<String, Long> draws, List<FashionItem> drawn, int at) {
        return draws.get(drawn.get(at - 1).id()).equals(draws.get(drawn.get(at).id()));
    }

    private static long draw(long seed, String hash) {
        return new SplittableRandom(seed ^ HexFormat.fromHexDigitsToLong(hash.substring(0, 16))).nextLong();
    }

    /** A name for what is known of a split: its items and, for a table, what its classes are called. */
    public static String fingerprint(PhotoSplit split) {
        String items = fingerprint(split.items());
        return split.listed() ? Sha256.of(items + split.taxonomy()) : items;
    }

    /** A name for the content of a list of items: their ids, boxes, labels, captions and colors. */
    public static String fingerprint(List<FashionItem> items) {
        // Items without captions or colors are named as they were before items had any, so that older runs go on.
        return Sha256.of(items.stream()
                .map(item -> (item + "\n").replace(NO_COLOR, "]\n").replace(NO_CAPTIONS, "]\n")));
    }
}
