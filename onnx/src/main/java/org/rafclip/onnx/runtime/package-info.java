/** ONNX files in ONNX Runtime: the engine of SAM, and what imported graphs are compared with. */
package org.rafclip.onnx.runtime;
