/** Models handed on: in the folders that others' code loads, as ONNX files, with a card that says what they are. */
package org.rafclip.export;
