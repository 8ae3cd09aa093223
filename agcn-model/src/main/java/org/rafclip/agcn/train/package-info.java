/** Training of a composer on features of a frozen encoder. */
package org.rafclip.agcn.train;
