package org.rafclip.agcn.search;

import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.agcn.compose.ComposerModel;
import org.rafclip.agcn.features.EncodedData;
import org.rafclip.agcn.features.Features;
import org.rafclip.agcn.features.TextFeatureSource;
import org.rafclip.clip.ClipModel;
import org.rafclip.data.DataException;
import org.rafclip.eval.Retrieval;

/**
 * A gallery of images encoded by a frozen encoder, searched by text or by an image of it plus text. Ranking is the
 * evaluation's: exact by cosine, of equally near images the earlier one first. For one thread.
 */
public final class ImageSearch {

    private final ComposerModel composer;
    private final Function<String, Features> texts;
    private final EncodedData images;
    private final List<String> ids;
    private final Map<String, Integer> places = new HashMap<>();
    private final Retrieval.Gallery gallery;

    /**
     * @param composer trained on features of this encoder; not closed by this
     * @param texts gives a text's features, one row
     * @param images features of all the ids
     * @param ids of the gallery, all different
     */
    public ImageSearch(ComposerModel composer, Function<String, Features> texts, EncodedData images, List<String> ids) {
        this.composer = composer;
        this.texts = texts;
        this.images = images;
        this.ids = List.copyOf(ids);
        this.ids.forEach(id -> places.put(id, places.size()));
        this.gallery = new Retrieval.Gallery(images.embeddings(this.ids));
    }

    /** How an encoder turns a text into features. */
    public static Function<String, Features> texts(ClipModel encoder) {
        return text -> new TextFeatureSource(encoder, List.of(text)).encode(0, 1);
    }

    /** The gallery's images in its order. */
    public List<String> ids() {
        return ids;
    }

    /**
     * Images nearest to a text.
     *
     * @param k how many at most
     * @param without images that may not be an answer
     * @throws DataException if the text is blank or an image is not of the gallery
     */
    public List<Hit> byText(String text, int k, Set<String> without) {
        return nearest(encoded(text).embeddings(), k, without);
    }

    /**
     * Images nearest to the composed query of an image and a text.
     *
     * @param reference an image of the gallery
     * @param k how many at most
     * @param without images that may not be an answer
     * @throws DataException if the text is blank or an image is not of the gallery
     */
    public List<Hit> composed(String reference, String text, int k, Set<String> without) {
        place(reference);
        return nearest(composer.compose(images.images(List.of(reference)), encoded(text)), k, without);
    }

    /**
     * An image's place in the gallery.
     *
     * @throws DataException if it is not there
     */
    int place(String id) {
        Integer place = places.get(id);
        if (place == null) {
            throw new DataException("there is no image '" + id + "' in this gallery of " + ids.size()
                    + "; its ids look like '" + ids.get(0) + "'");
        }
        return place;
    }

    private Features encoded(String text) {
        if (text.isBlank()) {
            throw new DataException("the text is empty; say what the image should show");
        }
        return texts.apply(text);
    }

    private List<Hit> nearest(INDArray query, int k, Set<String> without) {
        BitSet hidden = new BitSet();
        without.forEach(id -> hidden.set(place(id)));
        return gallery.nearest(query, k, hidden).stream()
                .map(hit -> new Hit(ids.get(hit.index()), hit.cosine()))
                .toList();
    }
}
