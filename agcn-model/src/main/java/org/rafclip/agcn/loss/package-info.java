/** The training loss of composed retrieval (Wang and Zhao 2024, Eq. 13 and 14), apart from the composers. */
package org.rafclip.agcn.loss;
