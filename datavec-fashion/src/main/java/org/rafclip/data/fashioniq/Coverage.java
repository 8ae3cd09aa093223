package org.rafclip.data.fashioniq;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * Which of the images that a gallery needs are there.
 *
 * @param category such as {@code dress}
 * @param split such as {@code val}
 * @param kind of gallery
 * @param needed how many images the whole gallery has
 * @param missing the ids that are not there, in the gallery's order
 */
public record Coverage(String category, String split, GalleryKind kind, int needed, List<String> missing) {

    private static final int SHOWN = 3;

    public Coverage {
        missing = List.copyOf(missing);
    }

    public int present() {
        return needed - missing.size();
    }

    public boolean complete() {
        return missing.isEmpty();
    }

    /** The counts in one line, with the first missing ids. */
    @Override
    public String toString() {
        String counts = String.format(
                Locale.ROOT,
                "%s %s, %s gallery: %,d of %,d images are there",
                category,
                split,
                kind.word(),
                present(),
                needed);
        return complete()
                ? counts
                : counts + ", missing "
                        + missing.stream().limit(SHOWN).collect(Collectors.joining(", "))
                        + (missing.size() > SHOWN ? ", …" : "");
    }
}
