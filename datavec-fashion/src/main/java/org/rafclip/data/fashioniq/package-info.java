/**
 * FashionIQ: composed retrieval, where a query is a reference image plus words for what the target has different.
 *
 * <p>{@link org.rafclip.data.fashioniq.FashionIq} reads a folder in the data set's released layout, whatever categories
 * it has, into {@link org.rafclip.data.fashioniq.Triplet}s and {@link org.rafclip.data.fashioniq.QuerySet}s, and says
 * which images are missing; {@link org.rafclip.data.fashioniq.Captions} holds the rules by which two captions become a
 * query's text; {@link org.rafclip.data.fashioniq.TripletRecordReader} gives triplets with their texts as DataVec records, which
 * training and evaluation read.
 */
package org.rafclip.data.fashioniq;
