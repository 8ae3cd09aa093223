package org.rafclip.search.serve;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.Mask;
import org.rafclip.data.image.RgbImage;
import org.rafclip.eval.PhotoEvaluation.Images;
import org.rafclip.photos.Vocabulary;
import org.rafclip.search.Composed;
import org.rafclip.search.FashionModel;
import org.rafclip.search.Photo;
import org.rafclip.search.Recognition;

/**
 * A model whose answers can be worked out by hand: each of its words is a direction of its own, and all that it sees on a
 * photo is whether most of it is red, green, blue or black.
 */
final class ColorModel implements FashionModel {

    static final List<String> COLORS = List.of("red", "green", "blue", "black");
    static final List<String> CATEGORIES = List.of("dress", "shirt", "skirt");
    static final List<String> SLEEVES = List.of("long", "short");

    private static final List<String> WORDS =
            Stream.of(COLORS, CATEGORIES, SLEEVES).flatMap(List::stream).toList();

    /** One more for words that it does not know. */
    static final int WIDTH = WORDS.size() + 1;

    /** The direction of some words, each with its weight. */
    static float[] vector(String text, double... weights) {
        float[] sum = new float[WIDTH];
        String[] words = text.toLowerCase().split("\\W+");
        for (int i = 0; i < words.length; i++) {
            int at = WORDS.indexOf(words[i]);
            sum[at < 0 ? WIDTH - 1 : at] += (float) (i < weights.length ? weights[i] : 1);
        }
        double squares = 0;
        for (float v : sum) {
            squares += v * v;
        }
        for (int i = 0; i < WIDTH; i++) {
            sum[i] /= (float) Math.sqrt(squares);
        }
        return sum;
    }

    @Override
    public String name() {
        return "colors";
    }

    @Override
    public Path place() {
        return Path.of("model");
    }

    @Override
    public Optional<Path> composerPlace() {
        return Optional.empty();
    }

    @Override
    public Optional<String> composer() {
        return Optional.of("AGCN");
    }

    @Override
    public String hash() {
        return "c0104";
    }

    @Override
    public int width() {
        return WIDTH;
    }

    @Override
    public boolean wholePhotos() {
        return false;
    }

    @Override
    public Images images() {
        return Images.CROPS;
    }

    @Override
    public Vocabulary vocabulary() {
        return Vocabulary.PAPER;
    }

    @Override
    public List<float[]> embed(List<Photo> photos) {
        return photos.stream().map(photo -> vector(color(photo))).toList();
    }

    @Override
    public List<float[]> embedTexts(List<String> texts) {
        return texts.stream().map(ColorModel::vector).toList();
    }

    @Override
    public Recognition recognise(Photo photo, List<String> words) {
        String color = color(photo);
        List<Recognition.Group> groups = Stream.of(
                        new Recognition.Group("sleeve length", candidates(SLEEVES, "long")),
                        new Recognition.Group(Recognition.WORDS, candidates(words, color)))
                .filter(group -> !group.candidates().isEmpty())
                .toList();
        RgbImage image = photo.image();
        return new Recognition(
                photo.garment(),
                Mask.of(image.width(), image.height(), photo.garment()),
                image,
                image,
                groups,
                candidates(CATEGORIES, "dress"),
                color);
    }

    private static List<Recognition.Candidate> candidates(List<String> words, String right) {
        return words.stream()
                .map(word -> new Recognition.Candidate(
                        word, word.equals(right) ? 0.3 : 0.1, word.equals(right) ? 0.9 : 0.05))
                .sorted((a, b) -> Double.compare(b.probability(), a.probability()))
                .toList();
    }

    @Override
    public List<Described> describe(List<Photo> photos) {
        return photos.stream()
                .map(photo -> new Described(vector(color(photo)), recognise(photo, List.of())))
                .toList();
    }

    /** The change's words instead of the photo's color, where a color is among them, or else beside it. */
    @Override
    public Composed compose(Photo reference, String change) {
        Set<String> words =
                new LinkedHashSet<>(Arrays.asList(change.toLowerCase().split("\\W+")));
        if (words.stream().noneMatch(COLORS::contains)) {
            words.add(color(reference));
        }
        return new Composed(vector(String.join(" ", words)), "AGCN", Optional.of(new Composed.Gates(0.6, 0.4)));
    }

    /** Of the middle of the garment. */
    private static String color(Photo photo) {
        Box box = photo.garment();
        int x = (box.x1() + box.x2()) / 2;
        int y = (box.y1() + box.y2()) / 2;
        for (int channel = 0; channel < 3; channel++) {
            if (photo.image().get(x, y, channel) > 127) {
                return COLORS.get(channel);
            }
        }
        return "black";
    }

    @Override
    public void close() {}
}
