package org.rafclip.agcn.train;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.rafclip.agcn.features.EncodedData;
import org.rafclip.agcn.features.GarmentPhotos;
import org.rafclip.agcn.features.PhotoSource;
import org.rafclip.agcn.features.WholePhotos;
import org.rafclip.data.DataException;
import org.rafclip.data.Stages;
import org.rafclip.data.composed.ComposedTriplets;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.fashioniq.CaptionForm;
import org.rafclip.data.fashioniq.Coverage;
import org.rafclip.data.fashioniq.FashionIq;
import org.rafclip.data.fashioniq.GalleryKind;
import org.rafclip.data.fashioniq.ImagesById;
import org.rafclip.data.fashioniq.QuerySet;
import org.rafclip.data.fashioniq.Triplet;
import org.rafclip.data.prepare.Normalization;
import org.rafclip.data.prepare.Preparation;
import org.rafclip.data.table.TripletTable;
import org.rafclip.open.OpenedEncoder;
import org.rafclip.photos.PhotoData;
import org.rafclip.photos.PhotoSplit;
import org.rafclip.photos.PhotoSplits;
import org.rafclip.train.RunFolder;

/**
 * What composers are trained on or measured on.
 *
 * @param photos where images come from
 * @param train triplets with targets, may be empty
 * @param queries one set a category, may be empty
 */
public record CompositionData(PhotoSource photos, List<Triplet> train, List<QuerySet> queries) {

    /** The split that composers are measured on. */
    public static final String VAL = "val";

    private static final String CATEGORY = "photo";
    static final String TRAIN = "train";
    private static final String PARTIAL = "data.allow-partial=true";

    public CompositionData {
        train = List.copyOf(train);
        queries = List.copyOf(queries);
    }

    /**
     * Triplets made of labelled photos, in FashionIQ's layout.
     *
     * @param dir where they are written
     * @param trained photos to train on, may be empty
     * @param asked photos to measure on, may be empty
     * @throws DataException if no triplet comes out of photos
     */
    public static CompositionData garments(
            AttributeTaxonomy taxonomy,
            List<FashionItem> trained,
            List<FashionItem> asked,
            AgcnConfig.Triplets settings,
            CaptionForm form,
            PhotoSource photos,
            Path dir) {
        List<Triplet> train = new ArrayList<>();
        if (!trained.isEmpty()) {
            ComposedTriplets.draw(taxonomy, trained, settings.drawing()).write(dir, CATEGORY, TRAIN);
            train.addAll(FashionIq.open(dir).triplets(CATEGORY, TRAIN));
        }
        List<QuerySet> queries = new ArrayList<>();
        if (!asked.isEmpty()) {
            ComposedTriplets.draw(taxonomy, asked, settings.drawing()).write(dir, CATEGORY, VAL);
            queries.add(FashionIq.open(dir).queries(CATEGORY, VAL, GalleryKind.ORIGINAL, form, id -> true, false));
        }
        return new CompositionData(photos, train, queries);
    }

    /**
     * Triplets that the settings' table lists.
     *
     * @param trained photos to train on, may be empty
     * @param asked photos to measure on, may be empty
     * @throws DataException if the table has none among photos, or names one that does not exist
     */
    public static CompositionData listed(
            AgcnConfig.Data settings,
            PhotoSplits splits,
            List<FashionItem> trained,
            List<FashionItem> asked,
            CaptionForm form,
            PhotoSource photos) {
        TripletTable triplets = TripletTable.open(settings.tripletsTable());
        triplets.requireKnown(splits.ids(settings.place(), settings.tableSettings()));
        return new CompositionData(
                photos,
                trained.isEmpty()
                        ? List.of()
                        : triplets.triplets(
                                trained.stream().map(FashionItem::id).collect(Collectors.toSet())),
                asked.isEmpty()
                        ? List.of()
                        : List.of(triplets.queries(
                                asked.stream().map(FashionItem::id).toList(), form)));
    }

    /** Photos with their boxes, of one split or of two in the same folder, in the encoder's own preparation. */
    public static GarmentPhotos garmentPhotos(OpenedEncoder encoder, PhotoData.Parts parts, AgcnConfig.Data settings) {
        return new GarmentPhotos(
                parts, encoder.data().at(settings.place(), parts.split().name()), settings.image(), settings.threads());
    }

    /** Photos without boxes, in the preparation of the data settings, else in FashionIQ's with the encoder's normalisation. */
    public static WholePhotos wholePhotos(OpenedEncoder encoder, ImagesById images, AgcnConfig.Data settings) {
        Normalization normalization = Preparation.parse(
                        encoder.data().evaluation().crop())
                .normalization()
                .orElse(Normalization.CLIP);
        String preparation = settings.preparation() != null
                ? settings.preparation()
                : WholePhotos.targetPad(encoder.model().config().vision().imageSize(), normalization);
        return new WholePhotos(images, Preparation.parse(preparation));
    }

