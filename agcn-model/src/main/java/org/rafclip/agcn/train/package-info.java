/**
 * Training of a composer on features of a frozen encoder: {@link org.rafclip.agcn.train.AgcnConfig} is a run's YAML file,
 * {@link org.rafclip.agcn.train.AgcnTrainer} trains from it by the loop that all models share.
 */
package org.rafclip.agcn.train;
