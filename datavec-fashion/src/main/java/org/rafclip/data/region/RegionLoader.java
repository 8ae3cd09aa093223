package org.rafclip.data.region;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.data.Workers;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.ImageReader;
import org.rafclip.data.image.RgbImage;
import org.rafclip.data.prepare.Preparation;
import org.rafclip.data.prepare.Region;
import org.rafclip.data.segment.MaskCache;
import org.rafclip.data.segment.MaskRequest;
import org.rafclip.data.segment.Segmentation;
import org.rafclip.data.text.DominantColor;
import org.rafclip.data.text.FashionColor;

/**
 * Makes {@link RegionSample}s of a split's items: reads the photo, finds the mask and the color, and runs the
 * preparations' leading steps that draw no random numbers. Samples stay in memory up to a limit; beyond it they are made
 * anew each time, equal but slower. Safe for many threads.
 */
public final class RegionLoader {

    private final FashionSplit split;
    private final ImageReader reader;
    private final MaskCache masks;
    private final RegionSettings settings;
    private final DominantColor colors;
    private final Preparation cropRest;
    private final Preparation regionRest;
    private final long memoryLimit;
    private final AtomicLong held = new AtomicLong();
    private final Map<String, RegionSample> samples = new ConcurrentHashMap<>();

    /** @param memoryLimit bytes of pixels to keep at most; 0 keeps nothing */
    public RegionLoader(
            FashionSplit split, ImageReader reader, MaskCache masks, RegionSettings settings, long memoryLimit) {
        this.split = split;
        this.reader = reader;
        this.masks = masks;
        this.settings = settings;
        this.colors = new DominantColor(settings.palette());
        this.cropRest = settings.crop().randomRest();
        this.regionRest = settings.region().randomRest();
        this.memoryLimit = memoryLimit;
    }

    /** The same preparation for another split; keeps nothing in memory. */
    RegionLoader of(FashionSplit other) {
        return new RegionLoader(other, reader, masks, settings, 0);
    }

    public FashionSplit split() {
        return split;
    }

    public RegionSettings settings() {
        return settings;
    }

    /** Bytes of pixels kept in memory now. */
    public long heldBytes() {
        return held.get();
    }

    /**
     * One of the split's items, made ready.
     *
     * @throws DataException where its photo cannot be read or its box lies outside it
     */
    public RegionSample load(FashionItem item) {
        RegionSample known = samples.get(item.id());
        if (known != null) {
            return known;
        }
        RegionSample sample = make(item);
        if (held.addAndGet(sample.bytes()) > memoryLimit || samples.putIfAbsent(item.id(), sample) != null) {
            held.addAndGet(-sample.bytes());
        }
        return sample;
    }

    /** Loads items ahead of their use: the pass that computes masks and fills the memory. */
    public void loadAll(List<FashionItem> items, int threads, Progress progress) throws InterruptedException {
        Workers.forEach("regions", items.size(), threads, i -> load(items.get(i)), progress);
    }

    /** What {@link org.rafclip.data.segment.Segmenter#id} says of the masks. */
    public String segmenterId() {
        return masks.segmenter().id();
    }

    /** What {@link MaskCache#fill} needs to compute the masks of items. */
    public static List<MaskRequest> maskRequests(FashionSplit split, ImageReader reader) {
        Path root = split.imageRoot();
        return split.items().stream()
                .map(item -> new MaskRequest(item.id(), () -> reader.read(root, item.image()), item.box()))
                .toList();
    }

    /** The rest of the category branch's preparation, after {@link RegionSample#crop()}. */
    Preparation cropRest() {
        return cropRest;
    }

    /** The rest of the attribute branch's preparation, after {@link RegionSample#region()}. */
    Preparation regionRest() {
        return regionRest;
    }

    private RegionSample make(FashionItem item) {
        RgbImage image = reader.read(split.imageRoot(), item.image());
        Box box = item.box().clip(image.width(), image.height());
        if (box.width() < 1 || box.height() < 1) {
            throw new DataException(split.place(item) + ": the box of " + item.image()
                    + " lies outside its "
                    + image.width() + "x" + image.height() + " image; correct or remove the item in all files of the"
                    + " split");
        }
        Segmentation garment = masks.get(image, box);
        FashionColor color =
                item.color().map(settings.palette()::name).orElseGet(() -> colors.of(image, garment.mask()));
        Region whole = Region.of(image, box, garment.mask());
        return new RegionSample(
                item.id(),
                leadingSteps(settings.crop(), cropRest, whole),
                leadingSteps(settings.region(), regionRest, whole),
                color,
                item.category().orElse(settings.categoryWord()),
                item.attributes());
    }

    private static Region leadingSteps(Preparation preparation, Preparation rest, Region whole) {
        Region ready = preparation.deterministicPrefix().apply(whole);
        return new Region(
                ready.image(),
                rest.needsBox() ? ready.box() : Optional.empty(),
                rest.needsMask() ? ready.mask() : Optional.empty());
    }
}
