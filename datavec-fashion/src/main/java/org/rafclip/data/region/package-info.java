/**
 * From annotated photos to what the two branches of RaF-CLIP are trained on (paper, section 1.1, Fig. 1).
 *
 * <p>{@link org.rafclip.data.region.RegionLoader} makes of a garment the category branch's crop, the attribute branch's
 * masked region and their color and labels, as far as nothing random is in it; {@link
 * org.rafclip.data.region.FashionRecordReader} augments them and gives them as DataVec records, in list order or shuffled;
 * {@link org.rafclip.data.region.RegionBatch} stacks records for a model. Training and evaluation read nothing else.
 */
package org.rafclip.data.region;
