package org.rafclip.search;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.Mask;
import org.rafclip.data.image.RgbImage;
import org.rafclip.eval.PhotoEvaluation.Images;
import org.rafclip.photos.Vocabulary;

/** A model whose vectors are given. It composes by the sum of both. */
public final class FakeModel implements FashionModel {

    public static final String HASH = "fake";

    private static final List<String> COLORS = List.of("red", "green", "blue");

    private final int width;
    private final Function<String, float[]> texts;
    private final Function<Photo, float[]> photos;
    private final Optional<String> composer;
    private final Semaphore turns = new Semaphore(1, true);
    private final long millis;
    private final String name;
    private final String hash;

    /** @param composer what it calls its composer, empty for none */
    public FakeModel(
            int width, Function<String, float[]> texts, Function<Photo, float[]> photos, Optional<String> composer) {
        this(width, texts, photos, composer, 0, "fake", HASH);
    }

    private FakeModel(
            int width,
            Function<String, float[]> texts,
            Function<Photo, float[]> photos,
            Optional<String> composer,
            long millis,
            String name,
            String hash) {
        this.width = width;
        this.texts = texts;
        this.photos = photos;
        this.composer = composer;
        this.millis = millis;
        this.name = name;
        this.hash = hash;
    }

    /** The same, thinking for a while about each question, one after the other. */
    public FakeModel thinking(long millis) {
        return new FakeModel(width, texts, photos, composer, millis, name, hash);
    }

    /** The same by another name and with other weights. */
    public FakeModel named(String otherName, String otherHash) {
        return new FakeModel(width, texts, photos, composer, millis, otherName, otherHash);
    }

    private void think() {
        if (millis > 0) {
            turns.acquireUninterruptibly();
            try {
                Thread.sleep(millis);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            } finally {
                turns.release();
            }
        }
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public Path place() {
        return Path.of("/nowhere/fake");
    }

    @Override
    public Optional<Path> composerPlace() {
        return Optional.empty();
    }

    @Override
    public Optional<String> composer() {
        return composer;
    }

    @Override
    public String hash() {
        return hash;
    }

    @Override
    public int width() {
        return width;
    }

    @Override
    public boolean wholePhotos() {
        return false;
    }

    @Override
    public Images images() {
        return Images.REGIONS;
    }

    @Override
    public Vocabulary vocabulary() {
        return Vocabulary.of(AttributeTaxonomy.deepFashionFine(), List.of());
    }

    @Override
    public List<float[]> embed(List<Photo> wanted) {
        think();
        return wanted.stream().map(photos).map(Vectors::unit).toList();
    }

    @Override
    public List<float[]> embedTexts(List<String> wanted) {
        think();
        return wanted.stream().map(texts).map(Vectors::unit).toList();
    }

    @Override
    public Recognition recognise(Photo photo, List<String> words) {
        think();
        double[] mean = mean(photo);
        List<Recognition.Candidate> candidates = new ArrayList<>();
        double sum = mean[0] + mean[1] + mean[2] + 1e-9;
        for (int c = 0; c < COLORS.size(); c++) {
            candidates.add(new Recognition.Candidate(COLORS.get(c), mean[c] / 255, mean[c] / sum));
        }
        candidates.sort((a, b) -> Double.compare(b.probability(), a.probability()));
        List<Recognition.Group> groups =
                new ArrayList<>(List.of(new Recognition.Group("tint", List.copyOf(candidates))));
        if (!words.isEmpty()) {
            groups.add(new Recognition.Group(
                    Recognition.WORDS,
                    words.stream()
                            .map(word -> new Recognition.Candidate(word, 0.25, 0.5))
                            .toList()));
        }
        RgbImage image = photo.image();
        Box box = photo.garment().clip(image.width(), image.height());
        return new Recognition(
                box,
                new Mask(image.width(), image.height(), new boolean[image.width() * image.height()]),
                image,
                image,
                groups,
                List.of(),
                candidates.get(0).word());
    }

    @Override
    public List<Described> describe(List<Photo> wanted) {
        List<float[]> vectors = embed(wanted);
        return IntStream.range(0, vectors.size())
                .mapToObj(i -> new Described(vectors.get(i), recognise(wanted.get(i), List.of())))
                .toList();
    }

    @Override
    public Composed compose(Photo reference, String change) {
        think();
        float[] sum = Vectors.sum(List.of(Vectors.unit(photos.apply(reference)), Vectors.unit(texts.apply(change))));
        return new Composed(
                Vectors.unit(sum),
                composer.orElse("sum of photo and text, as the model has no composer"),
                composer.map(name -> new Composed.Gates(0.25, 0.75)));
    }

    /** Red, green and blue of a photo's garment, 0–255. */
    public static double[] mean(Photo photo) {
        Box box = photo.garment().clip(photo.image().width(), photo.image().height());
        double[] mean = new double[3];
        for (int y = box.y1(); y <= box.y2(); y++) {
            for (int x = box.x1(); x <= box.x2(); x++) {
                for (int c = 0; c < 3; c++) {
                    mean[c] += photo.image().get(x, y, c);
                }
            }
        }
        for (int c = 0; c < 3; c++) {
            mean[c] /= (double) box.width() * box.height();
        }
        return mean;
    }

    @Override
    public void close() {
        // nothing is held
    }
}
