/**
 * The paper's tables and figures and further ablations as experiments: one class each, from a suite's settings to a typed
 * result ({@link org.rafclip.experiment.ExperimentResult}), which lies as JSON in the suite's folder
 * ({@link org.rafclip.experiment.Results}).
 */
package org.rafclip.experiment;
