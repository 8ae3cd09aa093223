/**
 * The Clothing Co-Parsing data set, real photos with drawn garment masks, and what it is for here: measuring how well a
 * {@link org.rafclip.data.segment.Segmenter} finds a garment from its box ({@code MaskEvaluation} of
 * the module {@code measure}).
 */
package org.rafclip.data.coparsing;
