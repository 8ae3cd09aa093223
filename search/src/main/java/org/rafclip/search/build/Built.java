package org.rafclip.search.build;

import java.util.List;

/**
 * What became of an index.
 *
 * @param entries that it has now
 * @param embedded of photos or boxes that it did not have
 * @param renamed whose photo it had under another id
 * @param relabelled that are as they were but for labels or file names
 * @param unchanged that were left alone
 * @param removed that are in the list no more, or whose photo cannot be read
 * @param failures of photos that are left out
 * @param spent on it
 */
public record Built(
        int entries,
        int embedded,
        int renamed,
        int relabelled,
        int unchanged,
        int removed,
        List<Failure> failures,
        Spent spent) {

    public Built {
        failures = List.copyOf(failures);
    }

    /**
     * A photo that is left out.
     *
     * @param file relative to the photos' root
     */
    public record Failure(String file, String reason) {}

    /**
     * Seconds.
     *
     * @param hashing reading the files and comparing them with the index
     * @param embedding from the first new photo to the last entry, whatever goes on side by side
     * @param finishing the last commit, with the graph
     * @param decoding of all threads: reading, decoding, thumbnails
     * @param preparing of all threads: masks, steps of preparation
     * @param encoding of the encoder
     * @param writing into the index
     * @param threads that decode and prepare
     */
    public record Spent(
            double hashing,
            double embedding,
            double finishing,
            double decoding,
            double preparing,
            double encoding,
            double writing,
            int threads) {

        /** What embedding waits for most. */
        public Part bound() {
            double side = (decoding + preparing) / threads;
            if (writing > Math.max(side, encoding)) {
                return new Part("writing", writing);
            }
            return side > encoding
                    ? new Part(preparing > decoding ? "masks and preparation" : "decoding", side)
                    : new Part("the encoder", encoding);
        }

        /**
         * @param name for people
         * @param seconds it takes at least, on its threads
         */
        public record Part(String name, double seconds) {}
    }
}
