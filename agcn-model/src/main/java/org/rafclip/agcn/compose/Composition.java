package org.rafclip.agcn.compose;

import org.nd4j.autodiff.samediff.SDVariable;
import org.rafclip.nn.Scope;

/** A network between the placeholders and the query. */
@FunctionalInterface
interface Composition {

    /** Adds the network's variables under the scope and returns the query {@code [batch, d]}, of any length. */
    SDVariable compose(Scope scope, QueryFeatures features);
}
