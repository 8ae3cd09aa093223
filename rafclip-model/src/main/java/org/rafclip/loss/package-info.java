/** RaF-CLIP's training loss (Wang and Zhao 2024, Eq. 1–5), apart from the model. */
package org.rafclip.loss;
