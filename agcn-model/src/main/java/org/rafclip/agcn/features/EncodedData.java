package org.rafclip.agcn.features;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.clip.ClipModel;
import org.rafclip.data.DataException;
import org.rafclip.data.Stages;
import org.rafclip.io.Sha256;

/** A data set's images and texts as features of one frozen encoder, read by id and by wording. */
public final class EncodedData {

    private final FeatureCache images;
    private final FeatureCache texts;
    private final Map<String, Integer> imageRow;
    private final Map<String, Integer> textRow;

    /**
     * Features that are there already.
     *
     * @param ids of the images, all different, one a row
     * @param wordings of the texts, all different, one a row
     */
    public EncodedData(FeatureCache images, List<String> ids, FeatureCache texts, List<String> wordings) {
        this.images = images;
        this.texts = texts;
        this.imageRow = rows(images, ids);
        this.textRow = rows(texts, wordings);
    }

    /**
     * Encodes what no earlier call with the same encoder and data has encoded.
     *
     * @param cache a folder for any number of encoders and data sets; each gets a folder in it named by what it holds
     * @param encoder for as long as this call
     * @param encoderHash {@link org.rafclip.open.OpenedEncoder#hash}
     * @param ids of the images, all different
     * @param wordings of the texts, all different
     * @throws DataException where an image cannot be prepared or a text is empty, or features are not finite
     */
    public static EncodedData build(
            Path cache,
            ClipModel encoder,
            String encoderHash,
            List<String> ids,
            PhotoSource photos,
            List<String> wordings,
            FeatureCache.Storage storage,
            Stages stages)
            throws IOException {
        FeatureKey imageKey = new FeatureKey(encoderHash, photos.fingerprint(ids), photos.preparation());
        FeatureKey textKey = new FeatureKey(encoderHash, Sha256.of(String.join("\n", wordings)), "texts");
        ImageFeatureSource imageSource =
                new ImageFeatureSource(encoder, ids, (from, to) -> photos.load(ids.subList(from, to)));
        TextFeatureSource textSource = new TextFeatureSource(encoder, wordings);
        int width = encoder.config().embedWidth();
        return new EncodedData(
                FeatureCache.build(
                        folder(cache, "images", imageKey, storage),
                        imageKey,
                        imageSource,
                        width,
                        storage,
                        stages.stage("encoding photos", ids.size())),
                ids,
                FeatureCache.build(
                        folder(cache, "texts", textKey, storage),
                        textKey,
                        textSource,
                        width,
                        storage,
                        stages.stage("encoding texts", wordings.size())),
                wordings);
    }

    private static Path folder(Path cache, String what, FeatureKey key, FeatureCache.Storage storage)
            throws IOException {
        Files.createDirectories(cache);
        String name = Sha256.of(key + " " + storage).substring(0, 16);
        return cache.resolve(what + "-" + name);
    }

    private static Map<String, Integer> rows(FeatureCache cache, List<String> names) {
        Map<String, Integer> rows = new HashMap<>();
        names.forEach(name -> rows.put(name, rows.size()));
        if (rows.size() != names.size() || rows.size() != cache.rows()) {
            throw new IllegalArgumentException(names.size() + " names, " + rows.size() + " of them different, for "
                    + cache.rows() + " rows of features");
        }
        return rows;
    }

    /** The features of images in the order of their ids. */
    public Features images(List<String> ids) {
        return images.read(rows("image", imageRow, ids));
    }

    /** The features of texts in the order given. */
    public Features texts(List<String> wordings) {
        return texts.read(rows("text", textRow, wordings));
    }

    /** The embeddings of images, of length 1, {@code [ids, d]}. */
    public INDArray embeddings(List<String> ids) {
        INDArray pooled = images.readPooled(rows("image", imageRow, ids));
        return pooled.diviColumnVector(pooled.norm2(true, 1));
    }

    private static int[] rows(String what, Map<String, Integer> rows, List<String> names) {
        return names.stream()
                .mapToInt(name -> {
                    Integer row = rows.get(name);
                    if (row == null) {
                        throw new DataException(what + " '" + name + "' is not among the " + rows.size()
                                + " that were encoded; take one of them, or encode it with them");
                    }
                    return row;
                })
                .toArray();
    }
}
