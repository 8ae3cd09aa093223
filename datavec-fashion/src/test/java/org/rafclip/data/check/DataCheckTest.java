package org.rafclip.data.check;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.stream.ImageOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.DataException;
import org.rafclip.data.DrawnPhotos;
import org.rafclip.data.Progress;
import org.rafclip.data.SharedData;
import org.rafclip.data.check.DataCheck.Kind;
import org.rafclip.data.check.DataCheck.Report;
import org.rafclip.data.check.DataCheck.SplitReport;
import org.rafclip.data.image.ImageReader;

class DataCheckTest {

    @TempDir
    Path dir;

    private Report run() throws InterruptedException {
        return DataCheck.run(dir, new ImageReader(), 2, Progress.NONE);
    }

    private void setLine(String file, int line, String text) throws IOException {
        Path path = dir.resolve("Anno_fine").resolve(file);
        List<String> lines = Files.readAllLines(path);
        lines.set(line - 1, text);
        Files.write(path, lines);
    }

    @Test
    void soundDataAreCounted() throws Exception {
        DrawnPhotos.plain(dir, "train", 10);
        DrawnPhotos.plain(dir, "val", 3);

        Report report = run();

        assertThat(report.usable()).isTrue();
        assertThat(report.duplicates()).isEmpty();
        assertThat(report.splits()).extracting(SplitReport::name).containsExactly("train", "val");
        SplitReport train = report.splits().get(0);
        assertThat(train.items()).isEqualTo(10);
        assertThat(train.photos()).isEqualTo(10);
        assertThat(train.groups()).hasSize(6);
        assertThat(train.groups().get(0).counts()).containsExactly(4, 3, 3, 0, 0, 0, 0);
        assertThat(train.groups().get(0).majority()).isEqualTo(0.4);
        assertThat(train.categories()).isEmpty();
        assertThat(report.render(5))
                .contains("train: 10 garments in 10 photos", "sleeve length", "No problems.")
                .containsPattern("floral +4 +40.0 %");
    }

    /** Of 60 real photos, 20 are in the other split too, at 60 % of their size and a low quality of JPEG. */
    @Test
    void copiesOfRealPhotosInAnotherSplitAreFoundAndNoOthers() throws Exception {
        Path photos = SharedData.require("clothing-cc0").resolve("images");
        StringBuilder rows = new StringBuilder("image,category,split\n");
        Set<String> copies = new HashSet<>();
        try (Stream<Path> all = Files.list(photos)) {
            List<Path> some = all.sorted().limit(60).toList();
            for (int i = 0; i < some.size(); i++) {
                String name = some.get(i).getFileName().toString();
                Files.copy(some.get(i), dir.resolve(name));
                rows.append(name)
                        .append(",garment,")
                        .append(i < 40 ? "train" : "val")
                        .append('\n');
                if (i < 20) {
                    savedAnew(some.get(i), dir.resolve("small-" + name));
                    rows.append("small-").append(name).append(",shirt,val\n");
                    copies.add("train: " + name + " = val: small-" + name);
                }
            }
        }
        Report report =
                DataCheck.run(Files.writeString(dir.resolve("photos.csv"), rows), new ImageReader(), 2, Progress.NONE);

        assertThat(report.lookAlikes()).isSubsetOf(copies).hasSizeGreaterThanOrEqualTo(19);
        assertThat(report.duplicates()).isEmpty();
        assertThat(report.render(3)).contains("photos in different splits that look alike: ");
    }

