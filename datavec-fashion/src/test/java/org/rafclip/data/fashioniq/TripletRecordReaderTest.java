package org.rafclip.data.fashioniq;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.NotSerializableException;
import java.io.ObjectOutputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import org.datavec.api.records.Record;
import org.datavec.api.records.metadata.RecordMetaDataIndex;
import org.datavec.api.split.CollectionInputSplit;
import org.datavec.api.split.FileSplit;
import org.datavec.api.writable.Writable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.Seeds;

class TripletRecordReaderTest {

    @TempDir
    static Path dir;

    @BeforeAll
    static void writeData() throws IOException {
        write("captions/cap.dress.val.json", """
                [{"target": "B", "candidate": "A", "captions": ["is red", "has dots"]},
                 {"candidate": "B", "target": "A", "captions": ["", "Is Longer."]}]""");
        write("image_splits/split.dress.val.json", "[\"A\", \"B\"]");
        write("captions/cap.shirt.test.json", "[{\"candidate\": \"C\", \"captions\": [\"is blue\", \"is wide\"]}]");
        write("image_splits/split.shirt.test.json", "[\"C\"]");
    }

    private static void write(String name, String text) throws IOException {
        Path file = dir.resolve(name);
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
    }

    private static CollectionInputSplit both() {
        return new CollectionInputSplit(List.of(uri("cap.dress.val.json"), uri("cap.shirt.test.json")));
    }

    private static URI uri(String name) {
        return dir.resolve("captions").resolve(name).toUri();
    }

    private static List<List<String>> rest(TripletRecordReader reader) {
        List<List<String>> records = new ArrayList<>();
        while (reader.hasNext()) {
            records.add(reader.next().stream().map(Writable::toString).toList());
        }
        return records;
    }

    @Test
    void aRecordForEachQuery() {
        TripletRecordReader reader = TripletRecordReader.forEvaluation(CaptionForm.SINGLE);
        reader.initialize(both());
        List<List<String>> all = List.of(
                List.of("dress", "A", "B", "Is red"),
                List.of("dress", "A", "B", "Has dots"),
                List.of("dress", "B", "A", "Is longer"),
                List.of("shirt", "C", "", "Is blue"),
                List.of("shirt", "C", "", "Is wide"));
        assertThat(rest(reader)).isEqualTo(all);
        assertThatThrownBy(reader::next).isInstanceOf(NoSuchElementException.class);
        reader.reset();
        assertThat(reader.next(2)).hasSize(2);
        assertThat(reader.next(9)).hasSize(3);

        TripletRecordReader joined = TripletRecordReader.forEvaluation(CaptionForm.JOINED);
        joined.initialize(
                new FileSplit(dir.resolve("captions/cap.dress.val.json").toFile()));
        assertThat(rest(joined))
                .containsExactly(
                        List.of("dress", "A", "B", "Is red and has dots"), List.of("dress", "B", "A", "Is longer"));
    }

    @Test
    void trainingTextsComeFromSeedEpochAndPosition() {
        TripletRecordReader reader = TripletRecordReader.forTraining(7);
        reader.initialize(both());
        for (int epoch = 0; epoch < 4; epoch++) {
            List<List<String>> records = rest(reader);
            assertThat(records).hasSize(3);
            assertThat(records.get(0).get(3)).isEqualTo(Captions.training(List.of("is red", "has dots"), 7, epoch, 0));
            assertThat(records.get(2).get(3)).isEqualTo(Captions.training(List.of("is blue", "is wide"), 7, epoch, 2));
            reader.reset();
        }
    }

