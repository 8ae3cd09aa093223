/**
 * Composed retrieval on photos that have attribute labels and no captions: triplets whose target differs from the
 * reference in one or two attribute groups, with texts that say so in FashionIQ's manner.
 *
 * <p>{@link org.rafclip.data.composed.ComposedTriplets} draws them and writes them out in FashionIQ's layout, for {@link
 * org.rafclip.data.fashioniq.FashionIq} to read; {@link org.rafclip.data.composed.Phrases} words them.
 */
package org.rafclip.data.composed;