    private static void savedAnew(Path from, Path to) throws IOException {
        BufferedImage whole = ImageIO.read(from.toFile());
        BufferedImage small =
                new BufferedImage(whole.getWidth() * 3 / 5, whole.getHeight() * 3 / 5, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = small.createGraphics();
        graphics.setRenderingHint(RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_BICUBIC);
        graphics.drawImage(whole, 0, 0, small.getWidth(), small.getHeight(), null);
        graphics.dispose();
        ImageWriter writer = ImageIO.getImageWritersByFormatName("jpeg").next();
        ImageWriteParam quality = writer.getDefaultWriteParam();
        quality.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
        quality.setCompressionQuality(0.5f);
        try (ImageOutputStream out = ImageIO.createImageOutputStream(to.toFile())) {
            writer.setOutput(out);
            writer.write(null, new IIOImage(small, null, null), quality);
        } finally {
            writer.dispose();
        }
    }

    @Test
    void everyProblemIsFoundAndNamed() throws Exception {
        DrawnPhotos.plain(dir, "train", 8);
        Files.delete(dir.resolve("img/train1.png"));
        byte[] whole = Files.readAllBytes(dir.resolve("img/train2.png"));
        Files.write(dir.resolve("img/train2.png"), Arrays.copyOf(whole, whole.length / 2));
        setLine("train_bbox.txt", 4, "900 1 950 20");
        setLine("train_bbox.txt", 5, "10 10 900 20");
        setLine("train_attr.txt", 6, "0 0 0 0 0 9");
        setLine("train.txt", 7, "../outside.png");

        Report report = run();

        SplitReport train = report.splits().get(0);
        assertThat(report.usable()).isFalse();
        assertThat(train.problems())
                .extracting(DataCheck.Problem::kind)
                .containsExactly(Kind.ANNOTATION, Kind.MISSING, Kind.UNREADABLE, Kind.BOX, Kind.MISSING);
        assertThat(train.problems())
                .extracting(DataCheck.Problem::message)
                .satisfiesExactly(
                        message -> assertThat(message).contains("train_attr.txt:6", "'fit'"),
                        message -> assertThat(message).contains("train.txt:2", "train1.png"),
                        message -> assertThat(message).contains("train.txt:3", "train2.png"),
                        message -> assertThat(message).contains("train.txt:4", "lies outside its"),
                        message -> assertThat(message).contains("train.txt:7", "outside.png"));
        assertThat(train.edgeBoxes()).singleElement().asString().contains("train.txt:5", "reaches beyond");
        assertThat(train.items()).isEqualTo(7);
        assertThat(report.render(1)).contains("missing photos: 2", "… and 1 more", "Problems: 5");
    }

    @Test
    void aSplitThatCannotBeReadDoesNotHideTheOthers() throws Exception {
        DrawnPhotos.plain(dir, "train", 3);
        DrawnPhotos.plain(dir, "val", 3);
        Files.delete(dir.resolve("Anno_fine/train_bbox.txt"));

        Report report = run();

        assertThat(report.splits().get(0).problems())
                .singleElement()
                .satisfies(problem -> assertThat(problem.message()).contains("train_bbox.txt: no such file"));
        assertThat(report.splits().get(1).items()).isEqualTo(3);
    }

    @Test
    void photosInTwoSplitsAreFoundByNameAndByContent() throws Exception {
        DrawnPhotos.plain(dir, "train", 4);
        DrawnPhotos.plain(dir, "val", 3);
        setLine("val.txt", 1, "img/train0.png");
        Files.copy(
                dir.resolve("img/train3.png"),
                dir.resolve("img/val2.png"),
                java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        Files.copy(
                dir.resolve("img/train1.png"),
                dir.resolve("img/train2.png"),
                java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        Files.copy(
                dir.resolve("img/train3.png"),
                dir.resolve("img/val1.png"),
                java.nio.file.StandardCopyOption.REPLACE_EXISTING);

        Report report = run();

        assertThat(report.duplicates())
                .containsExactlyInAnyOrder(
                        new DataCheck.Duplicate(List.of("train: img/train0.png", "val: img/train0.png"), true),
                        new DataCheck.Duplicate(List.of("train: img/train1.png", "train: img/train2.png"), false),
                        new DataCheck.Duplicate(
                                List.of("train: img/train3.png", "val: img/val1.png", "val: img/val2.png"), true));
        assertThat(report.usable()).isTrue();
        assertThat(report.render(5)).contains("photos in more than one split: 2", "equal photos within a split: 1");
    }

    @Test
    void aRowThatIsThereTwiceIsNamed() throws Exception {
        DrawnPhotos.plain(dir, "train", 10);
        StringBuilder rows = new StringBuilder("image,fit\n");
        for (int i = 0; i <= 10; i++) {
            rows.append("img/train").append(i % 10).append(i % 2 == 0 ? ".png,slim\n" : ".png,loose\n");
        }

        Report report =
                DataCheck.run(Files.writeString(dir.resolve("photos.csv"), rows), new ImageReader(), 2, Progress.NONE);

        assertThat(report.duplicates())
                .containsExactly(
                        new DataCheck.Duplicate(List.of("train: img/train0.png with the same box, 2 times"), false));
    }

    @Test
    void aFolderWithoutSplitsIsRefused() throws IOException {
        Files.createDirectories(dir.resolve("Anno_fine"));

        assertThatThrownBy(this::run).isInstanceOf(DataException.class).hasMessageContaining("has no split");
    }
}
