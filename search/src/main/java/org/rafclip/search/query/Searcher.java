package org.rafclip.search.query;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import lombok.AccessLevel;
import lombok.Getter;
import lombok.experimental.Accessors;
import org.rafclip.data.DataException;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.ImageReader;
import org.rafclip.data.image.RgbImage;
import org.rafclip.search.Composed;
import org.rafclip.search.FashionModel;
import org.rafclip.search.Photo;
import org.rafclip.search.index.Entry;
import org.rafclip.search.index.Filter;
import org.rafclip.search.index.IndexInfo;
import org.rafclip.search.index.PhotoIndex;

/**
 * Answers questions to an index: the one way to search that the command line, the server and programs share. Safe for many
 * threads.
 */
@Getter
@Accessors(fluent = true)
public final class Searcher {

    /** Beyond, a part would be all that counts. */
    public static final double MAX_WEIGHT = 100;

    /** Shorter sums of vectors of length 1, for a sum of weights of 1, have no direction but that of rounding. */
    private static final double SHORTEST = 1e-4;

    private final FashionModel model;
    private final PhotoIndex index;

    @Getter(AccessLevel.NONE)
    private final ImageReader reader = new ImageReader();

    /**
     * @param model not closed by this
     * @param index not closed by this
     * @throws DataException if the index holds vectors of another model
     */
    public Searcher(FashionModel model, PhotoIndex index) {
        IndexInfo info = index.info();
        if (!info.modelHash().equals(model.hash())) {
            throw new DataException("the index was made by " + info.model() + ", its vectors mean nothing to "
                    + model.name() + " (" + brief(info.modelHash()) + " and " + brief(model.hash())
                    + "); take the index's model, or index the photos again");
        }
        if (info.images() != model.images()) {
            throw new DataException("the index holds vectors of "
                    + info.images().name().toLowerCase(Locale.ROOT) + ", the model embeds "
                    + model.images().name().toLowerCase(Locale.ROOT)
                    + "; take the composer that the index was made for, or index the photos again");
        }
        this.model = model;
        this.index = index;
    }

    private static String brief(String hash) {
        return hash.substring(0, Math.min(12, hash.length()));
    }

    /**
     * Answers a question.
     *
     * @throws QueryException naming the part of the question that cannot be answered
     * @throws LostPhotoException if a photo of the index has to be read again and cannot be
     * @throws org.rafclip.search.Busy if the model has too much to do
     */
    public Answer search(Query query) {
        return search(query, vector(query));
    }

    /**
     * Answers a question whose vector is known, as from the page of hits before.
     *
     * @param vector what {@link #vector} gave for a question that differs in its filter, and in which hits it wants, alone
     * @throws QueryException if a facet of the filter is not in the index
     */
    public Answer search(Query query, Composed vector) {
        Set<String> facets = index.facets(Filter.ALL).keySet();
        Optional<String> unknown = query.filter().words().keySet().stream()
                .filter(facet -> !facets.contains(facet))
                .sorted()
                .findFirst();
        if (unknown.isPresent()) {
            throw new QueryException(
                    "filter.words",
                    "the index has no facet '" + unknown.get() + "', but "
                            + (facets.isEmpty() ? "no labels at all" : String.join(", ", facets)));
        }
        List<String> words = words(query);
        List<Answer.Hit> hits = new ArrayList<>();
        index.nearest(vector.vector(), query.filter(), query.without(), query.offset() + query.limit()).stream()
                .skip(query.offset())
                .forEach(match -> index.get(match.id())
                        // What a later commit has removed since is no hit any more.
                        .ifPresent(entry -> hits.add(new Answer.Hit(
                                match.id(), match.cosine(), entry.labels(), NamedLabels.in(entry.labels(), words)))));
        return new Answer(hits, index.count(query.filter(), query.without()), vector.how(), vector.gates());
    }

    private static List<String> words(Query query) {
        List<String> words = new ArrayList<>();
        for (Part part : query.parts()) {
            if (part instanceof Part.Words some && some.weight() > 0) {
                words.add(some.text());
            }
        }
        query.change().ifPresent(words::add);
        return words;
    }

    /**
     * The vector that a question asks with. It depends on the parts and the change alone.
     *
     * @throws QueryException naming the part of the question that cannot be answered
     * @throws LostPhotoException if a photo of the index has to be read again and cannot be
     * @throws org.rafclip.search.Busy if the model has too much to do
     */
    public Composed vector(Query query) {
        List<Part> parts = query.parts();
        if (parts.isEmpty()) {
            throw new QueryException("parts", "the question is empty; give words or a photo");
        }
        for (int i = 0; i < parts.size(); i++) {
            check("parts[" + i + "]", parts.get(i));
        }
        return query.change().isPresent() ? changed(query) : sum(parts);
    }

