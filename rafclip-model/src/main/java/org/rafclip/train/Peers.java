package org.rafclip.train;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Collection;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Processes that train one model together: each has all of its parameters and a share of every batch. All of them call the same
 * methods in the same order. For one thread.
 */
public interface Peers {

    /** A training in one process. */
    Peers ALONE = new Peers() {

        @Override
        public int rank() {
            return 0;
        }

        @Override
        public int size() {
            return 1;
        }

        @Override
        public String word(String mine) {
            return mine;
        }

        @Override
        public INDArray gather(INDArray mine, long rows) {
            return mine;
        }

        @Override
        public void sum(Collection<INDArray> arrays) {}
    };

    /** Another process is gone, or cannot be reached; all that are left end, and begin again together. */
    final class LostException extends UncheckedIOException {

        private static final long serialVersionUID = 1;

        public LostException(String words, IOException cause) {
            super("lost " + words, cause);
        }
    }

    /** This process's place among them, from 0. The first keeps the run's folder, the others write nothing. */
    int rank();

    int size();

    /** @return the first one's word; those of the others are not heard */
    String word(String mine);

    /**
     * Everybody's rows, one's after the other's in the order of ranks.
     *
     * @param mine {@code [any, d]} FLOAT, null for none
     * @param rows of all together, at least one
     */
    INDArray gather(INDArray mine, long rows);

    /**
     * Adds up everybody's arrays, in place, in the order of ranks whatever arrives first: all end with the same bits.
     *
     * @param arrays FLOAT, dense in 'c' order, of the same lengths in the same order everywhere
     */
    void sum(Collection<INDArray> arrays);
}
