/** Models of ours as ONNX files: graphs of ONNX's standard operators, written node by node. */
package org.rafclip.onnx.write;
