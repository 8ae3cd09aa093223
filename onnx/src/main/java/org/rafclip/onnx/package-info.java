/**
 * ONNX files as typed records: read and checked before memory is taken, whoever made them. {@link
 * org.rafclip.onnx.OnnxReader} is the way in; it knows the format and nothing of what the operations mean.
 */
package org.rafclip.onnx;
