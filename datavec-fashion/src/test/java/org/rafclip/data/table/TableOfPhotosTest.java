package org.rafclip.data.table;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.datavec.api.split.FileSplit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.Progress;
import org.rafclip.data.SharedData;
import org.rafclip.data.check.DataCheck;
import org.rafclip.data.composed.ComposedTriplets;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.data.drawn.DrawnData;
import org.rafclip.data.image.ImageReader;
import org.rafclip.data.prepare.Preparation;
import org.rafclip.data.region.FashionRecordReader;
import org.rafclip.data.region.RegionSettings;
import org.rafclip.data.segment.MaskCache;
import org.rafclip.data.segment.WholeBoxSegmenter;
import org.rafclip.data.text.DominantColor;

/** Tables whose photos are there. */
class TableOfPhotosTest {

    @TempDir
    private Path dir;

    @Test
    void theTableOfDrawnPhotosSaysWhatTheirAnnotationFilesSay() throws Exception {
        DrawnData.write(dir, new DrawnData.Drawing(60, 96, 3), 2, Progress.NONE);
        PhotoTable table = PhotoTable.open(
                dir.resolve(DrawnData.TABLE),
                new TableSettings(
                        null,
                        List.of("texture", "sleeve_length", "dress_length", "neckline", "fabric", "fit"),
                        Map.of()));

        assertThat(table.splits()).isEqualTo(FashionSplit.available(dir));
        for (String name : table.splits()) {
            FashionSplit listed = table.split(name);
            FashionSplit annotated = FashionSplit.read(dir, name);
            assertThat(listed.items()).hasSameSizeAs(annotated.items());
            for (int i = 0; i < listed.items().size(); i++) {
                FashionItem one = listed.items().get(i);
                FashionItem other = annotated.items().get(i);
                assertThat(one.image()).isEqualTo(other.image());
                assertThat(one.box()).isEqualTo(other.box());
                assertThat(one.category()).isEqualTo(other.category());
                assertThat(listed.taxonomy().words(one))
                        .isEqualTo(annotated.taxonomy().words(other));
                assertThat(one.captions()).hasSize(1);
            }
        }
        assertThat(DataCheck.run(table.file(), new ImageReader(), 2, Progress.NONE)
                        .usable())
                .isTrue();
        ComposedTriplets triplets =
                ComposedTriplets.draw(table.taxonomy(), table.all().items(), ComposedTriplets.Drawing.of(2, 1));
        assertThat(triplets.triplets()).isNotEmpty();

        try (FashionRecordReader reader = new FashionRecordReader(
                new ImageReader(),
                new MaskCache(dir.resolve("cache"), new WholeBoxSegmenter()),
                new RegionSettings(
                        Preparation.parse("crop | squash(32) | normalize(clip)"),
                        Preparation.parse("crop | squash(32) | normalize(clip)"),
                        DominantColor.Palette.NINE,
                        "clothing"),
                1)) {
            reader.initialize(new FileSplit(table.file().toFile()));
            assertThat(reader.next(60)).hasSize(60);
        }
    }

    @Test
    void realPhotosWithoutBoxes() throws IOException, InterruptedException {
        Path data = SharedData.require("clothing-cc0");
        TableSettings settings = new TableSettings(data.resolve("images"), List.of(), Map.of("category", "label"));
        List<String> rows = Files.readAllLines(data.resolve("images.csv"));
        // a copy of its head, so that not all of them are decoded
        Path some = Files.write(dir.resolve("some.csv"), rows.subList(0, 101));

        FashionSplit all = PhotoTable.open(data.resolve("images.csv"), settings).split("train");
        assertThat(all.items()).hasSize(3200);
        assertThat(all.items().get(0).image()).endsWith(".jpg");
        assertThat(all.taxonomy().groups().stream().map(group -> group.name() + group.attributes()))
                .containsExactly("kids[not kids, kids]");
        assertThat(all.items().stream().map(FashionItem::category).distinct()).hasSize(17);

        DataCheck.Report report = DataCheck.table(some, settings, Optional.of(new ImageReader()), 2, Progress.NONE);
        assertThat(report.usable()).as(report.render(10)).isTrue();
        assertThat(report.splits().get(0).edgeBoxes()).isEmpty();
    }

    @Test
    void onePhotoInTwoSplitsIsFound() throws IOException, InterruptedException {
        Path data = SharedData.require("clothing-cc0");
        List<String> rows = Files.readAllLines(data.resolve("images.csv"));
        String first = rows.get(1).split(",")[0];
        Path table = Files.writeString(
                dir.resolve("t.csv"),
                "image,fit,split\n%1$s,a,train\n%1$s,b,val\nnone,a,train\n%2$s,b,val\n"
                        .formatted(first, rows.get(2).split(",")[0]));
        DataCheck.Report report = DataCheck.table(
                table,
                new TableSettings(data.resolve("images"), List.of(), Map.of()),
                Optional.of(new ImageReader()),
                2,
                Progress.NONE);

        assertThat(report.duplicates()).hasSize(1);
        assertThat(report.duplicates().get(0).betweenSplits()).isTrue();
        assertThat(report.usable()).isFalse();
        assertThat(report.render(5)).contains("photos in more than one split: 1", "missing photos: 1");
    }
}
