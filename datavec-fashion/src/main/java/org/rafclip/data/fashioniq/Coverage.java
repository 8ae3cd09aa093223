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
 * @param missing the ids that are not there, or whose files cannot be read, in the gallery's order
 * @param unreadable what is wrong with files that are there, in the gallery's order
 */
public record Coverage(
        String category, String split, GalleryKind kind, int needed, List<String> missing, List<String> unreadable) {

    private static final int SHOWN = 3;

    public Coverage {
        missing = List.copyOf(missing);
        unreadable = List.copyOf(unreadable);
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
                        + (missing.size() > SHOWN ? ", …" : "")
                        + (unreadable.isEmpty()
                                ? ""
                                : String.format(
                                        Locale.ROOT,
                                        "; %,d of these are there but cannot be read: %s%s",
                                        unreadable.size(),
                                        unreadable.stream().limit(SHOWN).collect(Collectors.joining("; ")),
                                        unreadable.size() > SHOWN ? "; …" : ""));
    }
}
