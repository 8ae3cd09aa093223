/** Questions to an index and their answers. */
package org.rafclip.search.query;
