/**
 * The DeepFashion Category and Attribute Prediction Benchmark, fine annotations: the data set RaF-CLIP is trained on.
 *
 * <p>{@link org.rafclip.data.deepfashion.FashionSplit} reads the annotation files of one split into
 * {@link org.rafclip.data.deepfashion.FashionItem}s; {@link org.rafclip.data.deepfashion.AttributeTaxonomy} says what
 * the labels mean; {@link org.rafclip.data.deepfashion.FashionRecordReader} offers the same as DataVec records.
 */
package org.rafclip.data.deepfashion;
