/** Where garments are kept with their vectors, labels and thumbnails: {@link org.rafclip.search.index.PhotoIndex}. */
package org.rafclip.search.index;
