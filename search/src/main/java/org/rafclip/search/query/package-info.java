/**
 * Questions to an index and their answers: {@link org.rafclip.search.query.Searcher} answers one,
 * {@link org.rafclip.search.query.Dialog} leads from one to the next.
 */
package org.rafclip.search.query;
