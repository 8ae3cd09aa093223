package org.rafclip.search.index;

import java.nio.file.Path;
import java.time.Instant;
import org.rafclip.data.DataException;
import org.rafclip.eval.PhotoEvaluation.Images;

/**
 * What an index says of itself.
 *
 * @param model the name of the encoder, for people
 * @param modelHash {@link org.rafclip.open.OpenedEncoder#hash}: vectors of another encoder do not belong here
 * @param modelPlace the run or model folder, where it was when the index was last written
 * @param composerPlace the composer's run, null without one
 * @param width d of the vectors
 * @param images which image of a garment was embedded
 * @param wholePhotos whether photos without a box were taken whole
 * @param root the folder that the photos' files lie in
 * @param predicted whether labels are the model's answers rather than a table's
 * @param entries how many
 * @param updated when the last commit was
 */
public record IndexInfo(
        String model,
        String modelHash,
        Path modelPlace,
        Path composerPlace,
        int width,
        Images images,
        boolean wholePhotos,
        Path root,
        boolean predicted,
        int entries,
        Instant updated) {

    /** How far the square of a vector's length may be from 1. */
    static final double UNIT = 1e-3;

    /**
     * @param place of the index
     * @throws DataException naming both models if it is another's
     */
    public void mustBeOf(Object place, String otherModel, String otherHash) {
        if (!modelHash.equals(otherHash)) {
            throw new DataException(
                    place + ": the index holds vectors of the model '" + model + "' ("
                            + shortened(modelHash) + "), not of '" + otherModel + "' (" + shortened(otherHash)
                            + "): they cannot be compared. Name the index's model, or another folder for an index of this one.");
        }
    }

    /**
     * @param query of a question for {@link PhotoIndex#nearest}
     * @param k answers
     * @throws IllegalArgumentException if there can be no answer
     */
    public void mustAnswer(float[] query, int k) {
        if (query.length != width || k < 1) {
            throw new IllegalArgumentException("a query of " + query.length + " elements for " + k
                    + " answers; the index has " + width + " elements, and answers are at least 1");
        }
        double squares = squares(query);
        if (!(Math.abs(squares - 1) < UNIT)) {
            throw new IllegalArgumentException("a query of length " + Math.sqrt(squares) + " instead of 1");
        }
    }

    static double squares(float[] vector) {
        double squares = 0;
        for (float v : vector) {
            squares += (double) v * v;
        }
        return squares;
    }

    /** @throws DataException if what is searched by this index's vectors cannot be searched in a later one */
    public void mustGoOnTo(IndexInfo later) {
        if (!modelHash.equals(later.modelHash) || images != later.images) {
            throw new DataException(
                    "the index is now one of " + later.model + "'s " + later.images + "; start again to search it");
        }
    }

    private static String shortened(String hash) {
        return hash.substring(0, Math.min(12, hash.length()));
    }
}
