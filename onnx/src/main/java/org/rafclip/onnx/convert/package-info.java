/**
 * ONNX graphs as SameDiff graphs. {@link org.rafclip.onnx.convert.Operators} is the table of what is known, {@link
 * org.rafclip.onnx.convert.Fusion} finds what exporters take apart, {@link org.rafclip.onnx.convert.OnnxImport} goes
 * through the nodes and computes at once what depends on nothing.
 */
package org.rafclip.onnx.convert;
