package org.rafclip.photos;

import org.rafclip.data.segment.SamSegmenter;

/** Opens Segment Anything from files; a module that can read them provides it to {@link java.util.ServiceLoader}. */
public interface SamProvider {

    /** The segmenter; its files are opened when the first mask is asked for. */
    SamSegmenter segmenter(SamConfig settings);
}
