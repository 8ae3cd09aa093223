package org.rafclip.data;

import java.io.NotSerializableException;
import java.io.ObjectOutputStream;
import java.util.Arrays;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.concurrent.CancellationException;
import java.util.stream.IntStream;
import org.datavec.api.conf.Configuration;
import org.datavec.api.records.Record;
import org.datavec.api.records.metadata.RecordMetaData;
import org.datavec.api.records.reader.BaseRecordReader;
import org.datavec.api.split.InputSplit;
import org.datavec.api.writable.Writable;

/**
 * What readers of a known list of records, each made when it is asked for, have in common: passes ("epochs") over the
 * list in an order of their own, starting anywhere, and records that are made side by side. What a record holds depends
 * on its place in the list and the epoch, never on threads or on where a pass began. For one consuming thread; not
 * serializable.
 */
public abstract class ListedRecordReader extends BaseRecordReader {

    private static final long serialVersionUID = 1L;

    private final int threads;
    private transient Configuration configuration;
    private transient Workers workers;
    private transient int[] order;
    private int position;
    private int epoch;
    private boolean closed;

    /** @param threads that make the records of one {@link #next(int)}; 1 makes them on the calling thread */
    protected ListedRecordReader(int threads) {
        if (threads < 1) {
            throw new IllegalArgumentException("a reader needs at least one thread, not " + threads);
        }
        this.threads = threads;
    }

    /**
     * How many records an epoch has.
     *
     * @throws IllegalStateException before {@link #initialize(InputSplit)}
     */
    public abstract int size();

    /**
     * Makes a record of the current epoch. Called on several threads at once.
     *
     * @param place in the list, from 0
     */
    protected abstract Record recordAt(int place);

    /**
     * Makes a record that is asked for together with others. As {@link #recordAt(int)} unless overridden.
     *
     * @param place in the list, from 0
     * @param offset among those of one {@link #next(int)}, from 0
     */
    protected Record recordAt(int place, int offset) {
        return recordAt(place);
    }

    /** An epoch's order: the places of {@link #size()} records. The list's own unless overridden. */
    protected int[] order(int epoch) {
        return IntStream.range(0, size()).toArray();
    }

    /** The number of the pass, from 0; each {@link #reset} begins the next. */
    public final int epoch() {
        return epoch;
    }

    /** How many records of the current epoch have been read or passed over. */
    public final int position() {
        return position;
    }

    /** To be called when there is another list. */
    protected final void startOver() {
        close();
        closed = false;
        begin(0, 0);
    }

    /**
     * Goes to a record of an epoch, as if all before it had been read.
     *
     * @param epoch from 0
     * @param position in the epoch's order, 0 to {@link #size()}
     */
    public final void seek(int epoch, int position) {
        if (epoch < 0 || position < 0 || position > size()) {
            throw new IllegalArgumentException(
                    "there is no record " + position + " of " + size() + " in epoch " + epoch);
        }
        begin(epoch, position);
    }

    private void begin(int newEpoch, int newPosition) {
        epoch = newEpoch;
        position = newPosition;
        order = null;
    }

    /** What has been read from the input split, unless that has not happened yet. */
    protected static <T> T initialized(T sources) {
        if (sources == null) {
            throw new IllegalStateException("initialize the reader with an input split first");
        }
        return sources;
    }

    @Override
    public final void initialize(Configuration conf, InputSplit split) {
        setConf(conf);
        initialize(split);
    }

    @Override
    public boolean hasNext() {
        return position < size();
    }

    @Override
    public List<Writable> next() {
        return nextRecord().getRecord();
    }

    @Override
    public boolean batchesSupported() {
        return true;
    }

    /**
     * The next records, fewer at the end, made side by side. Where one of them cannot be made, its error is thrown, that
     * of the first of several; the next call goes on after this one's records.
     *
     * @throws CancellationException if the calling thread is interrupted; no record is being made any more then
     * @throws IllegalStateException after {@link #close()}
     */
    @Override
    public List<List<Writable>> next(int count) {
        return nextRecords(count).stream().map(Record::getRecord).toList();
    }

    @Override
    public Record nextRecord() {
        if (!hasNext()) {
            throw new NoSuchElementException("no more records; reset the reader to start over");
        }
        return nextRecords(1).get(0);
    }

    private List<Record> nextRecords(int count) {
        if (closed) {
            throw new IllegalStateException("this reader is closed; initialize it again, or make another");
        }
        order = order == null ? order(epoch) : order;
        int first = position;
        position += Math.min(count, size() - position);
        Record[] made = new Record[position - first];
        if (threads == 1 || made.length < 2) {
            Arrays.setAll(made, i -> recordAt(order[first + i], i));
        } else {
            makeSideBySide(first, made);
        }
        for (Record record : made) {
            invokeListeners(record);
        }
        return List.of(made);
    }

    private void makeSideBySide(int first, Record[] made) {
        workers = workers == null ? new Workers("records", threads) : workers;
        try {
            workers.forEach(made.length, i -> made[i] = recordAt(order[first + i], i), Progress.NONE);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException("interrupted while records were made");
        }
    }

    @Override
    public List<Record> loadFromMetaData(List<RecordMetaData> metaData) {
        return metaData.stream().map(this::loadFromMetaData).toList();
    }

    @Override
    public abstract Record loadFromMetaData(RecordMetaData metaData);

    @Override
    public abstract void initialize(InputSplit split);

    @Override
    public void reset() {
        size();
        begin(epoch + 1, 0);
    }

    @Override
    public boolean resetSupported() {
        return true;
    }

    @Override
    public void setConf(Configuration conf) {
        configuration = conf;
    }

    @Override
    public Configuration getConf() {
        return configuration;
    }

    /** Ends the threads that make records. A closed reader can be initialized again. */
    @Override
    public void close() {
        closed = true;
        if (workers != null) {
            workers.close();
            workers = null;
        }
    }

    private void writeObject(ObjectOutputStream out) throws NotSerializableException {
        throw new NotSerializableException(getClass().getSimpleName() + ": make one reader per process");
    }
}
