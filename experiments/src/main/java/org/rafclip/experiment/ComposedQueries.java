package org.rafclip.experiment;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.rafclip.agcn.features.EncodedData;
import org.rafclip.agcn.train.AgcnConfig;
import org.rafclip.agcn.train.CompositionData;
import org.rafclip.agcn.train.FrozenEncoder;
import org.rafclip.data.Stages;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.data.fashioniq.CaptionForm;
import org.rafclip.data.fashioniq.FashionIq;
import org.rafclip.data.fashioniq.GalleryKind;
import org.rafclip.data.fashioniq.QuerySet;
import org.rafclip.io.AtomicFiles;

/**
 * Queries of an image and a text, encoded.
 *
 * @param sets one a category
 * @param features of all their images and texts
 */
public record ComposedQueries(List<QuerySet> sets, EncodedData features) {

    public ComposedQueries {
        sets = List.copyOf(sets);
    }

    /**
     * Queries made of photos' labels; every photo with the target's labels is right.
     *
     * @param items of the split, those that are asked about and found
     * @param settings with the split's folder; they say how triplets are drawn and where features are kept
     * @throws org.rafclip.data.DataException if no triplet comes out of the photos
     */
    public static ComposedQueries ofPhotos(
            FrozenEncoder encoder,
            FashionSplit split,
            List<FashionItem> items,
            AgcnConfig.Data settings,
            CaptionForm captions,
            Stages stages)
            throws IOException {
        Path written = Files.createTempDirectory("rafclip-triplets");
        try {
            return of(
                    CompositionData.garments(
                            split,
                            List.of(),
                            items,
                            settings.triplets(),
                            captions,
                            encoder.photos(split, settings),
                            written),
                    encoder,
                    settings,
                    stages);
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
            FrozenEncoder encoder,
            FashionIq data,
            AgcnConfig.Data settings,
            GalleryKind gallery,
            CaptionForm captions,
            boolean allowPartial,
            Stages stages)
            throws IOException {
        return of(
                new CompositionData(
                        encoder.photos(data.images(), settings),
                        List.of(),
                        CompositionData.fashionIqQueries(data, gallery, captions, allowPartial)),
                encoder,
                settings,
                stages);
    }

    private static ComposedQueries of(
            CompositionData data, FrozenEncoder encoder, AgcnConfig.Data settings, Stages stages) throws IOException {
        return new ComposedQueries(data.queries(), data.encode(encoder, settings, stages));
    }
}
