package org.rafclip.measure;

import java.util.List;
import org.rafclip.eval.PhotoEvaluation.Images;
import org.rafclip.eval.RetrievalResult;
import org.rafclip.eval.RetrievalTable;
import org.rafclip.run.ReportFormat;

/**
 * Text ↔ image retrieval by an encoder (Table 2).
 *
 * @param measured which encoder, on which photos
 * @param images which of a garment's two images was searched
 * @param texts what was searched with
 * @param examples texts drawn from the photos' with what they find, null for none
 */
@ReportFormat(kind = "retrieval", version = 4)
public record RetrievalEvaluation(
        EncoderOnPhotos measured, Images images, Texts texts, RetrievalResult result, Figure examples) {

    /** Where texts come from. */
    public enum Texts {
        /** The photos' color, category and attributes, worded by a template. */
        LABELS,
        /** What the data say of each photo. */
        CAPTIONS
    }

    /** The same with a figure. */
    public RetrievalEvaluation with(Figure figure) {
        return new RetrievalEvaluation(measured, images, texts, result, figure);
    }

    /** A table's row. */
    public RetrievalTable.Ours row(String method) {
        String preparation = images == Images.CROPS
                ? measured.preparation().crop()
                : measured.preparation().region();
        List<String> templates =
                texts == Texts.CAPTIONS ? null : measured.prompts().retrieval();
        return new RetrievalTable.Ours(
                method, result, measured.setting(RetrievalTable.protocol(templates, preparation, measured.mirror())));
    }
}
