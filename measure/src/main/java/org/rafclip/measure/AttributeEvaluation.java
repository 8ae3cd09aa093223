package org.rafclip.measure;

import org.rafclip.eval.AttributeResult;
import org.rafclip.eval.AttributeTable;
import org.rafclip.run.ReportFormat;

/**
 * Attribute recognition by an encoder (Tables 1 and 4).
 *
 * @param measured which encoder, on which photos
 * @param complete the same by an encoder that was trained on whole photos (Table 4), null where none was measured
 * @param examples photos drawn from those measured with their answers, null for none
 */
@ReportFormat(kind = "attributes", version = 3)
public record AttributeEvaluation(
        EncoderOnPhotos measured, AttributeResult result, AttributeEvaluation complete, Figure examples) {

    /** The same beside an encoder that was trained on whole photos, null for none, and with a figure. */
    public AttributeEvaluation with(AttributeEvaluation other, Figure figure) {
        return new AttributeEvaluation(measured, result, other, figure);
    }

    /** A table's row. */
    public AttributeTable.Ours row(String method) {
        return new AttributeTable.Ours(
                method,
                result,
                measured.setting(AttributeTable.protocol(
                        measured.prompts().attribute(), measured.preparation().region(), measured.mirror())));
    }
}
