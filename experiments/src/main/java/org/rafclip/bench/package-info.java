/**
 * What training and encoding cost on a machine: time, arithmetic, memory. The inputs are random pixels and texts with the
 * frequencies of DeepFashion's labels, so that nothing but the machine is needed.
 */
package org.rafclip.bench;
