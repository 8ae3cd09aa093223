/**
 * The DeepFashion Category and Attribute Prediction Benchmark, fine annotations: the data set RaF-CLIP is trained on.
 *
 * <p>{@link org.rafclip.data.deepfashion.FashionSplit} reads the annotation files of one split into
 * {@link org.rafclip.data.deepfashion.FashionItem}s; {@link org.rafclip.data.deepfashion.AttributeTaxonomy} says what
 * the labels mean. The photos themselves are {@link org.rafclip.data.region}'s business.
 */
package org.rafclip.data.deepfashion;
