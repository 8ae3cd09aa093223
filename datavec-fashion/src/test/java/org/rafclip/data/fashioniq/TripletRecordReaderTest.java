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
import java.util.List;
import java.util.NoSuchElementException;
import org.datavec.api.records.Record;
import org.datavec.api.split.CollectionInputSplit;
import org.datavec.api.split.FileSplit;
import org.datavec.api.writable.Writable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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
