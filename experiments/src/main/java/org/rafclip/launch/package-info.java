/** Trainings as their configuration files describe them: started, shown on the terminal and logged the same everywhere. */
package org.rafclip.launch;
