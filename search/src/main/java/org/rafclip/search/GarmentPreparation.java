package org.rafclip.search;

import java.util.List;
import java.util.Optional;
import org.rafclip.data.DataException;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.Dimensions;
import org.rafclip.data.image.Mask;
import org.rafclip.data.image.RgbImage;
import org.rafclip.data.prepare.Preparation;
import org.rafclip.data.prepare.Region;
import org.rafclip.data.region.RegionSettings;
import org.rafclip.data.segment.Segmenter;
import org.rafclip.data.text.DominantColor;
import org.rafclip.data.text.FashionColor;
import org.rafclip.eval.PhotoEvaluation.Images;
import org.rafclip.photos.PhotoConfig;
import org.rafclip.photos.PhotoData;
import org.rafclip.photos.SegmenterChoice;
import org.rafclip.photos.TypicalBox;

/** Brings photos into the form in which a model's run measures them. Safe for many threads. */
final class GarmentPreparation {

    private final RegionSettings settings;
    private final DominantColor colors;
    private final Segmenter segmenter;
    private final TypicalBox unknown;

    /**
     * @param data how the run prepares photos; exact masks, which only drawn data have, are GrabCut's here
     * @param imageSize the model's
     * @param unknown where a garment is looked for in a photo without a box
     */
    GarmentPreparation(PhotoConfig data, int imageSize, TypicalBox unknown) {
        this.unknown = unknown;
        this.settings = new RegionSettings(
                Preparation.parse(data.evaluation().crop()),
                Preparation.parse(data.evaluation().region()),
                data.palette(),
                data.categoryWord());
        if (settings.crop().random() || settings.region().random()) {
            throw new DataException(
                    "the model's data.evaluation draws random numbers; the same photo would be another" + " each time");
        }
        Dimensions size = settings.size();
        if (size.width() != imageSize || size.height() != imageSize) {
            throw new DataException("the model's data.evaluation gives images of " + size.width() + "x" + size.height()
                    + ", the model reads " + imageSize + "x" + imageSize);
        }
        this.colors = new DominantColor(settings.palette());
        SegmenterChoice choice = data.segmenter() == SegmenterChoice.EXACT ? SegmenterChoice.GRABCUT : data.segmenter();
        this.segmenter = PhotoData.segmenter(choice, data.place(), data.sam());
    }

    /**
     * A garment made ready.
     *
     * @param box that lies in the photo
     * @param mask of the photo's size
     */
    record Prepared(Box box, Mask mask, FashionColor color, Region whole) {}

    /** @throws DataException if the box has no pixel in the photo */
    Prepared prepare(Photo photo) {
        RgbImage image = photo.image();
        Box box = photo.box().isPresent() ? photo.requireInside() : unknown.in(image.width(), image.height());
        Mask mask = segmenter.segment(image, box).mask();
        return new Prepared(box, mask, colors.of(image, mask), Region.of(image, box, mask));
    }

    /** The image that the model sees, before normalisation. */
    RgbImage shown(Prepared garment, Images which) {
        return new Preparation(steps(which).steps(), Optional.empty())
                .apply(garment.whole())
                .image();
    }

    /** Normalised pixels {@code [3, size, size]} of a {@link #shown} image. */
    float[] pixels(RgbImage shown, Images which) {
        return new Preparation(List.of(), steps(which).normalization()).toFloats(Region.of(shown), null);
    }

    private Preparation steps(Images which) {
        return which == Images.CROPS ? settings.crop() : settings.region();
    }

    /** Stands for the category where none is known. */
    String categoryWord() {
        return settings.categoryWord();
    }

    int size() {
        return settings.size().width();
    }
}
