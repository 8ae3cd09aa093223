/**
 * What a model reaches: attribute recognition, text ↔ image and composed retrieval, masks, and the rankings that figures
 * show. An evaluator takes an opened model and photos and gives an immutable evaluation, which says what was measured on
 * what; commands, experiments and reports ask here and nowhere else.
 */
package org.rafclip.measure;
