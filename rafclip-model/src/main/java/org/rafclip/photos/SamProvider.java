package org.rafclip.photos;

import org.rafclip.data.segment.SamSegmenter;

/** Opens Segment Anything from files; a module that can read them provides it to {@link java.util.ServiceLoader}. */
public interface SamProvider {

    /** The segmenter. It opens its files for the first mask. */
    SamSegmenter segmenter(SamConfig settings);
}
