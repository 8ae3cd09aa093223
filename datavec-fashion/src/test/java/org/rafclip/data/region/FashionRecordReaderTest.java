package org.rafclip.data.region;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.NotSerializableException;
import java.io.ObjectOutputStream;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Set;
import java.util.TreeSet;
import org.datavec.api.conf.Configuration;
import org.datavec.api.records.Record;
import org.datavec.api.records.listener.RecordListener;
import org.datavec.api.records.metadata.RecordMetaDataLine;
import org.datavec.api.records.reader.RecordReader;
import org.datavec.api.split.CollectionInputSplit;
import org.datavec.api.split.FileSplit;
import org.datavec.api.writable.NDArrayWritable;
import org.datavec.api.writable.Writable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.data.DataException;
import org.rafclip.data.DrawnPhotos;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.data.image.ImageReader;
import org.rafclip.data.region.FashionRecordReader.Column;
import org.rafclip.data.segment.GrabCutSegmenter;
import org.rafclip.data.segment.MaskCache;

/** The contract of {@link RecordReader}, kept with and without random steps. */
class FashionRecordReaderTest {

    @TempDir
    static Path dir;

    @BeforeAll
    static void writeData() throws IOException {
        DrawnPhotos.plain(dir, "train", 7);
        DrawnPhotos.plain(dir, "val", 3);
    }

    private static FashionRecordReader reader(String steps) {
        return new FashionRecordReader(
                new ImageReader(),
                new MaskCache(dir.resolve("masks"), new GrabCutSegmenter()),
                RegionSettings.regions("mean", steps),
                5);
    }

    private static File list(String split) {
        return dir.resolve("Anno_fine/" + split + ".txt").toFile();
    }

    private static FashionRecordReader initialized(String steps) {
        FashionRecordReader reader = reader(steps);
        reader.initialize(new FileSplit(list("train")));
        return reader;
    }

    private static List<List<Writable>> rest(RecordReader reader) {
        List<List<Writable>> records = new ArrayList<>();
        while (reader.hasNext()) {
            records.add(reader.next());
        }
        return records;
    }

    private static final String PLAIN = "squash(16) | normalize(clip)";
    private static final String RANDOM = "squash(20) | random-crop(16) | normalize(clip)";

    @Test
    void columnsAreAsDocumented() {
        List<Writable> record = initialized(PLAIN).next();

        assertThat(record).hasSize(FashionRecordReader.FIRST_ATTRIBUTE + 6);
        assertThat(record.get(Column.ID.ordinal())).hasToString("img/train0.png");
        assertThat(record.get(Column.COLOR.ordinal())).hasToString("red");
        assertThat(record.get(Column.CATEGORY.ordinal())).hasToString("clothing");
        assertThat(record.subList(FashionRecordReader.FIRST_ATTRIBUTE, record.size()))
                .allSatisfy(label -> assertThat(label.toInt()).isZero());
        INDArray crop = ((NDArrayWritable) record.get(Column.CROP.ordinal())).get();
        INDArray region = ((NDArrayWritable) record.get(Column.REGION.ordinal())).get();
        assertThat(crop.shape()).containsExactly(1, 3, 16, 16);
        assertThat(crop.dataType()).isEqualTo(DataType.FLOAT);
        assertThat(crop.ordering()).isEqualTo('c');
        assertThat(region.shape()).containsExactly(1, 3, 16, 16);
        assertThat(region).isNotEqualTo(crop);
    }

    @Test
    void aPassGivesEveryRecordOnceAndThenEnds() {
        FashionRecordReader reader = initialized(PLAIN);

        assertThat(rest(reader)).hasSize(7);
        assertThat(reader.hasNext()).isFalse();
        assertThatThrownBy(reader::next)
                .isInstanceOf(NoSuchElementException.class)
                .hasMessageContaining("reset");
    }

    @Test
    void resetStartsOverAndInitializeTooWithTheSameRecords() {
        FashionRecordReader reader = initialized(PLAIN);
        List<List<Writable>> first = rest(reader);
        assertThat(reader.resetSupported()).isTrue();
        reader.reset();
        assertThat(rest(reader)).isEqualTo(first);

        FashionRecordReader random = initialized(RANDOM);
        List<List<Writable>> drawn = rest(random);
        random.reset();
        assertThat(rest(random)).as("another pass draws anew").isNotEqualTo(drawn);
        random.initialize(new FileSplit(list("train")));
        assertThat(rest(random)).as("a new start draws the same").isEqualTo(drawn);
    }

    @Test
    void nextRecordCarriesTheMetadataThatLoadsIt() throws IOException {
        FashionRecordReader reader = initialized(RANDOM);
        List<Record> records = new ArrayList<>();
        while (reader.hasNext()) {
            records.add(reader.nextRecord());
        }

        assertThat(records.get(2).getMetaData().getURI())
                .isEqualTo(list("train").toURI());
        assertThat(((RecordMetaDataLine) records.get(2).getMetaData()).getLineNumber())
                .isEqualTo(3);
        assertThat(reader.loadFromMetaData(records.get(4).getMetaData())).isEqualTo(records.get(4));
        assertThat(reader.loadFromMetaData(
                        List.of(records.get(6).getMetaData(), records.get(0).getMetaData())))
                .containsExactly(records.get(6), records.get(0));
        assertThat(reader.hasNext()).as("loading does not move the reader").isFalse();
        assertThatThrownBy(() -> reader.loadFromMetaData(
                        new RecordMetaDataLine(8, list("train").toURI(), FashionRecordReader.class)))
                .hasMessageContaining("does not come from this reader");
    }

