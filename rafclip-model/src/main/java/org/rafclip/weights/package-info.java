/** CLIP models that others trained, read from the files they publish. */
package org.rafclip.weights;
