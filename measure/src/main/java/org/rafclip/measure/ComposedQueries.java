package org.rafclip.measure;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.rafclip.agcn.features.EncodedData;
import org.rafclip.agcn.train.AgcnConfig;
import org.rafclip.agcn.train.CompositionData;
import org.rafclip.data.Stages;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.fashioniq.CaptionForm;
import org.rafclip.data.fashioniq.FashionIq;
import org.rafclip.data.fashioniq.GalleryKind;
import org.rafclip.data.fashioniq.QuerySet;
import org.rafclip.io.AtomicFiles;
import org.rafclip.open.OpenedEncoder;
import org.rafclip.photos.PhotoData;
import org.rafclip.photos.PhotoSplit;
import org.rafclip.photos.PhotoSplits;

/**
 * Queries of an image and a text, encoded.
 *
 * @param sets one a category
 * @param features of all their images and texts
 * @param photos the split that they are of, null where photos have no labels
 * @param fashionIq the folder that they are of, null for photos with labels
 */
public record ComposedQueries(List<QuerySet> sets, EncodedData features, PhotoSplit photos, FashionIq fashionIq) {

    public ComposedQueries {
        sets = List.copyOf(sets);
    }

    /**
     * Queries made of photos' labels, where every photo with the target's labels is right, or those that the settings' table
     * lists.
     *
     * @param splits that the split is of
     * @param items of the split: references and gallery
     * @param settings with the split's folder; they say how triplets are drawn and where features are kept
     * @throws org.rafclip.data.DataException if no triplet comes out of the photos
     */
    public static ComposedQueries ofPhotos(
            OpenedEncoder encoder,
            PhotoSplits splits,
            PhotoSplit split,
            List<FashionItem> items,
            AgcnConfig.Data settings,
            CaptionForm captions,
            Stages stages)
            throws IOException {
        if (settings.tripletsTable() != null) {
            CompositionData listed = CompositionData.listed(
                    settings,
                    splits,
                    List.of(),
                    items,
                    captions,
                    CompositionData.garmentPhotos(
                            encoder, new PhotoData.Parts(split, split.items(), split, List.of()), settings));
            return new ComposedQueries(listed.queries(), listed.encode(encoder, settings, stages), split, null);
        }
        Path written = Files.createTempDirectory("rafclip-triplets");
        try {
            CompositionData data = CompositionData.garments(
                    split.taxonomy(),
                    List.of(),
                    items,
                    settings.triplets(),
                    captions,
                    CompositionData.garmentPhotos(
                            encoder, new PhotoData.Parts(split, split.items(), split, List.of()), settings),
                    written);
            return new ComposedQueries(data.queries(), data.encode(encoder, settings, stages), split, null);
        } finally {
            AtomicFiles.deleteDirectory(written);
        }
    }

    /**
     * FashionIQ's validation queries.
     *
     * @param settings say where features are kept
     * @param allowPartial goes on without images that are missing
     */
    public static ComposedQueries ofFashionIq(
            OpenedEncoder encoder,
            FashionIq data,
            AgcnConfig.Data settings,
            GalleryKind gallery,
            CaptionForm captions,
            boolean allowPartial,
            Stages stages)
            throws IOException {
        CompositionData asked = new CompositionData(
                CompositionData.wholePhotos(encoder, data.images(), settings),
                List.of(),
                CompositionData.fashionIqQueries(data, gallery, captions, allowPartial));
        return new ComposedQueries(asked.queries(), asked.encode(encoder, settings, stages), null, data);
    }

    /** How many queries there are over all sets. */
    int count() {
        return sets.stream().mapToInt(set -> set.queries().size()).sum();
    }

    /**
     * Photos for a gallery, by their ids.
     *
     * @param names how a photo's file is named there
     */
    Function<String, Figure.Picture> pictures(Function<Path, String> names) {
        if (photos == null) {
            return id -> new Figure.Picture(
                    names.apply(fashionIq
                            .images()
                            .folder()
                            .resolve(fashionIq.images().entry(id).orElseThrow())),
                    null,
                    List.of());
        }
        Map<String, FashionItem> items = items();
        return id -> Figure.Picture.of(photos, items.get(id), names);
    }

    private Map<String, FashionItem> items() {
        return photos.items().stream().collect(Collectors.toMap(FashionItem::id, Function.identity()));
    }

    /** For a query the attribute groups in which its right answers differ from its reference. */
    BiFunction<QuerySet, QuerySet.Query, List<Integer>> changes() {
        if (photos == null) {
            return (set, query) -> List.of();
        }
        Map<String, FashionItem> items = items();
        return (set, query) -> {
            List<Integer> from = items.get(query.reference()).attributes();
            List<Integer> to =
                    items.get(set.gallery().get(query.right().get(0))).attributes();
            return IntStream.range(0, from.size())
                    .filter(g -> !from.get(g).equals(to.get(g)))
                    .boxed()
                    .toList();
        };
    }
}
