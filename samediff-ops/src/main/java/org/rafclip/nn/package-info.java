/**
 * The blocks that models are built from: functions that add a layer's operations and its variables to a SameDiff graph.
 *
 * <p>A {@link org.rafclip.nn.Scope} says where the variables live and how they are named; {@link org.rafclip.nn.Layers}
 * holds the single layers, {@link org.rafclip.nn.TransformerBlock} what is stacked. Tokens are
 * {@code [batch, tokens, width]} everywhere.
 */
package org.rafclip.nn;
