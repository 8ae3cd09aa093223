package org.rafclip.data.fashioniq;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.DataException;
import org.rafclip.data.DrawnPhotos;
import org.rafclip.data.SharedData;
import org.rafclip.data.deepfashion.AttributeTaxonomy.Group;

class FashionIqTest {

    private static final String ENTRIES = """
            [
             {"target": "B", "candidate": "A", "captions": ["is red", "has dots"]},
             {"candidate": "C", "target": "A", "captions": ["", "Is Longer."]}
            ]""";

    @TempDir
    Path dir;

    @BeforeEach
    void writeData() throws IOException {
        write("captions/cap.dress.val.json", ENTRIES);
        write("image_splits/split.dress.val.json", "[\"D\", \"C\", \"B\", \"A\"]");
    }

    private Path write(String name, String text) throws IOException {
        Path file = dir.resolve(name);
        Files.createDirectories(file.getParent());
        return Files.writeString(file, text);
    }

    private QuerySet queries(GalleryKind kind, CaptionForm form, String missing, boolean partial) {
        return FashionIq.open(dir).queries("dress", "val", kind, form, id -> missing.indexOf(id) < 0, partial);
    }

    @Test
    void readsTriplets() throws IOException {
        FashionIq data = FashionIq.open(dir);
        assertThat(data.categories()).containsExactly("dress");
        assertThat(data.splits("dress")).containsExactly("val");
        List<Triplet> triplets = data.triplets("dress", "val");
        assertThat(triplets).hasSize(2);
        assertThat(triplets.get(0).reference()).isEqualTo("A");
        assertThat(triplets.get(0).target()).contains("B");
        assertThat(triplets.get(0).captions()).containsExactly("is red", "has dots");
        assertThat(triplets.get(1)).extracting(Triplet::index, Triplet::line).containsExactly(1, 3);
        assertThat(data.imageIds("dress", "val")).containsExactly("D", "C", "B", "A");

        write("captions/cap.dress.test.json", "[{\"candidate\": \"A\", \"captions\": [\"is red\"]}]");
        write("image_splits/split.dress.test.json", "[\"A\"]");
        assertThat(data.triplets("dress", "test").get(0).target()).isEmpty();
        assertThatThrownBy(() ->
                        data.queries("dress", "test", GalleryKind.ORIGINAL, CaptionForm.JOINED, id -> true, false))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("cap.dress.test.json:1: entry 1: has no target")
                .hasMessageContaining("such as val");
    }

    @Test
    void galleriesAndQueries() {
        QuerySet original = queries(GalleryKind.ORIGINAL, CaptionForm.JOINED, "", false);
        assertThat(original.gallery()).containsExactly("D", "C", "B", "A");
        assertThat(original.queries())
                .extracting(QuerySet.Query::text)
                .containsExactly("Is red and has dots", "Is longer");
        assertThat(original.queries())
                .extracting(QuerySet.Query::referenceIndex)
                .containsExactly(OptionalInt.of(3), OptionalInt.of(1));
        assertThat(original.right(0)).containsExactly(2);
        assertThat(original.right(1)).containsExactly(3);
        QuerySet single = queries(GalleryKind.VAL_SPLIT, CaptionForm.SINGLE, "", false);
        assertThat(single.gallery()).containsExactly("C", "B", "A");
        assertThat(single.queries())
                .extracting(QuerySet.Query::text)
                .containsExactly("Is red", "Has dots", "Is longer");
        assertThat(single.queries()).extracting(QuerySet.Query::triplet).containsExactly(0, 0, 1);
    }

    @Test
    void deadDownloadsCountAsMissingAndAreNamed() throws IOException {
        DrawnPhotos.plain(dir.resolve("drawn"), "train", 2);
        Path images = Files.createDirectories(dir.resolve("images/dress"));
        Files.copy(dir.resolve("drawn/img/train0.png"), images.resolve("A.png"));
        Files.copy(dir.resolve("drawn/img/train1.png"), images.resolve("B.png"));
        Files.write(images.resolve("C.jpg"), new byte[0]);
        Files.writeString(images.resolve("D.jpg"), "<html>not found</html>");
        FashionIq there = FashionIq.open(dir);

        assertThat(there.images().entry("A")).contains("dress/A.png");
        assertThat(there.images().has("A")).isTrue();
        assertThat(there.images().has("C")).isFalse();
        Coverage coverage = there.coverage("dress", "val", GalleryKind.ORIGINAL);
        assertThat(coverage.missing()).containsExactly("D", "C");
        assertThat(coverage.unreadable()).hasSize(2);
        assertThat(coverage.toString())
                .contains("2 of 4 images are there, missing D, C; 2 of these are there but cannot be read: ")
                .contains("D.jpg", "C.jpg: the file is empty");
        QuerySet partial =
                there.queries("dress", "val", GalleryKind.ORIGINAL, CaptionForm.JOINED, there.images()::has, true);
        assertThat(partial.gallery()).containsExactly("B", "A");
    }

