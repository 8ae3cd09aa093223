/** Tells what is in a data folder and what is wrong with it, before anybody trains on it. */
package org.rafclip.data.check;