    /**
     * FashionIQ's validation queries.
     *
     * @param allowPartial goes on without images that are missing
     */
    public static List<QuerySet> fashionIqQueries(
            FashionIq data, GalleryKind gallery, CaptionForm form, boolean allowPartial) {
        return data.categories().stream()
                .filter(category -> data.splits(category).contains(VAL))
                .map(category -> data.queries(category, VAL, gallery, form, data.images()::has, allowPartial))
                .toList();
    }

    /**
     * Refuses FashionIQ folders without all images of a gallery.
     *
     * @param permission what the user can set to go on without them
     * @throws DataException where an image is missing
     */
    public static void requireImages(FashionIq data, String split, GalleryKind kind, String permission) {
        for (String category : data.categories()) {
            if (data.splits(category).contains(split)) {
                Coverage coverage = data.coverage(category, split, kind);
                if (!coverage.complete()) {
                    throw new DataException(
                            coverage + "; complete " + data.images().folder() + ", or go on without them by "
                                    + permission + ", after which figures do not compare with others");
                }
            }
        }
    }

    /**
     * FashionIQ's training triplets that have both images.
     *
     * @throws DataException if there are none
     */
    private static List<Triplet> fashionIqTriplets(FashionIq data) {
        List<Triplet> train = new ArrayList<>();
        for (String category : data.categories()) {
            if (data.splits(category).contains(TRAIN)) {
                data.triplets(category, TRAIN).stream()
                        .filter(triplet -> LeftOut.there(data, triplet))
                        .forEach(train::add);
            }
        }
        if (train.isEmpty()) {
            throw new DataException(data.images().folder() + ": no training triplet has both its images there; put them"
                    + " there, named by their ids");
        }
        return train;
    }

    /**
     * What a configuration trains on and validates with; the run's folder then says which photos that are, where they
     * have labels.
     */
    static CompositionData of(AgcnConfig config, OpenedEncoder encoder, PhotoSplits splits, RunFolder folder)
            throws IOException {
        AgcnConfig.Data data = config.data();
        if (data.fashioniq() != null) {
            FashionIq fashionIq = FashionIq.open(data.fashioniq());
            if (!data.allowPartial()) {
                requireImages(fashionIq, TRAIN, GalleryKind.VAL_SPLIT, PARTIAL);
                requireImages(fashionIq, VAL, GalleryKind.VAL_SPLIT, PARTIAL);
            }
            folder.writePhotos(Map.of(), Map.of());
            return new CompositionData(
                    wholePhotos(encoder, fashionIq.images(), data),
                    fashionIqTriplets(fashionIq),
                    fashionIqQueries(fashionIq, GalleryKind.VAL_SPLIT, CaptionForm.JOINED, data.allowPartial()));
        }
        PhotoSplit split = splits.split(data.place(), data.split(), data.tableSettings());
        PhotoData.Parts parts = encoder.parts(splits, split);
        folder.writePhotos(
                parts.split().hashes(parts.train()), parts.validationSplit().hashes(parts.validation()));
        if (data.tripletsTable() != null) {
            return listed(
                    data,
                    splits,
                    parts.train(),
                    parts.validation(),
                    CaptionForm.JOINED,
                    garmentPhotos(encoder, parts, data));
        }
        return garments(
                split.taxonomy(),
                parts.train(),
                parts.validation(),
                data.triplets(),
                CaptionForm.JOINED,
                garmentPhotos(encoder, parts, data),
                folder.dir().resolve("triplets"));
    }

    /** Encodes all images and texts of triplets and queries. */
    public EncodedData encode(OpenedEncoder encoder, AgcnConfig.Data data, Stages stages) throws IOException {
        Set<String> ids = new LinkedHashSet<>();
        Set<String> texts = new LinkedHashSet<>();
        for (Triplet triplet : train) {
            ids.add(triplet.reference());
            ids.add(triplet.target().orElseThrow());
            texts.addAll(CompositionBatches.wordings(triplet));
        }
        for (QuerySet set : queries) {
            ids.addAll(set.gallery());
            set.queries().forEach(query -> {
                ids.add(query.reference());
                texts.add(query.text());
            });
        }
        return EncodedData.build(
                data.features(),
                encoder.model(),
                encoder.hash(),
                List.copyOf(ids),
                photos,
                List.copyOf(texts),
                data.storage(),
                stages);
    }
}
