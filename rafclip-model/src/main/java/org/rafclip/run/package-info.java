/**
 * What one run is: its configuration, read strictly from one YAML file plus command-line overrides
 * ({@link org.rafclip.run.Configs}), and the provenance that goes into everything the run writes
 * ({@link org.rafclip.run.Provenance}, {@link org.rafclip.run.JsonReport}); and what it takes of the machine's memory
 * ({@link org.rafclip.run.ProcessMemory}).
 */
package org.rafclip.run;
