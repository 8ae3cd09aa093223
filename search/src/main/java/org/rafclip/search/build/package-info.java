/** Photos into an index: {@link org.rafclip.search.build.IndexBuilder}. */
package org.rafclip.search.build;
