/**
 * Features of a frozen dual encoder, computed once: what images and texts of a data set turn into is written to disk and
 * then read for every batch of every epoch, instead of being encoded each time.
 */
package org.rafclip.agcn.features;
