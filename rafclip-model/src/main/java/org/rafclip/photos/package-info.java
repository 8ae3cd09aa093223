/**
 * What a configuration makes of a folder of photos: how they are prepared ({@link org.rafclip.photos.PhotoConfig}), by
 * which segmenter, and which of them are trained on ({@link org.rafclip.photos.PhotoData}).
 */
package org.rafclip.photos;
