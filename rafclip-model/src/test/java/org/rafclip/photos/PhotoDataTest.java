package org.rafclip.photos;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.DataException;
import org.rafclip.data.DrawnPhotos;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.Landmark;
import org.rafclip.data.image.Box;
import org.rafclip.data.segment.EllipseSegmenter;
import org.rafclip.data.segment.GrabCutSegmenter;
import org.rafclip.data.segment.WholeBoxSegmenter;
import org.rafclip.run.Configs;

class PhotoDataTest {

    private static final int PHOTOS = 40;

    @TempDir
    Path dir;

    @BeforeEach
    void draw() throws IOException {
        DrawnPhotos.twoGroups(dir, "train", 0, PHOTOS);
    }

    private static PhotoConfig config(Path dir, String... overrides) {
        return Configs.parse(
                "dir: '%s'\nheld-out: 0.25\ntrain: {crop: crop, region: crop}\nevaluation: {crop: crop, region: crop}\n"
                        .formatted(dir),
                "the photos",
                Arrays.asList(overrides),
                PhotoConfig.class);
    }

    private PhotoData.Parts parts(long seed, String... overrides) {
        return PhotoData.parts(new PhotoSplits(), config(dir, overrides), seed);
    }

    private static Set<String> ids(List<FashionItem> items) {
        return new HashSet<>(items.stream().map(FashionItem::id).toList());
    }

    @Test
    void aShareIsHeldOutAndTheRestIsTrainedOn() {
        PhotoData.Parts parts = parts(1);
        Set<String> all = ids(parts.train());
        all.addAll(ids(parts.validation()));

        assertThat(parts.validation()).hasSize(10);
        assertThat(parts.train()).hasSize(30);
        assertThat(all).hasSize(PHOTOS);
        assertThat(parts(1)).extracting(PhotoData.Parts::validation).isEqualTo(parts.validation());
        assertThat(ids(parts(2).validation())).isNotEqualTo(ids(parts.validation()));
        assertThat(parts(1, "held-out=0").validation()).isEmpty();
    }

    @Test
    void whatIsHeldOutDependsOnContentAndNotOnNamesOrPlaces() throws IOException {
        Set<String> heldOut = hashes(parts(1).split(), parts(1).validation());
        List<String> images = new ArrayList<>(Files.readAllLines(dir.resolve("Anno_fine/train.txt")));
        List<String> labels = Files.readAllLines(dir.resolve("Anno_fine/train_attr.txt"));
        List<Integer> order = new ArrayList<>();
        for (int i = 0; i < PHOTOS; i++) {
            String renamed = "img/renamed" + (PHOTOS - i) + ".png";
            Files.move(dir.resolve(images.get(i)), dir.resolve(renamed));
            images.set(i, renamed);
            order.add(i);
        }
        Collections.shuffle(order, new Random(3));
        Files.write(
                dir.resolve("Anno_fine/train.txt"),
                order.stream().map(images::get).toList());
        Files.write(
                dir.resolve("Anno_fine/train_attr.txt"),
                order.stream().map(labels::get).toList());

        PhotoData.Parts parts = parts(1);
        assertThat(ids(parts.validation())).allMatch(id -> id.startsWith("img/renamed"));
        assertThat(hashes(parts.split(), parts.validation())).isEqualTo(heldOut);
    }

    private static Set<String> hashes(PhotoSplit split, List<FashionItem> items) {
        return new HashSet<>(split.hashes(items).values());
    }

    @Test
    void aPhotoThatIsAddedMovesAtMostThoseAtTheEdge() throws IOException {
        Set<String> before = ids(parts(1).validation());
        DrawnPhotos.twoGroups(dir, "train", 0, PHOTOS + 4);

        assertThat(ids(parts(1).validation())).hasSize(11);
        Set<String> both = new HashSet<>(before);
        both.retainAll(ids(parts(1).validation()));
        assertThat(both).hasSizeGreaterThanOrEqualTo(before.size() - 4);
    }

    /** Every photo has three copies; whatever share is held out, copies are trained on or held out together. */
    @Test
    void copiesOfAPhotoStayOnOneSide() throws IOException {
        for (int i = 0; i < PHOTOS; i++) {
            Files.copy(
                    dir.resolve("img/train-" + i % 13 + ".png"),
                    dir.resolve("img/train-" + i + ".png.copy"),
                    StandardCopyOption.REPLACE_EXISTING);
        }
        for (int i = 0; i < PHOTOS; i++) {
            Files.move(
                    dir.resolve("img/train-" + i + ".png.copy"),
                    dir.resolve("img/train-" + i + ".png"),
                    StandardCopyOption.REPLACE_EXISTING);
        }
        for (double share : new double[] {0.05, 0.25, 0.5, 0.9}) {
            for (long seed = 1; seed <= 5; seed++) {
                PhotoData.Parts parts = parts(seed, "held-out=" + share);
                assertThat(hashes(parts.split(), parts.validation()))
                        .doesNotContainAnyElementsOf(hashes(parts.split(), parts.train()));
                assertThat(parts.validation()).hasSizeGreaterThanOrEqualTo((int) Math.round(share * PHOTOS));
                assertThat(parts.train()).hasSize(PHOTOS - parts.validation().size());
            }
        }
    }