    @Test
    void shufflingDrawsTheOrderFromSeedAndEpochAndKeepsEachTripletsText() {
        List<Triplet> triplets = triplets(40);
        TripletRecordReader reader = TripletRecordReader.forTraining(7).shuffled(3);
        reader.initialize(triplets);
        Set<List<List<String>>> orders = new HashSet<>();
        for (int epoch = 0; epoch < 3; epoch++) {
            int[] order = Seeds.permutation(40, Seeds.stream(3, epoch, 1, 0));
            reader.seek(epoch, 0);
            List<List<String>> records = rest(reader);
            for (int i = 0; i < order.length; i++) {
                Triplet triplet = triplets.get(order[i]);
                assertThat(records.get(i))
                        .containsExactly(
                                "drawn",
                                triplet.reference(),
                                triplet.target().orElseThrow(),
                                Captions.training(triplet.captions(), 7, epoch, order[i]));
            }
            orders.add(records);

            reader.seek(epoch, 13);
            assertThat(rest(reader)).as("from the middle").isEqualTo(records.subList(13, 40));
        }
        assertThat(orders).hasSize(3);
    }

    @Test
    void resettingGoesOnToTheNextEpoch() {
        TripletRecordReader reader = TripletRecordReader.forTraining(7).shuffled(7);
        reader.initialize(triplets(9));
        reader.seek(1, 0);
        List<List<String>> second = rest(reader);
        reader.seek(0, 8);
        reader.next(5);
        reader.reset();

        assertThat(rest(reader)).isEqualTo(second);
    }

    @Test
    void tripletsWithoutTheirImagesAreLeftOutAndTheOthersCountedOn() {
        List<Triplet> triplets = triplets(6);
        TripletRecordReader reader =
                TripletRecordReader.forTraining(7).withImages(id -> !id.equals("r1") && !id.equals("t4"));
        reader.initialize(triplets);

        assertThat(reader.leftOut()).isEqualTo(2);
        assertThat(rest(reader)).extracting(record -> record.get(1)).containsExactly("r0", "r2", "r3", "r5");
        reader.reset();
        List<List<String>> records = rest(reader);
        for (int i = 0; i < 4; i++) {
            Triplet triplet = triplets.get(List.of(0, 2, 3, 5).get(i));
            assertThat(records.get(i).get(3)).isEqualTo(Captions.training(triplet.captions(), 7, 1, i));
        }
        reader.seek(0, 3);
        Record last = reader.nextRecord();
        assertThat(((RecordMetaDataIndex) last.getMetaData()).getIndex())
                .as("its place in the list")
                .isEqualTo(5);
        assertThat(reader.loadFromMetaData(last.getMetaData())).isEqualTo(last);

        TripletRecordReader published =
                TripletRecordReader.forEvaluation(CaptionForm.JOINED).withImages(id -> true);
        published.initialize(both());
        assertThat(rest(published)).hasSize(2);
        assertThat(published.leftOut()).as("its target is not published").isEqualTo(1);
    }

    private static List<Triplet> triplets(int count) {
        return IntStream.range(0, count)
                .mapToObj(i ->
                        new Triplet("drawn", "r" + i, Optional.of("t" + i), List.of("is a" + i, "has b" + i), i, i + 1))
                .toList();
    }

    @Test
    void recordsAreFoundAgainByTheirMetadata() {
        TripletRecordReader reader = TripletRecordReader.forEvaluation(CaptionForm.JOINED);
        assertThatThrownBy(reader::hasNext).hasMessageContaining("initialize");
        reader.initialize(both());
        reader.next();
        Record second = reader.nextRecord();
        assertThat(second.getMetaData().getURI()).isEqualTo(uri("cap.dress.val.json"));
        assertThat(reader.loadFromMetaData(second.getMetaData()).getRecord()).isEqualTo(second.getRecord());
        assertThat(reader.loadFromMetaData(List.of(second.getMetaData()))).hasSize(1);
    }

    @Test
    void refusesWhatItCannotDo() {
        TripletRecordReader reader = TripletRecordReader.forTraining(1);
        assertThatThrownBy(() -> reader.initialize(new CollectionInputSplit(List.of(uri("other.json")))))
                .hasMessageContaining("is no captions file such as cap.dress.val.json");
        assertThatThrownBy(() -> new ObjectOutputStream(new ByteArrayOutputStream()).writeObject(reader))
                .isInstanceOf(NotSerializableException.class);
    }
}
