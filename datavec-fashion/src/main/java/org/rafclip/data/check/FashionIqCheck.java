package org.rafclip.data.check;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.data.Workers;
import org.rafclip.data.fashioniq.FashionIq;
import org.rafclip.data.fashioniq.Triplet;
import org.rafclip.data.image.ImageReader;

/**
 * What a folder in FashionIQ's layout holds and what is wrong with it: every captions file is read, every image decoded.
 *
 * @param splits in the order of categories, then splits
 */
public record FashionIqCheck(List<Split> splits) {

    /**
     * One category's split.
     *
     * @param triplets in its captions file
     * @param images in its {@code image_splits} file
     * @param needed images that its triplets name
     * @param missing ids of images without a file
     * @param unreadable images whose file cannot be decoded, with the reason
     * @param broken what is wrong with its files, null where nothing is; the counts are 0 then
     */
    public record Split(
            String category,
            String split,
            int triplets,
            int images,
            int needed,
            List<String> missing,
            List<String> unreadable,
            String broken) {

        boolean whole() {
            return broken == null && missing.isEmpty() && unreadable.isEmpty();
        }
    }

    public FashionIqCheck {
        splits = List.copyOf(splits);
    }

    /** Whether nothing is missing or wrong, so that nothing has to be allowed. */
    public boolean usable() {
        return splits.stream().allMatch(Split::whole);
    }

    /**
     * Reads everything.
     *
     * @param threads that decode images side by side
     * @throws DataException if there are no captions in the folder
     */
    public static FashionIqCheck run(FashionIq data, ImageReader reader, int threads, Progress progress)
            throws InterruptedException {
        List<Split> splits = new ArrayList<>();
        for (String category : data.categories()) {
            for (String split : data.splits(category)) {
                try {
                    splits.add(split(data, category, split, reader, threads, progress));
                } catch (DataException e) {
                    splits.add(new Split(category, split, 0, 0, 0, List.of(), List.of(), e.getMessage()));
                }
            }
        }
        return new FashionIqCheck(splits);
    }

    private static Split split(
            FashionIq data, String category, String split, ImageReader reader, int threads, Progress progress)
            throws InterruptedException {
        List<Triplet> triplets = data.triplets(category, split);
        List<String> ids = data.imageIds(category, split);
        Set<String> needed = new LinkedHashSet<>();
        for (Triplet triplet : triplets) {
            needed.add(triplet.reference());
            triplet.target().ifPresent(needed::add);
        }
        List<String> there =
                ids.stream().filter(id -> data.images().entry(id).isPresent()).toList();
        List<String> problems = new ArrayList<>(Collections.nCopies(there.size(), null));
        Workers.forEach(
                "fashioniq-check",
                there.size(),
                threads,
                i -> {
                    try {
                        reader.read(
                                data.images().folder(),
                                data.images().entry(there.get(i)).orElseThrow());
                    } catch (DataException e) {
                        synchronized (problems) {
                            problems.set(i, e.getMessage());
                        }
                    }
                },
                progress);
        return new Split(
                category,
                split,
                triplets.size(),
                ids.size(),
                needed.size(),
                ids.stream().filter(id -> data.images().entry(id).isEmpty()).toList(),
                problems.stream().filter(Objects::nonNull).toList(),
                null);
    }

    /**
     * In lines.
     *
     * @param show problems of a kind that are listed, the others are counted
     */
    public String render(int show) {
        StringBuilder text = new StringBuilder();
        for (Split split : splits) {
            String name = split.category() + " " + split.split();
            if (split.broken() != null) {
                text.append(name).append(": ").append(split.broken()).append('\n');
                continue;
            }
            text.append(String.format(
                    Locale.ROOT,
                    "%s: %,d triplets of %,d images; the gallery has %,d, of which %,d are missing and %,d cannot be"
                            + " read%n",
                    name,
                    split.triplets(),
                    split.needed(),
                    split.images(),
                    split.missing().size(),
                    split.unreadable().size()));
            list(text, "missing", split.missing(), show);
            list(text, "cannot be read", split.unreadable(), show);
        }
        text.append(
                usable()
                        ? "Nothing is wrong.\n"
                        : "Complete or replace these images, or go on without them: data.allow-partial=true in a training,"
                                + " --allow-partial in an evaluation.\n");
        return text.toString();
    }

    private static void list(StringBuilder text, String what, List<String> all, int show) {
        all.stream()
                .limit(show)
                .forEach(one ->
                        text.append("  ").append(what).append(": ").append(one).append('\n'));
        if (all.size() > show && show > 0) {
            text.append(String.format(Locale.ROOT, "  … and %,d further ones%n", all.size() - show));
        }
    }
}
