/**
 * Text to token ids as CLIP does it: cleaning, byte-level byte-pair encoding with an end-of-word mark, start and end
 * token. Vocabularies come from a model's folder or are trained on a run's own texts.
 */
package org.rafclip.text;
