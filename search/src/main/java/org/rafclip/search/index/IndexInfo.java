package org.rafclip.search.index;

import java.nio.file.Path;
import java.time.Instant;
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
        Path root,
        boolean predicted,
        int entries,
        Instant updated) {}
