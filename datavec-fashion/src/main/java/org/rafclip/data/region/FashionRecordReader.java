package org.rafclip.data.region;

import java.io.DataInputStream;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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

/**
 * The DeepFashion fine set as DataVec records, one a garment.
 *
 * <p>The input split names lists of images, such as {@code new FileSplit(new File("DIR/Anno_fine/train.txt"))}; the
 * files beside a list are found by its name. A record's columns are those of {@link Column}, then one class index per
 * attribute group from {@link #FIRST_ATTRIBUTE} on. Records come in the order of the lists, and a record's metadata is
 * its line there. Random preparation steps draw from (seed, times {@link #reset}, position).
 *
 * <p>Images are made when a record is asked for; wrap the reader in DL4J's iterators for prefetching, or use {@link
 * RegionBatches}. Not for several threads, and not to be serialized: make one reader per process.
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
        CATEGORY
    }

    /** The column of the first attribute group: {@link IntWritable}, -1 for no label. */
    public static final int FIRST_ATTRIBUTE = Column.values().length;

    private static final long serialVersionUID = 1L;
    private static final String LIST = ".txt";

    private final transient ImageReader images;
    private final transient MaskCache masks;
    private final transient RegionSettings settings;
    private final long seed;

    private transient List<Source> sources;

    private record Source(URI list, RegionLoader loader, int firstPosition) {}

    /** @param seed of random preparation steps */
    public FashionRecordReader(ImageReader images, MaskCache masks, RegionSettings settings, long seed) {
        this.images = images;
        this.masks = masks;
        this.settings = settings;
        this.seed = seed;
    }

    /**
     * Reads the annotations of all lists.
     *
     * @throws DataException naming what is wrong with them, or a list whose attribute groups differ from the first's
     */
    @Override
    public void initialize(InputSplit split) {
        List<Source> found = new ArrayList<>();
        int first = 0;
        for (URI list : split.locations()) {
            Path file = Path.of(list).toAbsolutePath();
            String name = file.getFileName().toString();
            if (!name.endsWith(LIST)
                    || file.getNameCount() < 3
                    || !file.getParent().endsWith(FashionSplit.FOLDER)) {
                throw new DataException(file + ": is not a list of images such as DIR/" + FashionSplit.FOLDER
                        + "/train.txt; name that file in the input split");
            }
            FashionSplit items =
                    FashionSplit.read(file.getParent().getParent(), name.substring(0, name.length() - LIST.length()));
            if (!found.isEmpty()
                    && !items.taxonomy().equals(found.get(0).loader().split().taxonomy())) {
                throw new DataException(file + ": has other attribute groups than "
                        + found.get(0).list() + "; read them with two readers");
            }
            found.add(new Source(list, new RegionLoader(items, images, masks, settings, 0), first));
            first += items.items().size();
        }
        if (found.isEmpty()) {
            throw new DataException(
                    "the input split has no files; name a list such as DIR/" + FashionSplit.FOLDER + "/train.txt");
        }
        sources = List.copyOf(found);
        startOver();
    }

    @Override
    protected int size() {
        Source last = initialized(sources).get(sources.size() - 1);
        return last.firstPosition() + last.loader().split().items().size();
    }

    @Override
    protected Record recordAt(int position) {
        Source source = sources.get(0);
        for (Source candidate : sources) {
            source = position >= candidate.firstPosition() ? candidate : source;
        }
        return record(source, source.loader().split().items().get(position - source.firstPosition()));
    }

    private Record record(Source source, FashionItem item) {
        RegionSample sample = source.loader().load(item);
        int index = source.firstPosition() + item.line() - 1;
        List<Writable> columns = new ArrayList<>();
        columns.add(new Text(sample.id()));
        columns.add(image(source.loader().cropRest(), sample.crop(), index, 0));
        columns.add(image(source.loader().regionRest(), sample.region(), index, 1));
        columns.add(new Text(sample.color().word()));
        columns.add(new Text(sample.category()));
        sample.attributes().forEach(label -> columns.add(new IntWritable(label)));
        return new org.datavec.api.records.impl.Record(
                columns, new RecordMetaDataLine(item.line(), source.list(), FashionRecordReader.class));
    }

    private NDArrayWritable image(Preparation rest, Region region, int index, int branch) {
        Dimensions size = settings.size();
        float[] floats = rest.toFloats(region, Seeds.stream(seed, epoch(), index, branch));
        return new NDArrayWritable(Nd4j.create(floats, new int[] {1, 3, size.height(), size.width()}, 'c'));
    }

    @Override
    public Record loadFromMetaData(RecordMetaData metaData) {
        if (metaData instanceof RecordMetaDataLine line) {
            for (Source source : initialized(sources)) {
                List<FashionItem> items = source.loader().split().items();
                if (source.list().equals(line.getURI())
                        && line.getLineNumber() >= 1
                        && line.getLineNumber() <= items.size()) {
                    return record(source, items.get(line.getLineNumber() - 1));
                }
            }
        }
        throw new IllegalArgumentException(metaData + " does not come from this reader's input split");
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
