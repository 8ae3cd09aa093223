/** Opening what trainings of composers left, with the encoder that belongs to it. */
package org.rafclip.agcn.open;
