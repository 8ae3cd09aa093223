package org.rafclip.data.region;

import java.io.DataInputStream;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.datavec.api.records.Record;
import org.datavec.api.records.metadata.RecordMetaData;
import org.datavec.api.records.metadata.RecordMetaDataLine;
import org.datavec.api.split.InputSplit;
import org.datavec.api.writable.IntWritable;
import org.datavec.api.writable.NDArrayWritable;
import org.datavec.api.writable.Text;
import org.datavec.api.writable.Writable;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.data.DataException;
import org.rafclip.data.ListedRecordReader;
import org.rafclip.data.Seeds;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.data.image.Dimensions;
import org.rafclip.data.image.ImageReader;
import org.rafclip.data.prepare.Preparation;
import org.rafclip.data.prepare.Region;
import org.rafclip.data.segment.MaskCache;
import org.rafclip.data.table.PhotoTable;
import org.rafclip.data.table.TableSettings;

/**
 * Garments of DeepFashion's fine annotations as DataVec records, one a garment: what RaF-CLIP is trained on and measured
 * with.
 *
 * <p>They come from an input split, which names lists of images, such as {@code new FileSplit(new File(
 * "DIR/Anno_fine/train.txt"))} (the files beside a list are found by its name) or tables of photos, of which every row is
 * read, or from a list of items. A record's
 * columns are those of {@link Column}, then one class index per attribute group from {@link #FIRST_ATTRIBUTE} on; its
 * metadata is the item's line in its list of images.
 *
 * <p>An epoch's order, where it is shuffled, is a permutation drawn from (seed, epoch); a garment's random preparation
 * steps draw from (seed, epoch, place in the list, branch). Of several captions of a garment, and of several classes in a
 * group, an epoch has one, drawn from (seed, epoch, place in the list). So {@link #seek} goes on in the middle of an epoch with the
 * records that were to come, and the number of threads changes nothing.
 *
 * <p>Images are made when a record is asked for; wrap the reader in an iterator that prefetches. Their arrays are the
 * receiver's: {@link RegionBatch#of} stacks and closes them. Not for several consuming threads, and not to be serialized:
 * make one reader per process, and close it.
 */
public final class FashionRecordReader extends ListedRecordReader {

    /** The columns of a record, in order. */
    public enum Column {
        /** {@link Text}: the item's id. */
        ID,
        /** {@link NDArrayWritable} {@code [1, 3, height, width]} FLOAT: the category branch's image. */
        CROP,
        /** {@link NDArrayWritable} {@code [1, 3, height, width]} FLOAT: the attribute branch's image. */
        REGION,
        /** {@link Text}: the dominant color's word. */
        COLOR,
        /** {@link Text}: the category's word. */
        CATEGORY,
        /** {@link Text}: the garment's caption, this epoch's of several; empty where it has none. */
        CAPTION
    }

    /** The column of the first attribute group: {@link IntWritable}, -1 for no label. */
    public static final int FIRST_ATTRIBUTE = Column.values().length;

    private static final long serialVersionUID = 1L;
    private static final String LIST = ".txt";
    private static final int ORDER = -1;
    private static final int CROP = 0;
    private static final int REGION = 1;
    private static final int CAPTION = 2;
    private static final int FIRST_CLASS = 3;

    private final transient Function<FashionSplit, RegionLoader> loaders;
    private final transient Options options;

    private transient Wanted wanted = (offset, branch) -> true;
    private transient List<Source> sources;
    private transient List<Garment> garments;

    /**
     * How to read.
     *
     * @param shuffle whether an epoch has its own order; else the list's
     * @param seed of order and random preparation steps
     * @param threads that make the records of one {@link #next(int)} side by side
     */
    public record Options(boolean shuffle, long seed, int threads) {}

    /** Which images of the records of one {@link #next(int)} are made. */
    @FunctionalInterface
    public interface Wanted {

        /**
         * @param offset of the record among them, from 0
         * @param branch {@link Column#CROP} or {@link Column#REGION}
         */
        boolean test(int offset, Column branch);
    }

    private record Source(URI list, RegionLoader loader) {}

    private record Garment(Source source, FashionItem item) {}

    /**
     * Reads what {@link #initialize} names, in list order, on the calling thread.
     *
     * @param seed of random preparation steps
     */
    public FashionRecordReader(ImageReader images, MaskCache masks, RegionSettings settings, long seed) {
        this(split -> new RegionLoader(split, images, masks, settings, 0), new Options(false, seed, 1));
    }

    /**
     * Reads a list of garments; no {@link #initialize} is needed.
     *
     * @param items of the loader's split, such as its training part
     */
    public FashionRecordReader(RegionLoader loader, List<FashionItem> items, Options options) {
        this(loader::of, options);
        Source source = new Source(loader.split().file().toUri(), loader);
        sources = List.of(source);
        garments = items.stream().map(item -> new Garment(source, item)).toList();
    }

    private FashionRecordReader(Function<FashionSplit, RegionLoader> loaders, Options options) {
        super(options.threads());
        this.loaders = loaders;
        this.options = options;
    }

