package org.rafclip.data.segment;

import org.rafclip.data.image.Box;
import org.rafclip.data.image.Mask;
import org.rafclip.data.image.RgbImage;

/** Takes the whole box for the garment: the baseline that a segmenter has to beat. */
public final class WholeBoxSegmenter implements Segmenter {

    @Override
    public Segmentation segment(RgbImage image, Box box) {
        Box inside = Segmenter.inside(image, box);
        return new Segmentation(Mask.of(image.width(), image.height(), inside), false);
    }

    @Override
    public String id() {
        return "box-1";
    }
}
