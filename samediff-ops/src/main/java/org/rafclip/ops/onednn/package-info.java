/**
 * Computations that oneDNN compiles for the processor and their sizes: products, layer norms, activations. Each runs on the
 * calling thread alone; callers cut the work. Addresses are those of native memory.
 */
package org.rafclip.ops.onednn;
