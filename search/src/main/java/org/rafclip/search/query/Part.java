package org.rafclip.search.query;

import java.util.Optional;
import org.rafclip.data.image.Box;
import org.rafclip.search.Photo;

/** What a question is made of. Its weight is negative for "not like this". */
public sealed interface Part {

    double weight();

    /** Words. */
    record Words(String text, double weight) implements Part {

        public Words(String text) {
            this(text, 1);
        }
    }

    /**
     * A garment of the index.
     *
     * @param box another part of its photo
     */
    record Example(String id, Optional<Box> box, double weight) implements Part {

        public Example(String id) {
            this(id, Optional.empty(), 1);
        }
    }

    /** A photo that is not in the index. */
    record Upload(Photo photo, double weight) implements Part {

        public Upload(Photo photo) {
            this(photo, 1);
        }
    }
}
