package org.rafclip.eval;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import lombok.Getter;
import lombok.experimental.Accessors;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.data.DataException;
import org.rafclip.data.deepfashion.FashionItem;

/**
 * Photos and all their captions: retrieval by what people wrote rather than by labels. Photos without a caption take no
 * part.
 *
 * <p>Text to image, every caption is a query and the photos are the gallery; at instance level the photo that it is of is
 * right, at label level every photo with an equal caption. Image to text, every photo is a query and all captions are the
 * gallery; at instance level its own captions are right, at label level also those of others that are equal to one of them.
 */
public final class CaptionPairs {

    /** Indices of the photos that have captions, among all photos. */
    @Getter
    @Accessors(fluent = true)
    private final int[] photos;

    /** All their captions, photo after photo. */
    @Getter
    @Accessors(fluent = true)
    private final List<String> texts;

    private final int[] owner;
    private final int[][] textsOf;
    private final Map<String, List<Integer>> equal = new LinkedHashMap<>();

    /**
     * @param items all photos
     * @throws DataException if none has a caption
     */
    public CaptionPairs(List<FashionItem> items) {
        photos = IntStream.range(0, items.size())
                .filter(i -> !items.get(i).captions().isEmpty())
                .toArray();
        if (photos.length == 0) {
            throw new DataException("none of the " + items.size() + " photos has a caption, so there is no caption"
                    + " retrieval to measure; take photos with captions, or measure by labels");
        }
        textsOf = new int[photos.length][];
        List<String> all = new ArrayList<>();
        List<Integer> owners = new ArrayList<>();
        for (int photo = 0; photo < photos.length; photo++) {
            int first = all.size();
            for (String caption : items.get(photos[photo]).captions()) {
                equal.computeIfAbsent(caption, fresh -> new ArrayList<>()).add(all.size());
                all.add(caption);
                owners.add(photo);
            }
            textsOf[photo] = IntStream.range(first, all.size()).toArray();
        }
        texts = List.copyOf(all);
        owner = owners.stream().mapToInt(Integer::intValue).toArray();
    }

    /**
     * The rows of the photos that have captions.
     *
     * @param all embeddings of all photos, {@code [all photos, d]}
     * @return {@code [photos, d]}
     */
    public INDArray rowsOf(INDArray all) {
        return photos.length == all.size(0) ? all : Nd4j.pullRows(all, 1, photos, 'c');
    }

    /**
     * Photos and captions in both directions; the result's n is the number of captions.
     *
     * @param images the photos' embeddings, of length 1, {@code [photos, d]}
     * @param embedded the texts', of length 1, {@code [texts, d]}
     * @param ks answer lengths, each at least 1
     */
    public RetrievalResult evaluate(INDArray images, INDArray embedded, List<Integer> ks) {
        return new RetrievalResult(
                texts.size(),
                equal.size(),
                equal.size(),
                new RetrievalResult.Direction(
                        Retrieval.evaluate(embedded, images, text -> new int[] {owner[text]}, ks),
                        Retrieval.evaluate(embedded, images, this::photosWith, ks)),
                new RetrievalResult.Direction(
                        Retrieval.evaluate(images, embedded, photo -> textsOf[photo], ks),
                        Retrieval.evaluate(images, embedded, this::textsLikeThoseOf, ks)));
    }

    /** The photo that a text is of, by its place among {@link #photos}. */
    public int owner(int text) {
        return owner[text];
    }

    /** The first of a photo's texts. */
    public int firstText(int photo) {
        return textsOf[photo][0];
    }

    /** The photos with a caption equal to a text, by their places among {@link #photos}. */
    public int[] photosWith(int text) {
        return equal.get(texts.get(text)).stream()
                .mapToInt(other -> owner[other])
                .distinct()
                .toArray();
    }

    /** The texts equal to one of a photo's. */
    public int[] textsLikeThoseOf(int photo) {
        return IntStream.of(textsOf[photo])
                .flatMap(text -> equal.get(texts.get(text)).stream().mapToInt(Integer::intValue))
                .distinct()
                .toArray();
    }
}
