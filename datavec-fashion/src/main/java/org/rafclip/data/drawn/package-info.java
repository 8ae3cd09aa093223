/**
 * A data set that is drawn: photo-like scenes of garments with exact labels, boxes and masks, in the layouts of
 * DeepFashion and FashionIQ.
 *
 * <p>{@link org.rafclip.data.drawn.DrawnData} writes one into a folder. The way there: {@code Wardrobe} draws
 * plausible labels ({@link org.rafclip.data.drawn.Look}), {@code Scene} is one photo to be taken, {@code Tailor} cuts
 * the garment's outlines, {@code Cloth} says what fabric, pattern and color look like at a point, {@code SceneRenderer}
 * paints all layers on a {@code Canvas}, which keeps track of what of the garment stays visible.
 *
 * <p>Java2D rasterizes outlines; shading and patterns are computed pixel by pixel. No fonts are used. Every aspect of a
 * scene has a random stream of its own, so that changing one label leaves everything else as it is.
 */
package org.rafclip.data.drawn;
