/** The operations of transformers, of CLIP and of its losses, each with its own backward computation. */
package org.rafclip.ops.op;
