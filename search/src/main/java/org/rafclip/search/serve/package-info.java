/**
 * The HTTP server and its page: {@link org.rafclip.search.serve.SearchServer}. What it answers is told by
 * {@code openapi.json}.
 */
package org.rafclip.search.serve;
