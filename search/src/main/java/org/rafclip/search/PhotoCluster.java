package org.rafclip.search;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.rafclip.data.DataException;
import org.rafclip.data.Stages;
import org.rafclip.ops.Precision;
import org.rafclip.run.Machines;
import org.rafclip.train.Checkpoints;

/** Machines that embed photos side by side. What there is is found by {@link Machines#service}. */
public interface PhotoCluster {

    /** Two letters at least, so that a Windows drive is none. */
    Pattern ADDRESS = Pattern.compile("[A-Za-z][A-Za-z0-9+.-]+:/");

    /** Where photos come from. */
    sealed interface Source permits Listed, Table {}

    /** Photos that were listed here, in a folder that all machines find. */
    record Listed(ListedPhotos photos) implements Source {}

    /**
     * A table or a folder of photos that the machines read themselves.
     *
     * @param address such as {@code hdfs://HOST/photos.parquet}
     * @param columns the table's names for {@code image}, {@code id}, {@code x}, {@code y}, {@code width}, {@code height}, where
     *     they differ; images are addresses, or the photos' bytes
     */
    record Table(String address, Map<String, String> columns) implements Source {

        public Table {
            columns = Map.copyOf(columns);
        }
    }

    /**
     * What is embedded by what. The model lies where all machines find it.
     *
     * @param model as opened here
     * @param checkpoint of a run
     * @param precision of the matrix products, as the model was opened with
     * @param labelled whether category, color and attributes are asked for
     * @param thumbnails whether rows have some, so that an index can be made without the photos
     */
    record Job(
            FashionModel model,
            Checkpoints.Which checkpoint,
            Source source,
            Precision precision,
            boolean labelled,
            boolean thumbnails) {}

    /**
     * What became of it.
     *
     * @param rows that there are now
     * @param added with an embedding by this call
     * @param bad rows of photos that could not be embedded
     * @param faults what the first of these say
     * @param seconds from when it was known what is missing to the last row
     */
    record Done(long rows, long added, long bad, List<String> faults, double seconds) {

        public Done {
            faults = List.copyOf(faults);
        }
    }

    /**
     * Embeds what a folder of Parquet files does not have yet, or has with an error. What is killed loses what its tasks had not finished.
     *
     * @param machines where they are asked for, and how large a process is
     * @param out the folder, a path or the address of one on a file system of Hadoop's, for the rows {@code id, file, x1, y1, x2, y2, sha256, width, height, embedding, labels, thumbnail,
     *     error}
     * @param stages told of photos
     * @throws DataException if the machines cannot be had, the folder's rows are another model's, or another process fills it
     */
    Done embed(Machines machines, Job job, String out, Stages stages) throws IOException;

    /**
     * Brings rows here that lie on a file system of Hadoop's.
     *
     * @param rows the address of their folder
     * @return a new folder with them, to be deleted by the caller
     * @throws DataException if the address has none, or cannot be reached
     */
    Path fetched(String rows, Stages stages) throws IOException;

    /** Whether a place is an address, such as {@code hdfs://HOST/photos}, and no path. */
    static boolean isAddress(String place) {
        return ADDRESS.matcher(place).lookingAt();
    }

    /** @throws DataException if none is on the class path */
    static PhotoCluster find() {
        return Machines.service(PhotoCluster.class);
    }
}
