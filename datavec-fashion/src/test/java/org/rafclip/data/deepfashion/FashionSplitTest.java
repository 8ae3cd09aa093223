package org.rafclip.data.deepfashion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.DataException;
import org.rafclip.data.SharedData;
import org.rafclip.data.image.Box;

class FashionSplitTest {

    /** solid, short sleeve, no dress, crew neckline, cotton, conventional. */
    private static final String FLAGS = "0 0 0 0 0 1 0  0 1 0  0 0 1  1 0 0 0  0 0 1 0 0 0  0 0 1";

    @TempDir
    Path dir;

    @BeforeEach
    void twoItems() throws IOException {
        Files.createDirectories(dir.resolve("Anno_fine"));
        write("train.txt", "img/a.jpg", "img/b.jpg");
        write("train_bbox.txt", "001 002 010 020", "5 6 7 8");
        write("train_attr.txt", "5 1 2 0 2 2", "0 -1 0 0 0 0");
    }

    private void write(String name, String... lines) throws IOException {
        Files.write(dir.resolve("Anno_fine").resolve(name), List.of(lines));
    }

    private void writeCategories() throws IOException {
        write(
                "list_category_cloth.txt",
                "3",
                "category_name  category_type",
                "Tee 1",
                "Button-Down  1",
                "Trench coat  3");
    }

    @Test
    void readsClassIndicesAndCountsBoxesFromZero() {
        FashionSplit split = FashionSplit.read(dir, "train");

        FashionItem first = split.items().get(0);
        assertThat(first.id()).isEqualTo("img/a.jpg");
        assertThat(first.box()).isEqualTo(new Box(0, 1, 9, 19));
        assertThat(first.attributes()).containsExactly(5, 1, 2, 0, 2, 2);
        assertThat(first.category()).isEmpty();
        assertThat(first.landmarks()).isEmpty();
        assertThat(first.line()).isEqualTo(1);
        assertThat(split.items().get(1).attributes()).containsExactly(0, -1, 0, 0, 0, 0);
        assertThat(split.unlabeled()).containsExactly(0, 1, 0, 0, 0, 0);
        assertThat(split.ambiguous()).containsOnly(0);
    }

    @Test
    void readsTheOfficialReleaseForm() throws IOException {
        write("train_attr.txt", FLAGS, FLAGS);
        write("train_cate.txt", "3", "1");
        writeCategories();
        write("train_landmards.txt", "3 4 0 0", "1 1 2 2");

        FashionItem item = FashionSplit.read(dir, "train").items().get(0);

        assertThat(item.attributes()).containsExactly(5, 1, 2, 0, 2, 2);
        assertThat(item.category()).isEqualTo(Optional.of("Trench coat"));
        assertThat(item.landmarks()).containsExactly(new Landmark(2, 3, true), new Landmark(0, 0, false));
    }

    @Test
    void noFlagOrSeveralFlagsOfAGroupAreNoLabelAndCounted() throws IOException {
        String none = FLAGS.replaceFirst("0 1 0  0 0 1  1", "0 0 0  0 0 1  1");
        String several = FLAGS.replaceFirst("0 1 0  0 0 1  1", "1 1 0  0 0 1  1");
        write("train_attr.txt", none, several);

        FashionSplit split = FashionSplit.read(dir, "train");

        assertThat(split.items())
                .allSatisfy(item -> assertThat(item.attributes()).containsExactly(5, -1, 2, 0, 2, 2));
        assertThat(split.unlabeled()).containsExactly(0, 1, 0, 0, 0, 0);
        assertThat(split.ambiguous()).containsExactly(0, 1, 0, 0, 0, 0);
    }

    @Test
    void anotherSplitIsReadByItsName() throws IOException {
        write("held-out.txt", "img/c.jpg");
        write("held-out_bbox.txt", "1 1 2 2");
        write("held-out_attr.txt", "0 0 0 0 0 0");

        assertThat(FashionSplit.available(dir)).containsExactly("held-out", "train");
        assertThat(FashionSplit.read(dir, "held-out").items()).hasSize(1);
    }

    @Test
    void anImageNamedAgainGetsAnIdOfItsOwn() throws IOException {
        write("train.txt", "img/a.jpg", "img/a.jpg");

        assertThat(FashionSplit.read(dir, "train").items())
                .extracting(FashionItem::id)
                .containsExactly("img/a.jpg", "img/a.jpg#2");
    }

    @Test
    void photosUnpackedInTheirReleaseFolderAreFound() throws IOException {
        Files.createDirectories(dir.resolve("Img/img"));

        assertThat(FashionSplit.read(dir, "train").imageRoot()).isEqualTo(dir.resolve("Img"));
    }

    @Test
    void anUnknownSplitListsWhatThereIs() {
        assertThatThrownBy(() -> FashionSplit.read(dir, "test"))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("no split 'test'")
                .hasMessageContaining("available: train");
        assertThatThrownBy(() -> FashionSplit.read(dir, "../train")).hasMessageContaining("available: train");
    }

    @Test
    void aWrongFolderIsNamed() {
        assertThatThrownBy(() -> FashionSplit.read(dir.resolve("nowhere"), "train"))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("nowhere")
                .hasMessageContaining("Anno_fine");
    }

    @Test
    void badLinesNameFileLineAndRemedy() throws IOException {
        write("train_bbox.txt", "1 1 2 2", "1 1 2");
        rejected("train_bbox.txt:2", "has 3 numbers", "x1 y1 x2 y2");
        write("train_bbox.txt", "9 1 2 2", "1 1 2 2");
        rejected("train_bbox.txt:1", "'9 1 2 2'", "x2 must not be below x1");
        write("train_bbox.txt", "1 1 2 2", "1 1 2 2.5");
        rejected("train_bbox.txt:2", "'2.5' is not a whole number");
        write("train_bbox.txt", "1 1 2 2");
        rejected("train_bbox.txt: has 1 lines", "train.txt has 2", "one line an image");
    }

