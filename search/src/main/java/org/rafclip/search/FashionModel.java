package org.rafclip.search;

import java.util.List;
import org.rafclip.eval.PhotoEvaluation.Images;

/** An encoder, with its composer where it has one, ready to be asked. Safe for many threads. */
public interface FashionModel extends AutoCloseable {

    /** For people; never a path. */
    String name();

    /** {@link org.rafclip.open.OpenedEncoder#hash}. */
    String hash();

    /** d. */
    int width();

    /** Which image of a garment is embedded. */
    Images images();

    /** Embeds photos: vectors of length 1, {@code [photos][d]}. */
    List<float[]> embed(List<Photo> photos);

    /** Embeds texts: vectors of length 1, {@code [texts][d]}. */
    List<float[]> embedTexts(List<String> texts);

    /** Recognises a photo's garment; {@code words} are further attributes to score, may be empty. */
    Recognition recognise(Photo photo, List<String> words);

    /** Composes "this, but" into a query. */
    Composed compose(Photo reference, String change);

    @Override
    void close();
}
