/**
 * The texts that go with an image, as the paper words them: {@link org.rafclip.data.text.Prompts} makes them,
 * {@link org.rafclip.data.text.DominantColor} finds the color they name.
 */
package org.rafclip.data.text;