    @Test
    void badAttributesNameTheGroup() throws IOException {
        write("train_attr.txt", "5 1 2 0 2 2", "5 3 2 0 2 2");
        rejected("train_attr.txt:2", "class 3 is not in group 'sleeve length'", "0 to 2");
        write("train_attr.txt", "5 1 2", "5 3 2");
        rejected("train_attr.txt:1", "has 3 numbers", "26 flags", "6 class indices");
        write("train_attr.txt", FLAGS, FLAGS.replaceFirst("1", "2"));
        rejected("train_attr.txt:2", "flag 2 is neither 0 nor 1");
        write("train_attr.txt", "5 1 2 0 2 2", FLAGS);
        rejected("train_attr.txt:2", "has 26 numbers", "6 numbers");
    }

    @Test
    void badCategoriesAndListsAreNamed() throws IOException {
        write("train_cate.txt", "1", "4");
        rejected("list_category_cloth.txt: no such file", "Anno_coarse");
        writeCategories();
        rejected("train_cate.txt:2", "'4' is no category", "lists 3");
        write("list_category_cloth.txt", "4", "category_name  category_type", "Tee 1");
        rejected("list_category_cloth.txt:1", "announces 4 entries, the file has 1");
        write("list_category_cloth.txt", "Tee 1", "Blazer 1", "Coat 3");
        rejected("list_category_cloth.txt:1", "'Tee 1' is not a number", "category_name category_type");
        write("list_category_cloth.txt", "1", "category_name  category_type", "Tee");
        rejected("list_category_cloth.txt:3", "'Tee' does not end in a type number");
    }

    @Test
    void aMissingFileIsNamed() throws IOException {
        Files.delete(dir.resolve("Anno_fine/train_bbox.txt"));
        rejected("train_bbox.txt: no such file");
    }

    @Test
    void allMissingFilesAreNamedAtOnceAndWhichAreOptional() throws IOException {
        Files.delete(dir.resolve("Anno_fine/train_bbox.txt"));
        Files.delete(dir.resolve("Anno_fine/train_attr.txt"));
        write("train_cate.txt", "1", "1");
        rejected(
                "train_bbox.txt: no such file",
                "train_attr.txt: no such file",
                "list_category_cloth.txt: no such file",
                "x1 y1 x2 y2",
                "Not needed are train_cate.txt",
                "train_landmarks.txt, list_attr_cloth.txt");
    }

    @Test
    void byteOrderMarksAreDropped() throws IOException {
        for (String name : List.of("train.txt", "train_bbox.txt", "train_attr.txt")) {
            Path file = dir.resolve("Anno_fine").resolve(name);
            Files.writeString(file, "\ufeff" + Files.readString(file));
        }

        FashionItem first = FashionSplit.read(dir, "train").items().get(0);

        assertThat(first.image()).isEqualTo("img/a.jpg");
        assertThat(first.box()).isEqualTo(new Box(0, 1, 9, 19));
        assertThat(first.attributes()).containsExactly(5, 1, 2, 0, 2, 2);
    }

    @Test
    void aPointerOrATextOfAnotherEncodingIsCalledWhatItIs() throws IOException {
        write("train_bbox.txt", "version https://git-lfs.github.com/spec/v1", "oid sha256:0", "size 30");
        rejected("train_bbox.txt: is a Git LFS pointer to a file of 30 bytes", "git lfs pull");
        Files.writeString(dir.resolve("Anno_fine/train_bbox.txt"), "\ufeff1 1 2 2\n", StandardCharsets.UTF_16LE);
        rejected("train_bbox.txt: is UTF-16 text: save it as UTF-8");
    }

    @Test
    void otherAttributesThanDeepFashionsNeedTheirList() throws IOException {
        write("train_attr.txt", "0 1 0", "1 0 0");
        rejected("train_attr.txt:1", "has 3 numbers", "put a list of them beside it, list_attr_cloth.txt");
    }

    @Test
    void readingOnPastBadLinesTellsThemAll() throws IOException {
        write("train_bbox.txt", "1 1", "5 6 7 8");
        List<DataException> problems = new ArrayList<>();

        FashionSplit split = FashionSplit.read(dir, "train", problems::add);

        assertThat(problems)
                .singleElement()
                .satisfies(problem -> assertThat(problem).hasMessageContaining("bbox.txt:1"));
        assertThat(split.items()).extracting(FashionItem::id).containsExactly("img/b.jpg");
    }

    private void rejected(String... parts) {
        assertThatThrownBy(() -> FashionSplit.read(dir, "train"))
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll(parts);
    }

    @Test
    void theTaxonomyFileEqualsTheBuiltInOne() {
        Path data = SharedData.require("deepfashion-fine");

        assertThat(AttributeTaxonomy.read(data.resolve("Anno_fine/list_attr_cloth.txt")))
                .isEqualTo(AttributeTaxonomy.deepFashionFine());
    }

    @Test
    void realDataHaveTheirKnownClassCounts() {
        FashionSplit split = FashionSplit.read(SharedData.require("deepfashion-fine"), "train");

        assertThat(split.items()).hasSize(5000).allSatisfy(item -> {
            assertThat(item.box().x1()).isNotNegative();
            assertThat(item.landmarks()).hasSize(8);
        });
        int[] sleeves = new int[3];
        split.items().forEach(item -> sleeves[item.attributes().get(1)]++);
        assertThat(sleeves).containsExactly(1523, 862, 2615);
    }
}
