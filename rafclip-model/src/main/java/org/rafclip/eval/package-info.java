/**
 * How well embeddings recognise attributes ({@link org.rafclip.eval.AttributeRecognition}) and find images for texts
 * and texts for images ({@link org.rafclip.eval.Retrieval}).
 */
package org.rafclip.eval;
