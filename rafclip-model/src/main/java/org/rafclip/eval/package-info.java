/**
 * How well embeddings recognise attributes ({@link org.rafclip.eval.AttributeRecognition}) and find images for texts
 * and texts for images ({@link org.rafclip.eval.Retrieval}), and the tables that put the figures beside the paper's
 * ({@link org.rafclip.eval.PaperTables}, {@link org.rafclip.eval.AttributeTable},
 * {@link org.rafclip.eval.RetrievalTable}). {@link org.rafclip.eval.PhotoEvaluation} is where photos and a model become
 * embeddings; the others know no encoder.
 */
package org.rafclip.eval;
