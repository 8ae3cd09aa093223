package org.rafclip.data.drawn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.data.check.DataCheck;
import org.rafclip.data.composed.Phrases;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.data.fashioniq.CaptionForm;
import org.rafclip.data.fashioniq.FashionIq;
import org.rafclip.data.fashioniq.GalleryKind;
import org.rafclip.data.fashioniq.QuerySet;
import org.rafclip.data.fashioniq.Triplet;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.ImageReader;
import org.rafclip.data.image.Mask;
import org.rafclip.data.image.RgbImage;
import org.rafclip.data.segment.ExactSegmenter;
import org.rafclip.data.text.DominantColor;
import org.rafclip.data.text.FashionColor;

class DrawnDataTest {

    private static final DrawnData.Drawing DRAWING = new DrawnData.Drawing(140, 112, 5);

    @TempDir
    private static Path dir;

    private static DrawnData.Report report;

    @BeforeAll
    static void draw() throws InterruptedException {
        report = DrawnData.write(dir, DRAWING, 2, Progress.NONE);
    }

    @Test
    void deepFashionsReaderReadsItAndTheCheckFindsNothing() throws InterruptedException {
        assertThat(FashionSplit.available(dir)).containsExactly("test", "train", "val");
        assertThat(report.images().values().stream().mapToInt(Integer::intValue).sum())
                .isEqualTo(140);
        assertThat(report.images().get("train")).isBetween(90, 106);
        Set<String> words = new HashSet<>();
        for (String split : FashionSplit.available(dir)) {
            FashionSplit read = FashionSplit.read(dir, split);
            assertThat(read.taxonomy()).isEqualTo(AttributeTaxonomy.deepFashionFine());
            assertThat(read.items()).hasSize(report.images().get(split));
            assertThat(read.unlabeled()).containsOnly(0);
            assertThat(read.ambiguous()).containsOnly(0);
            read.items().forEach(item -> words.add(item.category().orElseThrow()));
        }
        assertThat(words).hasSizeGreaterThan(11).contains("Dress", "Tee");
        DataCheck.Report check = DataCheck.run(dir, new ImageReader(), 2, Progress.NONE);
        assertThat(check.usable()).isTrue();
        assertThat(check.render(10)).contains("No problems.");
    }

    @Test
    void theLabelsAreThoseOfThePlan() throws IOException {
        List<String> lines = Files.readAllLines(dir.resolve("labels.csv"));
        assertThat(lines).hasSize(141);
        Map<String, String[]> rows = new HashMap<>();
        lines.stream().skip(1).map(line -> line.split(",")).forEach(row -> rows.put(row[0], row));
        Map<String, String> splitOfFamily = new HashMap<>();
        for (String split : FashionSplit.available(dir)) {
            FashionSplit read = FashionSplit.read(dir, split);
            for (FashionItem item : read.items()) {
                String[] row = rows.get(item.image());
                assertThat(row[1]).isEqualTo(split);
                assertThat(splitOfFamily.merge(row[3], split, (old, now) -> old))
                        .isEqualTo(split);
                assertThat(row[5]).isEqualToIgnoringCase(item.category().orElseThrow());
                for (int group = 0; group < 6; group++) {
                    assertThat(read.taxonomy()
                                    .group(group)
                                    .attributes()
                                    .get(item.attributes().get(group)))
                            .isEqualTo(row[6 + group]);
                }
            }
        }
    }

    @Test
    void theBoxIsTheMasksBoundAndTheColorTheOneThatIsFound() throws IOException {
        ExactSegmenter exact = new ExactSegmenter(dir);
        ImageReader reader = new ImageReader();
        DominantColor colors = new DominantColor(DominantColor.Palette.NINE);
        Map<String, String> named = new HashMap<>();
        Files.readAllLines(dir.resolve("labels.csv")).stream()
                .map(line -> line.split(","))
                .forEach(row -> named.put(row[0], row[4]));
        int right = 0;
        for (String split : FashionSplit.available(dir)) {
            for (FashionItem item : FashionSplit.read(dir, split).items()) {
                RgbImage photo = reader.read(dir, item.image());
                Box all = new Box(0, 0, photo.width() - 1, photo.height() - 1);
                Mask mask = exact.segment(photo, all).mask();
                assertThat(mask.bounds()).as(item.image()).isEqualTo(item.box());
                right += colors.of(photo, mask).word().equals(named.get(item.image())) ? 1 : 0;
            }
        }
        assertThat(right).isGreaterThanOrEqualTo(138);
    }