    @Test
    void aPartialGalleryIsRefusedUnlessAllowed() {
        assertThatThrownBy(() -> queries(GalleryKind.ORIGINAL, CaptionForm.JOINED, "DC", false))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("dress val, original gallery: 2 of 4 images are there, missing D, C")
                .hasMessageContaining("allow a partial gallery");
        QuerySet partial = queries(GalleryKind.ORIGINAL, CaptionForm.JOINED, "DC", true);
        assertThat(partial.gallery()).containsExactly("B", "A");
        assertThat(partial.queries()).hasSize(1);
        assertThat(partial.right(0)).containsExactly(0);
        assertThat(partial.dropped()).isEqualTo(1);
        assertThat(partial.coverage().missing()).containsExactly("D", "C");
        assertThat(queries(GalleryKind.VAL_SPLIT, CaptionForm.JOINED, "D", false)
                        .coverage()
                        .complete())
                .as("D is in no triplet")
                .isTrue();
        assertThatThrownBy(() -> queries(GalleryKind.ORIGINAL, CaptionForm.JOINED, "A", true))
                .hasMessageContaining("nothing to measure");
    }

    @Test
    void findsImagesByIdAndReportsTheOthers() throws IOException {
        DrawnPhotos.plain(dir.resolve("drawn"), "train", 1);
        Path photo = dir.resolve("drawn/img/train0.png");
        Files.createDirectories(dir.resolve("images"));
        for (String file : List.of("images/A.jpg", "images/B.PNG", "images/C.txt", "E.jpg")) {
            Files.copy(photo, dir.resolve(file));
        }
        FashionIq data = FashionIq.open(dir);
        assertThat(data.images().entry("A")).contains("A.jpg");
        assertThat(data.images().entry("B")).contains("B.PNG");
        assertThat(data.images().entry("A.jpg")).contains("A.jpg");
        assertThat(data.images().entry("../E")).isEmpty();
        Coverage coverage = data.coverage("dress", "val", GalleryKind.ORIGINAL);
        assertThat(coverage.present()).isEqualTo(2);
        assertThat(coverage.missing()).containsExactly("D", "C");
        assertThat(FashionIq.open(dir, dir.resolve("nowhere"))
                        .coverage("dress", "val", GalleryKind.VAL_SPLIT)
                        .missing())
                .containsExactly("C", "B", "A");
    }

    @Test
    void everyImageWithTheTargetsLabelsIsRight() throws IOException {
        ImageLabels labels = new ImageLabels(
                List.of(new Group("color", List.of("red", "blue")), new Group("form", List.of("long", "short"))),
                Map.of("A", List.of(0, 1), "B", List.of(1, 1), "C", List.of(1, 0), "D", List.of(1, 1)));
        write("labels/labels.dress.val.json", labels.toJson());
        assertThat(FashionIq.open(dir).labels("dress", "val")).contains(labels);
        assertThat(queries(GalleryKind.ORIGINAL, CaptionForm.JOINED, "", false).right(0))
                .containsExactly(0, 2);
        assertThat(queries(GalleryKind.VAL_SPLIT, CaptionForm.JOINED, "", false).right(0))
                .containsExactly(1);

        write(
                "labels/labels.dress.val.json",
                labels.toJson().replace("\"B\":[1,1]", "\"B\":[1,-1]").replace("\"D\":[1,1]", "\"D\":[1,-1]"));
        assertThatThrownBy(() -> queries(GalleryKind.ORIGINAL, CaptionForm.JOINED, "", false))
                .as("missing labels are not equal")
                .hasMessageContaining("the labels of B, a target, are not complete");
        write("labels/labels.dress.val.json", labels.toJson().replace("\"B\":[1,1]", "\"B\":[1,2]"));
        assertThatThrownBy(() -> FashionIq.open(dir).labels("dress", "val"))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("labels.dress.val.json")
                .hasMessageContaining("[1, 2] of image 'B' do not fit the groups");
        write("labels/labels.dress.val.json", labels.toJson().replace("\"B\"", "\"X\""));
        assertThatThrownBy(() -> queries(GalleryKind.ORIGINAL, CaptionForm.JOINED, "", false))
                .hasMessageContaining("image 'B' has no entry among the labels");
    }

