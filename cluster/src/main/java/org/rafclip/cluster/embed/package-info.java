/** What a task of a cluster asks a model for. */
package org.rafclip.cluster.embed;
