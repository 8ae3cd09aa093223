package org.rafclip.data.fashioniq;

import java.io.DataInputStream;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.function.Predicate;
import org.datavec.api.records.Record;
import org.datavec.api.records.metadata.RecordMetaData;
import org.datavec.api.records.metadata.RecordMetaDataIndex;
import org.datavec.api.split.InputSplit;
import org.datavec.api.writable.Text;
import org.datavec.api.writable.Writable;
import org.rafclip.data.ListedRecordReader;
import org.rafclip.data.Seeds;

/**
 * FashionIQ's triplets as DataVec records of texts, in the columns of {@link Column}: what composers are trained on and
 * asked with.
 *
 * <p>They come from an input split, which names captions files, such as {@code new FileSplit(new File(
 * "DIR/captions/cap.dress.val.json"))} (the {@code image_splits} files beside them are found by their names), or from
 * {@link #initialize(List) a list}. A record's metadata is its triplet's place in the file or list. Not for several
 * threads, and not to be serialized.
 */
public final class TripletRecordReader extends ListedRecordReader {

    /** The columns of a record, in order. */
    public enum Column {
        CATEGORY,
        /** The reference image's id. */
        REFERENCE,
        /** The target image's id; empty where it is not published. */
        TARGET,
        /** What the target has different. */
        TEXT;

        /** What a record has in this column. */
        public String of(List<Writable> record) {
            return record.get(ordinal()).toString();
        }
    }

    private static final long serialVersionUID = 1L;
    private static final int ORDER = 1;

    private final transient Wording wording;
    private final transient OptionalLong orderSeed;
    private final transient Predicate<Triplet> used;
    private transient List<Place> places;
    private transient List<Triplet> triplets;
    private int leftOut;

    /** Gives a triplet's texts, each of which makes a record. */
    private interface Wording {
        List<String> texts(Triplet triplet, int index, int epoch);
    }

    /**
     * A record.
     *
     * @param file null for a list
     * @param place in the file or list
     * @param index of the triplet among those read
     * @param text which of its texts
     */
    private record Place(URI file, int place, int index, int text) {}

    private TripletRecordReader(Wording wording, OptionalLong orderSeed, Predicate<Triplet> used) {
        super(1);
        this.wording = wording;
        this.orderSeed = orderSeed;
        this.used = used;
    }

    /** A record for each query of an evaluation, in the order of the triplets. */
    public static TripletRecordReader forEvaluation(CaptionForm form) {
        return new TripletRecordReader(
                (triplet, index, epoch) -> Captions.queries(triplet.captions(), form),
                OptionalLong.empty(),
                triplet -> true);
    }

    /**
     * A record a triplet, in the order of the triplets. Its text is drawn from (seed, times {@link #reset}, place among
     * the triplets read) by {@link Captions#training}.
     */
    public static TripletRecordReader forTraining(long seed) {
        return new TripletRecordReader(
                (triplet, index, epoch) -> List.of(Captions.training(triplet.captions(), seed, epoch, index)),
                OptionalLong.empty(),
                triplet -> true);
    }

    /** The same records in an order of its own each epoch, drawn from (seed, epoch). */
    public TripletRecordReader shuffled(long seed) {
        return new TripletRecordReader(wording, OptionalLong.of(seed), used);
    }

    /**
     * The same without the triplets that lack one of their images. A target that is not published lacks, too.
     *
     * @param available whether an image can be used, by its id
     */
    public TripletRecordReader withImages(Predicate<String> available) {
        return new TripletRecordReader(
                wording,
                orderSeed,
                triplet -> available.test(triplet.reference())
                        && triplet.target().filter(available).isPresent());
    }

    /** @throws org.rafclip.data.DataException naming file and entry of what is wrong */
    @Override
    public void initialize(InputSplit split) {
        begin();
        for (URI captions : split.locations()) {
            add(captions, FashionIq.triplets(Path.of(captions)));
        }
        inputSplit = split;
    }

    /** Reads triplets that are in memory already. */
    public void initialize(List<Triplet> all) {
        begin();
        add(null, all);
    }

    private void begin() {
        startOver();
        triplets = new ArrayList<>();
        places = new ArrayList<>();
        leftOut = 0;
    }

    private void add(URI file, List<Triplet> all) {
        for (int place = 0; place < all.size(); place++) {
            Triplet triplet = all.get(place);
            if (!used.test(triplet)) {
                leftOut++;
                continue;
            }
            int index = triplets.size();
            triplets.add(triplet);
            int texts = wording.texts(triplet, index, 0).size();
            for (int text = 0; text < texts; text++) {
                places.add(new Place(file, place, index, text));
            }
        }
    }

    /** How many triplets were left out for their images. */
    public int leftOut() {
        return leftOut;
    }

    @Override
    public int size() {
        return initialized(places).size();
    }

    @Override
    protected int[] order(int epoch) {
        return orderSeed.isPresent()
                ? Seeds.permutation(size(), Seeds.stream(orderSeed.getAsLong(), epoch, ORDER, 0))
                : super.order(epoch);
    }

    @Override
    protected Record recordAt(int at) {
        Place place = places.get(at);
        Triplet triplet = triplets.get(place.index());
        List<Writable> columns = List.of(
                new Text(triplet.category()),
                new Text(triplet.reference()),
                new Text(triplet.target().orElse("")),
                new Text(wording.texts(triplet, place.index(), epoch()).get(place.text())));
        return new org.datavec.api.records.impl.Record(
                columns, new RecordMetaDataIndex(place.place(), place.file(), TripletRecordReader.class));
    }

    /** The record of the triplet's first text, as the current epoch words it. */
    @Override
    public Record loadFromMetaData(RecordMetaData metaData) {
        if (metaData instanceof RecordMetaDataIndex wanted) {
            for (int at = 0; at < size(); at++) {
                Place place = places.get(at);
                if (place.place() == wanted.getIndex() && Objects.equals(place.file(), wanted.getURI())) {
                    return recordAt(at);
                }
            }
        }
        throw new IllegalArgumentException(metaData + " does not come from this reader's triplets");
    }

    /** Triplets have no classes. */
    @Override
    public List<String> getLabels() {
        return List.of();
    }

    /** A captions file holds many records. */
    @Override
    public List<Writable> record(URI uri, DataInputStream captions) {
        throw new UnsupportedOperationException(
                "a captions file holds many records; initialize the reader with it and use next()");
    }
}
