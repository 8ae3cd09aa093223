package org.rafclip.data.fashioniq;

import java.util.List;
import java.util.Optional;

/**
 * One entry of a captions file: what the target has different from the reference.
 *
 * @param category such as {@code dress}
 * @param reference id of the image that the captions start from; the files call it {@code candidate}
 * @param target id of the image they lead to; empty in a test split, whose answers are not published
 * @param captions one or two, as written; one of two may be blank, as a few of the released are
 * @param index position in the file, from 0
 * @param line of the file on which the entry begins, from 1
 */
public record Triplet(
        String category, String reference, Optional<String> target, List<String> captions, int index, int line) {

    public Triplet {
        captions = List.copyOf(captions);
    }
}
