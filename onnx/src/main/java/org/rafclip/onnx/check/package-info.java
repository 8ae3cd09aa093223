/** Proof that imported graphs compute what their files say: beside ONNX Runtime, and on ONNX's own test cases. */
package org.rafclip.onnx.check;
