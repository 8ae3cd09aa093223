/**
 * CLIP from ONNX files as the trainable dual encoder. {@link org.rafclip.onnx.clip.OnnxClip} is the way in: {@link
 * org.rafclip.onnx.clip.TowerReader} recognises the graph by what feeds into what, not by names, and {@link
 * org.rafclip.onnx.clip.FeatureProof} says how far the rebuilt model's features are from the file's.
 */
package org.rafclip.onnx.clip;
