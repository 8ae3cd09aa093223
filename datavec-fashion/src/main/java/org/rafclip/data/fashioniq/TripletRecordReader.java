package org.rafclip.data.fashioniq;

import java.io.DataInputStream;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.datavec.api.records.Record;
import org.datavec.api.records.metadata.RecordMetaData;
import org.datavec.api.records.metadata.RecordMetaDataIndex;
import org.datavec.api.split.InputSplit;
import org.datavec.api.writable.Text;
import org.datavec.api.writable.Writable;
import org.rafclip.data.ListedRecordReader;

/**
 * FashionIQ's triplets as DataVec records of texts, in the columns of {@link Column}.
 *
 * <p>The input split names captions files, such as {@code new FileSplit(new File("DIR/captions/cap.dress.val.json"))};
 * the {@code image_splits} files beside them are found by their names. Records come in file order; a record's metadata is
 * its triplet's place in the file. Not for several threads, and not to be serialized.
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
        TEXT
    }

    private static final long serialVersionUID = 1L;

    private final transient Wording wording;
    private transient List<Source> sources;
    private transient List<Place> places;

    /** Gives a triplet's texts, each of which makes a record. */
    private interface Wording {
        List<String> texts(Triplet triplet, int index, int epoch);
    }

    private record Source(URI captions, List<Triplet> triplets, int first) {}

    /** A record: which triplet, and which of its texts. */
    private record Place(Source source, int triplet, int text) {}

    private TripletRecordReader(Wording wording) {
        this.wording = wording;
    }

    /** A record for each query of an evaluation. */
    public static TripletRecordReader forEvaluation(CaptionForm form) {
        return new TripletRecordReader((triplet, index, epoch) -> Captions.queries(triplet.captions(), form));
    }

    /** A record a triplet, its text drawn from (seed, times {@link #reset}, position) by {@link Captions#training}. */
    public static TripletRecordReader forTraining(long seed) {
        return new TripletRecordReader(
                (triplet, index, epoch) -> List.of(Captions.training(triplet.captions(), seed, epoch, index)));
    }

    /** @throws org.rafclip.data.DataException naming file and entry of what is wrong */
    @Override
    public void initialize(InputSplit split) {
        inputSplit = split;
        sources = new ArrayList<>();
        places = new ArrayList<>();
        startOver();
        int first = 0;
        for (URI captions : split.locations()) {
            Source source = new Source(captions, FashionIq.triplets(Path.of(captions)), first);
            sources.add(source);
            for (int i = 0; i < source.triplets().size(); i++) {
                int texts = texts(source, i).size();
                for (int text = 0; text < texts; text++) {
                    places.add(new Place(source, i, text));
                }
            }
            first += source.triplets().size();
        }
    }

    @Override
    protected int size() {
        return initialized(places).size();
    }

    @Override
    protected Record recordAt(int position) {
        Place place = places.get(position);
        return record(place.source(), place.triplet(), place.text());
    }

    private List<String> texts(Source source, int index) {
        return wording.texts(source.triplets().get(index), source.first() + index, epoch());
    }

    private Record record(Source source, int index, int text) {
        Triplet triplet = source.triplets().get(index);
        List<Writable> columns = List.of(
                new Text(triplet.category()),
                new Text(triplet.reference()),
                new Text(triplet.target().orElse("")),
                new Text(texts(source, index).get(text)));
        return new org.datavec.api.records.impl.Record(
                columns, new RecordMetaDataIndex(index, source.captions(), TripletRecordReader.class));
    }

    /** The record of the triplet's first text. */
    @Override
    public Record loadFromMetaData(RecordMetaData metaData) {
        initialized(places);
        if (metaData instanceof RecordMetaDataIndex place) {
            for (Source source : sources) {
                if (source.captions().equals(place.getURI())
                        && place.getIndex() >= 0
                        && place.getIndex() < source.triplets().size()) {
                    return record(source, (int) place.getIndex(), 0);
                }
            }
        }
        throw new IllegalArgumentException(metaData + " does not come from this reader's input split");
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
