/**
 * What a run tells while it works: figures as JSON lines for programs, the same as TensorBoard event files for curves, and
 * progress for whoever watches the terminal.
 */
package org.rafclip.metrics;
