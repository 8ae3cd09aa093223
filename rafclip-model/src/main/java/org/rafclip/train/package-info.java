/**
 * Fine-tuning and training: the run's configuration, one contrastive step with exact gradients for batches of any size,
 * the optimizer, checkpoints, and the loop that ties them together.
 */
package org.rafclip.train;