    private void check(String field, Part part) {
        double weight = part.weight();
        if (!(Math.abs(weight) <= MAX_WEIGHT) || weight == 0) {
            throw new QueryException(
                    field + ".weight",
                    "a weight of " + weight + "; it is a number other than 0 between -" + MAX_WEIGHT + " and "
                            + MAX_WEIGHT);
        }
        if (part instanceof Part.Words words && words.text().isBlank()) {
            throw new QueryException(field + ".text", "the text is empty; say what the photo should show");
        }
        if (part instanceof Part.Example example) {
            entry(example.id(), field + ".id");
        }
        if (part instanceof Part.Upload upload) {
            upload.photo()
                    .box()
                    .ifPresent(box -> requirePixels(field, upload.photo().image(), box));
        }
    }

    private static void requirePixels(String field, RgbImage image, Box box) {
        Box inside = box.clip(image.width(), image.height());
        if (inside.width() < 1 || inside.height() < 1) {
            throw new QueryException(
                    field + ".box",
                    "the box has no pixel in the photo, which is " + image.width() + "x" + image.height());
        }
    }

    private Composed changed(Query query) {
        String change = query.change().orElseThrow();
        if (change.isBlank()) {
            throw new QueryException("change", "the change is empty; say what is to be different");
        }
        Part part = query.parts().get(0);
        if (query.parts().size() > 1 || part instanceof Part.Words) {
            throw new QueryException("change", "a change is of one photo, without further parts");
        }
        if (part.weight() < 0) {
            throw new QueryException("parts[0].weight", "what is changed has a positive weight");
        }
        Photo reference = part instanceof Part.Upload upload ? upload.photo() : photo((Part.Example) part, "parts[0]");
        return model.compose(reference, change);
    }

    private Composed sum(List<Part> parts) {
        List<String> texts = new ArrayList<>();
        List<Photo> photos = new ArrayList<>();
        for (int i = 0; i < parts.size(); i++) {
            if (parts.get(i) instanceof Part.Words words) {
                texts.add(words.text());
            } else if (parts.get(i) instanceof Part.Upload upload) {
                photos.add(upload.photo());
            } else if (parts.get(i) instanceof Part.Example example
                    && example.box().isPresent()) {
                photos.add(photo(example, "parts[" + i + "]"));
            }
        }
        List<float[]> ofTexts = texts.isEmpty() ? List.of() : model.embedTexts(texts);
        List<float[]> ofPhotos = photos.isEmpty() ? List.of() : model.embed(photos);
        double[] sum = new double[model.width()];
        int text = 0;
        int photo = 0;
        for (int p = 0; p < parts.size(); p++) {
            Part part = parts.get(p);
            float[] vector;
            if (part instanceof Part.Words) {
                vector = ofTexts.get(text++);
            } else if (part instanceof Part.Example example && example.box().isEmpty()) {
                vector = entry(example.id(), "parts[" + p + "].id").vector();
            } else {
                vector = ofPhotos.get(photo++);
            }
            for (int i = 0; i < sum.length; i++) {
                sum[i] += part.weight() * vector[i];
            }
        }
        double weights =
                parts.stream().mapToDouble(part -> Math.abs(part.weight())).sum();
        return new Composed(unit(sum, weights), how(parts), Optional.empty());
    }

    private static float[] unit(double[] sum, double weights) {
        double squares = 0;
        for (double v : sum) {
            squares += v * v;
        }
        double length = Math.sqrt(squares);
        if (length < SHORTEST * weights) {
            throw new QueryException("parts", "the parts cancel each other out; change a weight or leave one out");
        }
        float[] unit = new float[sum.length];
        for (int i = 0; i < unit.length; i++) {
            unit[i] = (float) (sum[i] / length);
        }
        return unit;
    }

    private static String how(List<Part> parts) {
        long texts = parts.stream().filter(Part.Words.class::isInstance).count();
        long photos = parts.size() - texts;
        long against = parts.stream().filter(part -> part.weight() < 0).count();
        if (parts.size() == 1) {
            return (texts == 1 ? "text" : "photo") + (against == 1 ? ", as far from it as possible" : "");
        }
        List<String> kinds = new ArrayList<>();
        if (photos > 0) {
            kinds.add(photos == 1 ? "1 photo" : photos + " photos");
        }
        if (texts > 0) {
            kinds.add(texts == 1 ? "1 text" : texts + " texts");
        }
        return "weighted sum of " + String.join(" and ", kinds)
                + (against > 0 ? ", " + against + " of them negative" : "");
    }

    /**
     * The photo of an entry, read again from the index's folder, with the entry's box.
     *
     * @throws QueryException if there is no such entry
     * @throws LostPhotoException if it cannot be read
     */
    public Photo photo(String id) {
        return photo(new Part.Example(id), "id");
    }

    private Photo photo(Part.Example example, String field) {
        Entry entry = entry(example.id(), field);
        RgbImage image;
        try {
            image = reader.read(index.info().root(), entry.file());
        } catch (DataException e) {
            throw new LostPhotoException(example.id(), e);
        }
        Optional<Box> box = example.box().or(entry::box);
        box.ifPresent(some -> requirePixels(field, image, some));
        return new Photo(image, box);
    }

    private Entry entry(String id, String field) {
        return index.get(id)
                .orElseThrow(() -> new QueryException(
                        field,
                        "there is no photo '" + id + "' in this index of "
                                + index.info().entries()));
    }
}
