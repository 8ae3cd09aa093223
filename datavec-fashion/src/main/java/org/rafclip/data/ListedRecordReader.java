package org.rafclip.data;

import java.io.NotSerializableException;
import java.io.ObjectOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;
import org.datavec.api.conf.Configuration;
import org.datavec.api.records.Record;
import org.datavec.api.records.metadata.RecordMetaData;
import org.datavec.api.records.reader.BaseRecordReader;
import org.datavec.api.split.InputSplit;
import org.datavec.api.writable.Writable;

/** What readers of a known number of records, each made when it is asked for, have in common. Not serializable. */
public abstract class ListedRecordReader extends BaseRecordReader {

    private static final long serialVersionUID = 1L;

    private transient Configuration configuration;
    private int position;
    private int epoch;

    /**
     * How many records there are.
     *
     * @throws IllegalStateException before {@link #initialize(InputSplit)}
     */
    protected abstract int size();

    /** Makes a record, by its position from 0. */
    protected abstract Record recordAt(int position);

    /** How often the reader was {@link #reset}. */
    protected final int epoch() {
        return epoch;
    }

    /** To be called by {@link #initialize(InputSplit)}. */
    protected final void startOver() {
        position = 0;
        epoch = 0;
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

    /** The next records, fewer at the end. */
    @Override
    public List<List<Writable>> next(int count) {
        List<List<Writable>> records = new ArrayList<>();
        while (records.size() < count && hasNext()) {
            records.add(next());
        }
        return records;
    }

    @Override
    public Record nextRecord() {
        if (!hasNext()) {
            throw new NoSuchElementException("no more records; reset the reader to start over");
        }
        Record record = recordAt(position);
        position++;
        invokeListeners(record);
        return record;
    }

    @Override
    public List<Record> loadFromMetaData(List<RecordMetaData> metaData) {
        List<Record> records = new ArrayList<>();
        for (RecordMetaData one : metaData) {
            records.add(loadFromMetaData(one));
        }
        return records;
    }

    @Override
    public abstract Record loadFromMetaData(RecordMetaData metaData);

    @Override
    public abstract void initialize(InputSplit split);

    @Override
    public void reset() {
        size();
        position = 0;
        epoch++;
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

    @Override
    public void close() {}

    private void writeObject(ObjectOutputStream out) throws NotSerializableException {
        throw new NotSerializableException(getClass().getSimpleName() + ": make one reader per process");
    }
}
