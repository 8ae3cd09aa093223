/**
 * Images in memory and how they get there: {@link org.rafclip.data.image.ImageReader} turns files that nobody vouches
 * for into 8-bit {@link org.rafclip.data.image.RgbImage}s or one clear error; {@link org.rafclip.data.image.Box} and
 * {@link org.rafclip.data.image.Mask} say where a garment is in one.
 */
package org.rafclip.data.image;
