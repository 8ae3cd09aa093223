/** The command line: one class per command, all listed in {@link org.rafclip.cli.Main} or in a group of it. */
package org.rafclip.cli;