    @Test
    void fashionIqsReaderReadsIt() {
        FashionIq data = FashionIq.open(dir.resolve(DrawnData.FASHION_IQ));
        assertThat(data.categories()).isSubsetOf("dress", "shirt", "toptee").contains("dress");
        int triplets = 0;
        Set<String> captions = new HashSet<>();
        for (String category : data.categories()) {
            for (String split : data.splits(category)) {
                assertThat(data.coverage(category, split, GalleryKind.ORIGINAL).complete())
                        .isTrue();
                for (Triplet triplet : data.triplets(category, split)) {
                    triplets++;
                    captions.addAll(triplet.captions());
                }
                QuerySet queries = data.queries(
                        category, split, GalleryKind.ORIGINAL, CaptionForm.JOINED, data.images()::has, false);
                assertThat(queries.queries())
                        .isNotEmpty()
                        .allMatch(query -> !query.right().isEmpty());
            }
        }
        assertThat(triplets)
                .isEqualTo(report.triplets().values().stream()
                        .mapToInt(Integer::intValue)
                        .sum())
                .isGreaterThan(60);
        assertThat(captions).anyMatch(caption -> caption.startsWith("is the same "));
        assertThat(captions).anyMatch(caption -> caption.contains("instead of"));
        assertThat(captions).noneMatch(caption -> caption.contains("_"));
    }

    @Test
    void noPhraseCouldMeanAnotherColorOrCategory() {
        Phrases phrases = Phrases.load();
        for (int g = 6; g < 8; g++) {
            AttributeTaxonomy.Group group = DrawnData.taxonomy().group(g);
            for (int from = 0; from < group.size(); from++) {
                Map<String, Integer> meaning = new HashMap<>();
                for (int to = 0; to < group.size(); to++) {
                    if (to != from) {
                        for (String phrase : phrases.of(group, from, to)) {
                            assertThat(meaning.put(phrase, to)).as(phrase).isNull();
                        }
                    }
                }
            }
        }
    }

    @Test
    void theContactSheetShowsPhotos() throws IOException {
        assertThat(ImageIO.read(dir.resolve("contact-sheet.png").toFile()).getWidth())
                .isGreaterThan(1000);
        assertThat(Files.readString(dir.resolve("README.txt"))).contains("--images 140 --size 112 --seed 5");
    }

    @Test
    void theSameSettingsGiveTheSameBytesAlsoAfterAnInterruption(@TempDir Path one, @TempDir Path two)
            throws IOException, InterruptedException {
        DrawnData.Drawing few = new DrawnData.Drawing(24, 80, 3);
        DrawnData.write(one, few, 1, Progress.NONE);
        assertThatThrownBy(() -> DrawnData.write(two, few, 3, (done, total) -> {
                    if (done == 10) {
                        throw new IllegalStateException("stop");
                    }
                }))
                .hasMessage("stop");
        Path photo;
        try (Stream<Path> photos = Files.list(two.resolve("img"))) {
            photo = photos.sorted().findFirst().orElseThrow();
        }
        Files.write(photo, new byte[50]);
        DrawnData.Report rest = DrawnData.write(two, few, 3, Progress.NONE);
        assertThat(rest.drawn()).isBetween(1, 15);
        assertThat(contents(two)).isEqualTo(contents(one));
        assertThat(DrawnData.write(two, few, 2, Progress.NONE).drawn()).isZero();
        assertThat(contents(two)).isEqualTo(contents(one));
        assertThat(DrawnData.isWhole(two, few)).isTrue();
        assertThat(DrawnData.isWhole(two, new DrawnData.Drawing(24, 80, 4))).isFalse();
        Files.delete(photo);
        assertThat(DrawnData.isWhole(two, few)).isFalse();
        assertThat(new Plan(Plan.draw(Wardrobe.load(), 24, 80, 4).shots()))
                .isNotEqualTo(Plan.draw(Wardrobe.load(), 24, 80, 3));
    }