    @Test
    void aValidationSplitIsTakenWhole() throws IOException {
        DrawnPhotos.twoGroups(dir, "val", PHOTOS, 7);
        PhotoData.Parts parts = parts(1, "validation-split=val");

        assertThat(parts.train()).hasSize(PHOTOS);
        assertThat(parts.validation())
                .hasSize(7)
                .isEqualTo(parts.validationSplit().items());
        assertThat(parts.validationSplit().name()).isEqualTo("val");
    }

    @Test
    void nothingToTrainOnIsRefused() throws IOException {
        DrawnPhotos.twoGroups(dir, "one", 0, 1);

        assertThatThrownBy(() -> parts(1, "split=one", "held-out=0.9"))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("holding out 1 of 1 photos");
    }

    @Test
    void unseenAttributesAreLabelsOfNobody() {
        PhotoSplit split = new PhotoSplits().split(dir, "train");
        String unseen = split.taxonomy().group(0).attributes().get(1);
        PhotoData.Parts parts = parts(1, "unseen=[" + unseen + "]");
        List<FashionItem> items = new ArrayList<>(parts.train());
        items.addAll(parts.validation());

        for (FashionItem item : items) {
            FashionItem whole = split.items().stream()
                    .filter(any -> any.id().equals(item.id()))
                    .findFirst()
                    .orElseThrow();
            List<Integer> expected = new ArrayList<>(whole.attributes());
            expected.set(0, expected.get(0) == 1 ? FashionItem.MISSING : expected.get(0));
            assertThat(item.attributes()).isEqualTo(expected);
        }
        assertThat(items).anyMatch(item -> item.attributes().get(0) == FashionItem.MISSING);
        assertThatThrownBy(() -> parts(1, "unseen=[plaid-ish]"))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("there is no attribute 'plaid-ish'")
                .hasMessageContaining(unseen);
    }

    private static String sha256(String text) throws NoSuchAlgorithmException {
        return HexFormat.of()
                .formatHex(MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
    }

    /** Runs of earlier versions hold this name; a change of it would keep all of them from going on. */
    @Test
    void itemsWithoutCaptionsAreNamedByTheirFields() throws NoSuchAlgorithmException {
        List<FashionItem> items = List.of(
                new FashionItem(
                        "img/a.jpg",
                        "img/a.jpg",
                        new Box(9, 11, 32, 44),
                        Optional.of("dress"),
                        List.of(0, 2, -1),
                        List.of(new Landmark(5, 6, true)),
                        1),
                new FashionItem(
                        "img/a.jpg#2", "img/a.jpg", new Box(0, 0, 3, 4), Optional.empty(), List.of(1), List.of(), 2));
        String form = "FashionItem[id=img/a.jpg, image=img/a.jpg, box=Box[x1=9, y1=11, x2=32, y2=44],"
                + " category=Optional[dress], attributes=[0, 2, -1],"
                + " landmarks=[Landmark[x=5, y=6, visible=true]], line=1]\n"
                + "FashionItem[id=img/a.jpg#2, image=img/a.jpg, box=Box[x1=0, y1=0, x2=3, y2=4],"
                + " category=Optional.empty, attributes=[1], landmarks=[], line=2]\n";

        assertThat(PhotoData.fingerprint(items)).isEqualTo(sha256(form));
        assertThat(PhotoData.fingerprint(List.of())).isEqualTo(sha256(""));
    }

    @Test
    void captionsAndFurtherClassesAreInTheName() {
        Set<String> names = new HashSet<>();
        names.add(PhotoData.fingerprint(List.of(item(List.of(), Map.of()))));
        names.add(PhotoData.fingerprint(List.of(item(List.of("a red dress"), Map.of()))));
        names.add(PhotoData.fingerprint(List.of(item(List.of("a blue dress"), Map.of()))));
        names.add(PhotoData.fingerprint(List.of(item(List.of(), Map.of(0, List.of(2))))));

        assertThat(names).hasSize(4);
    }

    private static FashionItem item(List<String> captions, Map<Integer, List<Integer>> further) {
        return new FashionItem("a", "a", new Box(0, 0, 3, 4), Optional.empty(), List.of(1), List.of(), 1)
                .withCaptions(captions)
                .withFurther(further);
    }

    @Test
    void segmentersAreTheOnesOfTheirNames() {
        assertThat(PhotoData.segmenter(SegmenterChoice.GRABCUT, dir, null)).isInstanceOf(GrabCutSegmenter.class);
        assertThat(PhotoData.segmenter(SegmenterChoice.BOX, dir, null)).isInstanceOf(WholeBoxSegmenter.class);
        assertThat(PhotoData.segmenter(SegmenterChoice.ELLIPSE, dir, null)).isInstanceOf(EllipseSegmenter.class);
        assertThatThrownBy(() -> PhotoData.segmenter(SegmenterChoice.EXACT, dir, null))
                .isInstanceOf(DataException.class);
        assertThatThrownBy(() -> PhotoData.segmenter(SegmenterChoice.SAM, dir, null))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("nothing on the class path runs SAM");
    }

    @Test
    void aMissingPhotoIsNamedByTheLineThatListsIt() throws IOException {
        PhotoSplit split = new PhotoSplits().split(dir, "train");
        FashionItem third = split.items().get(2);
        Files.delete(split.photo(third));

        assertThatThrownBy(() -> parts(1))
                .isInstanceOf(DataException.class)
                .hasMessageStartingWith(dir.resolve("Anno_fine/train.txt") + ":3: image entry \"" + third.image())
                .hasMessageContaining("there is no file");
    }
}
