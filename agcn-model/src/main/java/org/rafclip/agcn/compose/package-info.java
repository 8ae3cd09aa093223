/**
 * Composers: networks that turn the features of a reference image and of a modifying text into one query in the
 * embedding space (Wang and Zhao 2024, Eq. 6–12).
 *
 * <p>{@link org.rafclip.agcn.compose.Composer} is the one contract: placeholders in, the composed query out, whatever
 * network lies between. The networks are the attribute-guided composed network (AGCN), the four ablations of the paper's
 * Table 5, and the combiner of Baldrati et al. 2022.
 */
package org.rafclip.agcn.compose;
