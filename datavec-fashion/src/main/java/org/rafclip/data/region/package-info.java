/**
 * From annotated photos to what the two branches of RaF-CLIP are trained on (paper, section 1.1, Fig. 1).
 *
 * <p>{@link org.rafclip.data.region.RegionLoader} makes of a garment the category branch's crop, the attribute branch's
 * masked region and their color and labels; {@link org.rafclip.data.region.RegionBatches} serves them as shuffled,
 * augmented batches; {@link org.rafclip.data.region.FashionRecordReader} offers them as DataVec records.
 */
package org.rafclip.data.region;
