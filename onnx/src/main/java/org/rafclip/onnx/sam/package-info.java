/** Segment Anything from ONNX files, behind {@link org.rafclip.data.segment.SamSegmenter}. */
package org.rafclip.onnx.sam;
