/**
 * Which pixels of a box are the garment.
 *
 * <p>{@link org.rafclip.data.segment.Segmenter} is the contract the paper's attribute branch needs: a photo and a
 * ground-truth box in, a {@link org.rafclip.data.image.Mask} out. {@link org.rafclip.data.segment.GrabCutSegmenter}
 * fulfils it without any trained weights; {@link org.rafclip.data.segment.WholeBoxSegmenter} and
 * {@link org.rafclip.data.segment.EllipseSegmenter} are the baselines every segmenter has to beat.
 * {@link org.rafclip.data.segment.MaskCache} computes each mask once. How well a segmenter does is measured in {@link
 * org.rafclip.data.coparsing}.
 */
package org.rafclip.data.segment;
