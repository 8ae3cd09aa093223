/**
 * Opening what trainings and imports left: a RaF-CLIP run, one of its checkpoints, a model folder. The checks that belong to
 * it stand here: whether the files are as they were written, whether the run is of the right kind, which photos were held
 * out and whether they are there.
 */
package org.rafclip.open;
