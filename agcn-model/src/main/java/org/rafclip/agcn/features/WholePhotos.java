package org.rafclip.agcn.features;

import java.io.IOException;
import java.util.List;
import java.util.SplittableRandom;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.data.DataException;
import org.rafclip.data.fashioniq.ImagesById;
import org.rafclip.data.image.Dimensions;
import org.rafclip.data.image.ImageReader;
import org.rafclip.data.prepare.Normalization;
import org.rafclip.data.prepare.Preparation;
import org.rafclip.data.prepare.Region;
import org.rafclip.io.Sha256;

/** Photos by id without a box, such as FashionIQ's. */
public final class WholePhotos implements PhotoSource {

    private final ImagesById images;
    private final Preparation preparation;
    private final Dimensions size;
    private final ImageReader reader = new ImageReader();

    /**
     * FashionIQ's usual preparation (Baldrati et al. 2022).
     *
     * @param imageSize the encoder's, in pixels a side
     * @param normalization the encoder's
     */
    public static String targetPad(int imageSize, Normalization normalization) {
        return "target-pad(1.25) | resize(%1$d) | center-crop(%1$d) | %2$s".formatted(imageSize, normalization);
    }

    /** @throws DataException if the preparation draws random numbers, needs a box or a mask, or does not fix the size */
    public WholePhotos(ImagesById images, Preparation preparation) {
        this.images = images;
        this.preparation = preparation;
        if (preparation.random() || preparation.needsBox() || preparation.needsMask()) {
            throw new DataException("the preparation '" + preparation
                    + "' of whole photos draws random numbers or needs" + " a box or a mask; take those steps out");
        }
        this.size = preparation
                .outputSize()
                .orElseThrow(() -> new DataException("the preparation '" + preparation
                        + "' does not give all images one size; end it with the model's, such as center-crop(224)"));
    }

    @Override
    public String fingerprint(List<String> ids) {
        StringBuilder text = new StringBuilder();
        for (String id : ids) {
            try {
                text.append(id)
                        .append(' ')
                        .append(Sha256.of(reader.locate(images.folder(), entry(id))))
                        .append('\n');
            } catch (IOException e) {
                throw new DataException(
                        images.folder() + ": image " + id + " cannot be read (" + e.getMessage() + ")", e);
            }
        }
        return Sha256.of(text.toString());
    }

    @Override
    public String preparation() {
        return preparation.fingerprint();
    }

    @Override
    public INDArray load(List<String> ids) {
        int pixels = 3 * size.width() * size.height();
        float[] batch = new float[ids.size() * pixels];
        for (int i = 0; i < ids.size(); i++) {
            Region photo = Region.of(reader.read(images.folder(), entry(ids.get(i))));
            preparation.toFloats(photo, new SplittableRandom(0), batch, i * pixels);
        }
        return Nd4j.create(batch, new long[] {ids.size(), 3, size.height(), size.width()}, 'c');
    }

    private String entry(String id) {
        return images.entry(id)
                .orElseThrow(() -> new DataException(images.folder() + ": has no image '" + id
                        + "'; complete the folder, or leave its triplets out"));
    }
}
