package org.rafclip.agcn.features;

import java.util.List;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Photos by id, prepared for an encoder. */
public interface PhotoSource {

    /** A name for what photos have these ids: their content and, where they have one, their box. */
    String fingerprint(List<String> ids);

    /** How they are prepared. */
    String preparation();

    /**
     * Normalised pixels {@code FLOAT [ids, 3, size, size]}.
     *
     * @throws org.rafclip.data.DataException where a photo is missing or cannot be prepared
     */
    INDArray load(List<String> ids);
}