    @Test
    void batchesAreTheSameRecords() {
        List<List<Writable>> single = rest(initialized(PLAIN));
        FashionRecordReader reader = initialized(PLAIN);

        assertThat(reader.batchesSupported()).isTrue();
        assertThat(reader.next(3)).isEqualTo(single.subList(0, 3));
        assertThat(reader.next(3)).isEqualTo(single.subList(3, 6));
        assertThat(reader.next(3)).as("what is left").isEqualTo(single.subList(6, 7));
        assertThat(reader.next(3)).isEmpty();
    }

    @Test
    void severalListsFollowEachOther() {
        FashionRecordReader reader = reader(PLAIN);
        reader.initialize(new CollectionInputSplit(
                List.<URI>of(list("val").toURI(), list("train").toURI())));

        assertThat(rest(reader))
                .extracting(record -> record.get(0).toString())
                .startsWith("img/val0.png", "img/val1.png", "img/val2.png", "img/train0.png")
                .hasSize(10);
    }

    @Test
    void listenersHearEveryRecordAndConfigurationIsKept() {
        FashionRecordReader reader = reader(PLAIN);
        Configuration configuration = new Configuration();
        reader.initialize(configuration, new FileSplit(list("train")));
        List<Object> heard = new ArrayList<>();
        RecordListener listener = new RecordListener() {
            @Override
            public boolean invoked() {
                return !heard.isEmpty();
            }

            @Override
            public void invoke() {}

            @Override
            public void recordRead(RecordReader from, Object record) {
                heard.add(record);
            }

            @Override
            public void recordWrite(org.datavec.api.records.writer.RecordWriter to, Object record) {}
        };
        reader.setListeners(listener);

        reader.next(4);

        assertThat(heard).hasSize(4);
        assertThat(reader.getListeners()).containsExactly(listener);
        assertThat(reader.getConf()).isSameAs(configuration);
    }

    @Test
    void labelsAreTheAttributesWords() {
        assertThat(initialized(PLAIN).getLabels())
                .hasSize(26)
                .startsWith("floral")
                .endsWith("conventional");
    }

    @Test
    void misuseIsExplained() {
        FashionRecordReader reader = reader(PLAIN);
        assertThatThrownBy(reader::hasNext)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("initialize");
        assertThatThrownBy(() -> reader.initialize(
                        new FileSplit(dir.resolve("img/train0.png").toFile())))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("is not a list of images");
        assertThatThrownBy(() -> reader.initialize(new FileSplit(list("train_attr"))))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("available: train, val");
        assertThatThrownBy(() -> initialized(PLAIN).record(list("train").toURI(), null))
                .isInstanceOf(UnsupportedOperationException.class);
        assertThatThrownBy(() -> new ObjectOutputStream(new ByteArrayOutputStream()).writeObject(reader))
                .isInstanceOf(NotSerializableException.class);
    }

    @Test
    void anEpochHasOneOfSeveralCaptionsAndClassesByItsNumberAndTheGarmentsPlaceAlone() {
        FashionSplit split = FashionSplit.read(dir, "train");
        List<FashionItem> items = new ArrayList<>();
        for (FashionItem item : split.items()) {
            boolean rich = item.line() > 1;
            items.add(item.withCaptions(rich ? List.of("a", "b", "c") : List.of())
                    .withFurther(rich ? Map.of(0, List.of(5)) : Map.of()));
        }
        RegionLoader loader = new RegionLoader(
                split,
                new ImageReader(),
                new MaskCache(dir.resolve("masks"), new GrabCutSegmenter()),
                RegionSettings.regions("mean", PLAIN),
                0);
        Set<String> captions = new TreeSet<>();
        int further = 0;
        try (FashionRecordReader whole =
                        new FashionRecordReader(loader, items, new FashionRecordReader.Options(true, 4, 1));
                FashionRecordReader sought =
                        new FashionRecordReader(loader, items, new FashionRecordReader.Options(true, 4, 3))) {
            for (int epoch = 0; epoch < 8; epoch++) {
                List<List<Writable>> records = whole.next(7);
                whole.reset();
                sought.seek(epoch, 3);
                assertThat(sought.position()).isEqualTo(3);
                assertThat(sought.next(4)).isEqualTo(records.subList(3, 7));
                for (List<Writable> record : records) {
                    String caption = record.get(Column.CAPTION.ordinal()).toString();
                    int label = record.get(FashionRecordReader.FIRST_ATTRIBUTE).toInt();
                    FashionItem item = items.stream()
                            .filter(one ->
                                    record.get(Column.ID.ordinal()).toString().equals(one.id()))
                            .findFirst()
                            .orElseThrow();
                    if (item.captions().isEmpty()) {
                        assertThat(caption).isEmpty();
                        assertThat(label).isEqualTo(item.attributes().get(0));
                    } else {
                        captions.add(caption);
                        assertThat(item.classes(0)).contains(label);
                        further += label == 5 ? 1 : 0;
                    }
                    assertThat(record.get(FashionRecordReader.FIRST_ATTRIBUTE + 1)
                                    .toInt())
                            .isEqualTo(item.attributes().get(1));
                }
            }
        }
        assertThat(captions).containsExactly("a", "b", "c");
        assertThat(further).isBetween(10, 38);
    }
}
