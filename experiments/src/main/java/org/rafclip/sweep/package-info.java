/**
 * Hyperparameter search over runs, with Arbiter ({@code arbiter-core} 1.0.0-beta7, the last there is; it works on ND4J
 * 1.0.0-M2.1): its parameter spaces, its generators of random and grid candidates, its runner and score function.
 *
 * <p>What of it is used and what not, each checked by a test or by reading its source:
 *
 * <ul>
 *   <li>Its configuration as JSON works both ways, and is in every sweep's folder; after reading, the generator has to be
 *       given the seed again. That of genetic search cannot be written.
 *   <li>Its results can be written as JSON but not read back ({@code OptimizationResult} has no constructor for it), and
 *       {@code InMemoryResultSaver}, the only saver in {@code arbiter-core}, forgets them with the process. So each trial
 *       has a {@code trial.json} of ours, and an interrupted sweep reads those.
 *   <li>The runner waits for ever where the grid has fewer points than it is to run candidates. It is given the trials
 *       that were laid out before, and their number.
 *   <li>A grid in random order is drawn before a seed can be given; grids go in their natural order. A space with one
 *       value shifts the values of a grid's other spaces; such a space is refused.
 * </ul>
 */
package org.rafclip.sweep;
