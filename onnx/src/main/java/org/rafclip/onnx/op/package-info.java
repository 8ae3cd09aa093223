/**
 * ONNX's operations as operations of a SameDiff graph, each with its shapes, its values and its gradient in one class.
 * They follow the <a href="https://github.com/onnx/onnx/blob/main/docs/Operators.md">operators' definitions</a>; shapes
 * are known when a graph runs, so that shape arithmetic in a graph is exact for any batch.
 */
package org.rafclip.onnx.op;
