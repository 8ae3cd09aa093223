/**
 * Search by image plus text, turn by turn: {@link org.rafclip.agcn.search.ImageSearch} answers a single query on a gallery
 * of encoded images, {@link org.rafclip.agcn.search.DialogSession} makes an answer the next query's reference.
 */
package org.rafclip.agcn.search;
