/**
 * How well composed queries find their targets ({@link org.rafclip.agcn.eval.ComposedRetrieval}), by a {@link
 * org.rafclip.agcn.eval.Protocol} that every table prints, and Tables 3 and 5 with the paper's and other published rows
 * ({@link org.rafclip.agcn.eval.ComposedTable}). Nothing here knows a composer: the inputs are embeddings.
 */
package org.rafclip.agcn.eval;