    /**
     * Reads the annotations of all lists.
     *
     * @throws DataException naming what is wrong with them, or a list whose attribute groups differ from the first's
     */
    @Override
    public void initialize(InputSplit split) {
        List<Source> found = new ArrayList<>();
        List<Garment> listed = new ArrayList<>();
        for (URI list : split.locations()) {
            Path file = Path.of(list).toAbsolutePath();
            FashionSplit items = read(file);
            if (!found.isEmpty()
                    && !items.taxonomy().equals(found.get(0).loader().split().taxonomy())) {
                throw new DataException(file + ": has other attribute groups than "
                        + found.get(0).list() + "; read them with two readers");
            }
            Source source = new Source(list, loaders.apply(items));
            found.add(source);
            items.items().forEach(item -> listed.add(new Garment(source, item)));
        }
        if (found.isEmpty()) {
            throw new DataException(
                    "the input split has no files; name a list such as DIR/" + FashionSplit.FOLDER + "/train.txt");
        }
        inputSplit = split;
        sources = List.copyOf(found);
        garments = List.copyOf(listed);
        startOver();
    }

    /**
     * From now on makes these images only; columns of others hold no array. Everything else is as it would be: an image draws
     * from what is its own.
     */
    public void limitTo(Wanted images) {
        wanted = images;
    }

    private static FashionSplit read(Path file) {
        String name = file.getFileName().toString();
        if (name.endsWith(LIST) && file.getNameCount() > 2 && file.getParent().endsWith(FashionSplit.FOLDER)) {
            return FashionSplit.read(file.getParent().getParent(), name.substring(0, name.length() - LIST.length()));
        }
        if (PhotoTable.isNamedAsTable(file)) {
            return PhotoTable.open(file, TableSettings.DEFAULT).all();
        }
        throw new DataException(file + ": is not a list of images such as DIR/" + FashionSplit.FOLDER
                + "/train.txt, nor a table such as DIR/photos.csv; name that file in the input split");
    }

    @Override
    public int size() {
        return initialized(garments).size();
    }

    @Override
    protected int[] order(int epoch) {
        return options.shuffle()
                ? Seeds.permutation(size(), Seeds.stream(options.seed(), epoch, ORDER, 0))
                : super.order(epoch);
    }

    /** @throws DataException where the garment's photo cannot be prepared */
    @Override
    protected Record recordAt(int place) {
        return recordAt(place, 0);
    }

    @Override
    protected Record recordAt(int place, int offset) {
        Garment garment = garments.get(place);
        RegionLoader loader = garment.source().loader();
        RegionSample sample = loader.load(garment.item());
        List<Writable> columns = new ArrayList<>();
        columns.add(new Text(sample.id()));
        columns.add(
                wanted.test(offset, Column.CROP)
                        ? image(loader, loader.cropRest(), sample.crop(), place, CROP)
                        : new NDArrayWritable());
        columns.add(
                wanted.test(offset, Column.REGION)
                        ? image(loader, loader.regionRest(), sample.region(), place, REGION)
                        : new NDArrayWritable());
        columns.add(new Text(sample.color().word()));
        columns.add(new Text(sample.category()));
        columns.add(new Text(oneOf(garment.item().captions(), "", place, CAPTION)));
        for (int group = 0; group < sample.attributes().size(); group++) {
            columns.add(new IntWritable(
                    oneOf(garment.item().classes(group), FashionItem.MISSING, place, FIRST_CLASS + group)));
        }
        return new org.datavec.api.records.impl.Record(
                columns,
                new RecordMetaDataLine(garment.item().line(), garment.source().list(), FashionRecordReader.class));
    }

    /** This epoch's draw of some values; a single one costs none. */
    private <T> T oneOf(List<T> values, T none, int place, int what) {
        return switch (values.size()) {
            case 0 -> none;
            case 1 -> values.get(0);
            default ->
                values.get(Seeds.stream(options.seed(), epoch(), place, what).nextInt(values.size()));
        };
    }

    private NDArrayWritable image(RegionLoader loader, Preparation rest, Region region, int place, int branch) {
        Dimensions size = loader.settings().size();
        float[] floats = rest.toFloats(region, Seeds.stream(options.seed(), epoch(), place, branch));
        return new NDArrayWritable(Nd4j.create(floats, new int[] {1, 3, size.height(), size.width()}, 'c'));
    }

    /** A garment's record as the current epoch has it. */
    @Override
    public Record loadFromMetaData(RecordMetaData metaData) {
        if (metaData instanceof RecordMetaDataLine line) {
            for (int place = 0; place < size(); place++) {
                Garment garment = garments.get(place);
                if (garment.item().line() == line.getLineNumber()
                        && garment.source().list().equals(line.getURI())) {
                    return recordAt(place);
                }
            }
        }
        throw new IllegalArgumentException(metaData + " does not come from this reader's list");
    }

    /** All attributes as prompts word them, group after group. */
    @Override
    public List<String> getLabels() {
        return initialized(sources).get(0).loader().split().taxonomy().groups().stream()
                .map(AttributeTaxonomy.Group::words)
                .flatMap(List::stream)
                .toList();
    }

    /** A photo's bytes alone make no record: box and labels are in other files. */
    @Override
    public List<Writable> record(URI uri, DataInputStream photo) {
        throw new UnsupportedOperationException(
                "a record needs its annotations; initialize the reader with their list and use next()");
    }
}
