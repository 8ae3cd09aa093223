/**
 * WebDataset: photos with their texts and labels in tar files. {@link org.rafclip.data.webdataset.WebDataset} makes a
 * table of photos of them.
 */
package org.rafclip.data.webdataset;
