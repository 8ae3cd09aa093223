/** The same training step in PyTorch, through the Deep Java Library. Compiled with the Maven profile {@code peer} only. */
package org.rafclip.bench.peer;
