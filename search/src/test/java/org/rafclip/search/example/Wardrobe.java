package org.rafclip.search.example;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.rafclip.search.Composed;
import org.rafclip.search.FashionModel;
import org.rafclip.search.Photo;
import org.rafclip.search.Recognition;
import org.rafclip.search.Vectors;

/** Names what is on the first of some photos, and finds others by words and by that photo with a change. */
final class Wardrobe {

    /** @param arguments a model's folder, then photos */
    public static void main(String[] arguments) throws Exception {
        try (FashionModel model = FashionModel.open(Path.of(arguments[0]))) {
            List<Photo> photos =
                    Stream.of(arguments).skip(1).map(Path::of).map(Photo::of).toList();
            Recognition seen = model.recognise(photos.get(0), List.of("puff sleeve", "cargo pocket"));
            for (Recognition.Group group : seen.groups()) {
                Recognition.Candidate first = group.candidates().get(0);
                System.out.printf("%s: %s, %.2f%n", group.name(), first.word(), first.probability());
            }
            List<float[]> wardrobe = model.embed(photos);
            float[] words =
                    model.embedTexts(List.of("a photo of red floral dress")).get(0);
            System.out.println("in words: " + Vectors.nearest(words, wardrobe, 3));
            Composed changed = model.compose(photos.get(0), "has long sleeves");
            System.out.println(changed.how() + ": " + Vectors.nearest(changed.vector(), wardrobe, 3));
        }
    }
}
