/**
 * How well embeddings recognise attributes ({@link org.rafclip.eval.AttributeRecognition}) and find images for texts
 * and texts for images ({@link org.rafclip.eval.Retrieval}), and the tables that put the figures beside the paper's
 * ({@link org.rafclip.eval.PaperTables}, {@link org.rafclip.eval.AttributeTable},
 * {@link org.rafclip.eval.RetrievalTable}). Nothing here knows an encoder: the inputs are embeddings and labels.
 */
package org.rafclip.eval;
