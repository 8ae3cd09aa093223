package org.rafclip.search;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import lombok.With;
import org.rafclip.eval.PhotoEvaluation.Images;
import org.rafclip.ops.Precision;
import org.rafclip.photos.Vocabulary;
import org.rafclip.train.Checkpoints;

/**
 * An encoder, with its composer where it has one, ready to be asked.
 *
 * <pre>{@code
 * try (FashionModel model = FashionModel.open(Path.of("runs/raf"))) {
 *     Recognition seen = model.recognise(Photo.of(Path.of("dress.jpg")), List.of("puff sleeve"));
 *     float[] photo = model.embed(List.of(Photo.of(Path.of("dress.jpg")))).get(0);
 *     float[] text = model.embedTexts(List.of("a red floral dress")).get(0);
 * }
 * }</pre>
 *
 * <p>Safe for many threads: a photo is prepared on the thread that asks, encoding happens on one thread of the model's own,
 * which takes whatever waits for it together. Where more waits than {@link Settings#waiting} allows, {@link Busy} is thrown.
 * What is closed answers nothing more; who still waits gets an {@link IllegalStateException}. With oneDNN,
 * which is what x86-64 has, the bits of an answer do not depend on what was encoded with it.
 */
public interface FashionModel extends AutoCloseable {

    /**
     * How a model is opened: {@link #DEFAULT}, of which {@code withComposer(…)}, {@code withImages(…)} and so on make others.
     *
     * @param composer a composer's run, null for none beyond what is opened
     * @param encoder the encoder's folder where it is no longer where the composer's training found it, null otherwise
     * @param checkpoint of runs
     * @param images which image of a garment is embedded, null for the composer's, or else regions
     * @param vocabulary in whose words it answers, null for those that it was trained with
     * @param wholePhotos whether a photo without a box is taken whole, rather than the part of it where garments lie in the
     *     photos that the model was trained on ({@link org.rafclip.open.OpenedEncoder#typicalBox})
     * @param precision of the matrix products; bfloat16 where the processor has it
     * @param waiting photos and texts together that may wait to be encoded
     */
    @With
    record Settings(
            Path composer,
            Path encoder,
            Checkpoints.Which checkpoint,
            Images images,
            Vocabulary vocabulary,
            boolean wholePhotos,
            Precision precision,
            int waiting) {

        /** The best checkpoint, with up to 4,096 photos and texts waiting. */
        public static final Settings DEFAULT =
                new Settings(null, null, Checkpoints.Which.BEST, null, null, false, Precision.FP32, 4096);
    }

    /**
     * Opens a model.
     *
     * @param model the folder of a RaF-CLIP run, of a composer's run, of a suite, or of a model
     * @throws org.rafclip.data.DataException if it is none of these, or damaged
     */
    static FashionModel open(Path model) throws IOException {
        return open(model, Settings.DEFAULT);
    }

    /** {@link #open(Path)} with settings. */
    static FashionModel open(Path model, Settings settings) throws IOException {
        return OpenModel.open(model, settings);
    }

    /** For people; never a path. */
    String name();

    /** Where the encoder lies. */
    Path place();

    /** Where the composer lies, empty without one. */
    Optional<Path> composerPlace();

    /** What composes image and change, for people, such as {@code AGCN}; empty where the model has no composer. */
    Optional<String> composer();

    /** {@link org.rafclip.open.OpenedEncoder#hash}. */
    String hash();

    /** d. */
    int width();

    /** Which image of a garment is embedded. */
    Images images();

    /** Whether a photo without a box is taken whole ({@link Settings#wholePhotos}). */
    boolean wholePhotos();

    /** In whose words it answers. */
    Vocabulary vocabulary();

    /**
     * Embeds garments, as a measurement of the model's run prepares them.
     *
     * @return vectors of length 1, {@code [photos][d]}
     * @throws org.rafclip.data.DataException if a box has no pixel in its photo
     * @throws Busy if too much waits
     */
    List<float[]> embed(List<Photo> photos);

    /**
     * Embeds texts. One that was asked for not long ago is not encoded again.
     *
     * @return vectors of length 1, {@code [texts][d]}
     * @throws org.rafclip.data.DataException if a text is blank
     * @throws Busy if too much waits
     */
    List<float[]> embedTexts(List<String> texts);

    /**
     * Recognises a photo's garment (Wang and Zhao 2024, section 2.3), each group's attributes by texts with the category
     * that was recognised.
     *
     * @param words further attributes, which no training need have seen; may be empty
     * @throws org.rafclip.data.DataException if the box has no pixel in the photo, or a word is blank
     * @throws Busy if too much waits
     */
    Recognition recognise(Photo photo, List<String> words);

    /**
     * Embeds garments and recognises them, what both need being computed once.
     *
     * @return one a photo
     */
    List<Described> describe(List<Photo> photos);

    /**
     * A garment's vector and what is seen on it.
     *
     * @param vector of length 1, {@code [d]}
     */
    record Described(float[] vector, Recognition recognition) {}

    /**
     * Composes "this garment, but" into a query: by the composer, or, where the model has none, by the sum of both vectors.
     *
     * @throws org.rafclip.data.DataException if the change is blank, or the box has no pixel in the photo
     * @throws Busy if too much waits
     */
    Composed compose(Photo reference, String change);

    /** How long the model has worked so far; nothing where it is not measured. */
    default Spent spent() {
        return new Spent(0, 0);
    }

    /**
     * @param preparing seconds of all threads together: masks, steps of preparation
     * @param encoding seconds of the thread that encodes
     */
    record Spent(double preparing, double encoding) {}

    @Override
    void close();
}
