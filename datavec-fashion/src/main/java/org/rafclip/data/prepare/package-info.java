/**
 * Image preparation as a pipeline of named steps, written as one line of text such as
 * {@code crop | mask(mean) | target-pad(1.25) | resize(224) | center-crop(224) | normalize(clip)}.
 *
 * <p>A {@link org.rafclip.data.prepare.Preparation} takes a {@link org.rafclip.data.prepare.Region} (an image, and where
 * the garment is in it) to the numbers an image encoder reads. Its leading steps that draw no random numbers can be run
 * once and cached; {@link org.rafclip.data.prepare.Preparation#fingerprint()} is the cache key.
 */
package org.rafclip.data.prepare;
