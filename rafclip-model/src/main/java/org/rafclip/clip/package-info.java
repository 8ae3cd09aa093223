/**
 * The dual encoder (Radford et al. 2021): its configuration, its graph, and the model that users load, encode with and
 * save. Variables carry OpenCLIP's state-dict names and shapes.
 */
package org.rafclip.clip;