    @Test
    void anOutlineHasTheSameAnnotationsButBoxes(@TempDir Path one, @TempDir Path two)
            throws IOException, InterruptedException {
        DrawnData.Drawing few = new DrawnData.Drawing(24, 80, 3);
        DrawnData.write(one, few, 2, Progress.NONE);
        DrawnData.outline(two, few);
        for (String split : List.of("train", "val", "test")) {
            for (String file : List.of(split + ".txt", split + "_attr.txt", split + "_cate.txt")) {
                assertThat(two.resolve("Anno_fine").resolve(file))
                        .as(file)
                        .hasSameTextualContentAs(one.resolve("Anno_fine").resolve(file));
            }
        }
    }

    private static Map<String, Integer> contents(Path dir) throws IOException {
        Map<String, Integer> contents = new TreeMap<>();
        try (Stream<Path> files = Files.walk(dir)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                contents.put(dir.relativize(file).toString(), java.util.Arrays.hashCode(Files.readAllBytes(file)));
            }
        }
        return contents;
    }

    @Test
    void aFolderThatHoldsSomethingElseIsRefused(@TempDir Path other) throws IOException {
        Files.writeString(other.resolve("thesis.txt"), "mine");
        assertThatThrownBy(() -> DrawnData.write(other, DRAWING, 1, Progress.NONE))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("is not empty");
        assertThatThrownBy(() -> DrawnData.write(dir, new DrawnData.Drawing(140, 112, 6), 1, Progress.NONE))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("other settings");
        assertThat(other).isDirectoryContaining(file -> file.endsWith("thesis.txt"));
    }

    @Test
    void everyLabelOccursSomeOftenSomeSeldom() {
        List<Plan.Shot> shots = Plan.draw(Wardrobe.load(), 2000, 256, 7).shots();
        int[] products = shots.stream().mapToInt(Plan.Shot::product).toArray();
        assertThat(products[products.length - 1]).isBetween(900, 1500);
        AttributeTaxonomy taxonomy = DrawnData.taxonomy();
        for (Plan.Split split : List.of(Plan.Split.TRAIN, Plan.Split.TEST)) {
            int[][] count = new int[8][32];
            int total = 0;
            for (Plan.Shot shot : shots) {
                if (shot.split() == split) {
                    total++;
                    List<Integer> labels = new ArrayList<>(shot.garment().look().attributes());
                    labels.add(shot.garment().look().color().ordinal());
                    labels.add(shot.garment().look().category().ordinal());
                    for (int group = 0; group < 8; group++) {
                        count[group][labels.get(group)]++;
                    }
                }
            }
            for (int group = 0; group < 8; group++) {
                int most = 0;
                for (int label = 0; label < taxonomy.group(group).size(); label++) {
                    assertThat(count[group][label])
                            .as(split + " " + taxonomy.group(group).attributes().get(label))
                            .isPositive();
                    most = Math.max(most, count[group][label]);
                }
                assertThat(most).as(taxonomy.group(group).name()).isLessThan(total * 9 / 10);
            }
        }
    }

    @Test
    void mostPhotosShowTheColorAtTheFirstTry() {
        Wardrobe wardrobe = Wardrobe.load();
        DominantColor colors = new DominantColor(DominantColor.Palette.NINE);
        List<Plan.Shot> shots = Plan.draw(wardrobe, 120, 96, 11).shots();
        int right = 0;
        for (Plan.Shot shot : shots) {
            SceneRenderer.Photo photo = SceneRenderer.photo(shot.scene(wardrobe, 0));
            FashionColor color = shot.garment().look().color();
            if (photo.garment().area() > 0 && colors.of(photo.image(), photo.garment()) == color) {
                right++;
            }
        }
        assertThat(right).isGreaterThanOrEqualTo(108);
    }
}