    @Test
    void namesFileAndEntryOfWhatIsWrong() throws IOException {
        String good = "{\"target\": \"B\", \"candidate\": \"A\", \"captions\": [\"is red\"]}";
        refuses(good + ",\n {\"target\": \"B\", \"captions\": [\"x\"]}", ":2: entry 2: has no 'candidate'");
        refuses("{\"target\": \"B\", \"candidate\": \"A\"}", ":1: entry 1: has no 'captions'");
        refuses(good.replace("is red", " .,"), ":1: entry 1: says nothing");
        refuses(good.replace("[\"is red\"]", "[]"), "has 0 captions");
        refuses(good.replace("[\"is red\"]", "\"is red\""), "'captions' is no array");
        refuses(good.replace("\"is red\"", "3"), "a caption is no text");
        refuses(good.replace("\"A\"", "\"X\""), "image 'X' is not in " + dir.resolve("image_splits"));
        refuses(good.replace("\"A\"", "\"B\""), "image 'B' is both reference and target");
        refuses(good.replace("\"target\"", "\"goal\""), "unknown key 'goal'");
        refuses(good + ", {\"candidate\": \"A\", \"captions\": [\"x\"]}", "entry 2: has no target, while entry 1 has");
        refuses(good + ", {\"target\"", "is broken JSON");
        refuses(good.replace("\"A\"", "9".repeat(2_000)), "is broken JSON");
        refuses(good.replace("}", ", \"target\": \"B\"}"), "Duplicate");
        refuses("", "has no entry");
        refuses("3", "entry 1: is no object");
        write("captions/cap.dress.val.json", "{}");
        assertThatThrownBy(() -> FashionIq.open(dir).triplets("dress", "val")).hasMessageContaining("is no JSON array");
        write("captions/cap.dress.val.json", ENTRIES + "x");
        assertThatThrownBy(() -> FashionIq.open(dir).triplets("dress", "val")).isInstanceOf(DataException.class);
        write("image_splits/split.dress.val.json", "[\"A\", \"B\",\n \"A\"]");
        assertThatThrownBy(() -> FashionIq.open(dir).imageIds("dress", "val"))
                .hasMessageContaining("split.dress.val.json:2: entry 3: image 'A' is listed twice");
    }

    private void refuses(String entries, String message) throws IOException {
        write("captions/cap.dress.val.json", "[" + entries + "]");
        assertThatThrownBy(() -> FashionIq.open(dir).triplets("dress", "val"))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("cap.dress.val.json")
                .hasMessageContaining(message);
    }

    @Test
    void namesWhatIsNotThere() throws IOException {
        assertThatThrownBy(() -> FashionIq.open(dir.resolve("images")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("name the folder of the FashionIQ data");
        assertThatThrownBy(() -> FashionIq.open(dir).triplets("shirt", "val"))
                .hasMessageContaining("cap.shirt.val.json: no such file; available: dress val");
        Files.delete(dir.resolve("image_splits/split.dress.val.json"));
        assertThatThrownBy(() -> FashionIq.open(dir).triplets("dress", "val"))
                .hasMessageContaining("split.dress.val.json: no such file");
    }

    @Test
    void theReleaseHasItsPublishedCounts() {
        FashionIq data = FashionIq.open(SharedData.require("fashioniq"));
        List<String> categories = List.of("dress", "shirt", "toptee");
        assertThat(data.categories()).isEqualTo(categories);
        int train = 0;
        int[] original = new int[3];
        int[] valSplit = new int[3];
        int[] queries = new int[3];
        int[] single = new int[3];
        for (int i = 0; i < 3; i++) {
            String category = categories.get(i);
            assertThat(data.splits(category)).containsExactly("test", "train", "val");
            train += data.triplets(category, "train").size();
            QuerySet joined =
                    data.queries(category, "val", GalleryKind.ORIGINAL, CaptionForm.JOINED, id -> true, false);
            QuerySet each = data.queries(category, "val", GalleryKind.VAL_SPLIT, CaptionForm.SINGLE, id -> true, false);
            original[i] = joined.gallery().size();
            valSplit[i] = each.gallery().size();
            queries[i] = joined.queries().size();
            single[i] = each.queries().size();
            assertThat(data.triplets(category, "test"))
                    .allMatch(triplet -> triplet.target().isEmpty());
            Set<String> val = new HashSet<>(data.imageIds(category, "val"));
            assertThat(data.imageIds(category, "train")).noneMatch(val::contains);
            assertThat(data.coverage(category, "val", GalleryKind.ORIGINAL).present())
                    .isZero();
        }
        assertThat(train).isEqualTo(18_000);
        assertThat(Arrays.stream(queries).sum()).isEqualTo(6_016);
        assertThat(original).containsExactly(3_817, 6_346, 5_373);
        assertThat(valSplit).containsExactly(2_628, 3_089, 2_902);
        assertThat(queries).containsExactly(2_017, 2_038, 1_961);
        // three of the released captions are blank
        assertThat(single).containsExactly(2 * 2_017, 2 * 2_038 - 1, 2 * 1_961 - 2);
    }
}
