package org.rafclip.cluster.embed;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.rafclip.data.DataException;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.ImageReader;
import org.rafclip.data.image.RgbImage;
import org.rafclip.eval.PhotoEvaluation.Images;
import org.rafclip.io.Sha256;
import org.rafclip.ops.JavaOps;
import org.rafclip.ops.Precision;
import org.rafclip.search.FashionModel;
import org.rafclip.search.FashionModel.Described;
import org.rafclip.search.Photo;
import org.rafclip.search.Pictures;
import org.rafclip.search.build.EmbeddedPhotos;
import org.rafclip.train.Checkpoints;

/**
 * A model, asked for rows by a process that shares nothing but Java's own types with it. A garment is
 * {@code [id, file, x1, y1, x2, y2, bytes, fault]}, where bytes are those of a photo that does not lie in the folder, and the fault
 * says why it has none; its row {@code [id, file, x1, y1, x2, y2, sha256, width, height,
 * embedding, labels, thumbnail, error]}: a photo that
 * cannot be read has an error and no embedding. Safe for many threads.
 */
public final class PhotoEmbedder implements Function<Object, Object> {

    /** Where the model lies. */
    public static final String MODEL = "model";

    /** Of which no other is accepted: {@link FashionModel#hash}. */
    public static final String HASH = "hash";

    /** Which image of a garment is embedded. */
    public static final String IMAGES = "images";

    /** Whether photos without a box are taken whole. */
    public static final String WHOLE = "whole";

    /** Which checkpoint of a run. */
    public static final String CHECKPOINT = "checkpoint";

    /** Of the matrix products. */
    public static final String PRECISION = "precision";

    /** Whether category, color and attributes are asked for. */
    public static final String LABELS = "labels";

    /** The folder that photos' files are relative to. */
    public static final String ROOT = "root";

    /** The folder that rows go to, if machines share it; empty if Spark alone reaches it. */
    public static final String OUT = "folder.out";

    /** Whether rows have thumbnails. */
    public static final String THUMBNAILS = "thumbnails";

    private static final int THUMBNAIL = 320;

    /** Of a row's fields, what is the garment's. */
    private static final int BOXED = 6;

    private final FashionModel model;
    private final Path root;
    private final boolean labelled;
    private final boolean thumbnails;
    private final ImageReader reader = new ImageReader();

    /**
     * Opens the model.
     *
     * @throws DataException if it cannot be read here, or is another one than expected
     */
    public PhotoEmbedder(Map<String, String> settings) throws IOException {
        JavaOps.install();
        this.root = Path.of(settings.get(ROOT));
        this.labelled = Boolean.parseBoolean(settings.get(LABELS));
        this.thumbnails = Boolean.parseBoolean(settings.get(THUMBNAILS));
        Path place = Path.of(settings.get(MODEL));
        requireHere("the model", place);
        if (!settings.get(ROOT).isEmpty()) {
            requireHere("the photos' folder", root);
        }
        // What says what the rows are: their folder itself Spark makes where it is not.
        if (!settings.get(OUT).isEmpty()) {
            requireHere("what the rows go to", Path.of(settings.get(OUT)).resolve(EmbeddedPhotos.ABOUT));
        }
        this.model = FashionModel.open(
                place,
                FashionModel.Settings.DEFAULT
                        .withCheckpoint(Checkpoints.Which.valueOf(settings.get(CHECKPOINT)))
                        .withImages(Images.valueOf(settings.get(IMAGES)))
                        .withWholePhotos(Boolean.parseBoolean(settings.get(WHOLE)))
                        .withPrecision(Precision.valueOf(settings.get(PRECISION))));
        if (!model.hash().equals(settings.get(HASH))) {
            throw new DataException(
                    place + ": is another model on this executor's machine than where the job was started");
        }
    }

    private static void requireHere(String what, Path folder) {
        if (!Files.isReadable(folder)) {
            throw new DataException(
                    folder + ": " + what + " cannot be read on this executor's machine; put it into a folder"
                            + " that all machines share, and that Spark's user may read");
        }
    }

    /** A photo's bytes, and what errors call it. */
    private record Content(byte[] bytes, String name) {}

    /** A photo that was read. */
    private record Ready(int place, String sha256, Photo photo) {}

    /** @param garments a list of them; their rows are returned in the same order */
    @Override
    @SuppressWarnings("unchecked")
    public Object apply(Object garments) {
        return rows((List<Object[]>) garments);
    }

    private List<Object[]> rows(List<Object[]> garments) {
        Object[][] rows = new Object[garments.size()][];
        List<Ready> ready = new ArrayList<>();
        for (int i = 0; i < rows.length; i++) {
            Object[] garment = garments.get(i);
            try {
                Content content = content(garment);
                Photo photo = new Photo(reader.read(content.bytes(), content.name()), box(garment));
                photo.requireInside((String) garment[0]);
                ready.add(new Ready(i, Sha256.of(content.bytes()), photo));
            } catch (DataException e) {
                rows[i] = row(garment, null, null, null, null, null, null, e.getMessage());
            }
        }
        List<Photo> photos = ready.stream().map(Ready::photo).toList();
        List<Described> described = labelled
                ? model.describe(photos)
                : model.embed(photos).stream()
                        .map(vector -> new Described(vector, null))
                        .toList();
        for (int i = 0; i < ready.size(); i++) {
            Ready one = ready.get(i);
            Object[] garment = garments.get(one.place());
            RgbImage image = one.photo().image();
            rows[one.place()] = row(
                    garment,
                    one.sha256(),
                    image.width(),
                    image.height(),
                    described.get(i).vector(),
                    labelled ? described.get(i).recognition().labels() : null,
                    thumbnails ? Pictures.jpeg(image, THUMBNAIL) : null,
                    null);
        }
        return List.of(rows);
    }

    private static Object[] row(Object[] garment, Object... rest) {
        Object[] row = Arrays.copyOf(garment, BOXED + rest.length);
        System.arraycopy(rest, 0, row, BOXED, rest.length);
        return row;
    }

    private Content content(Object[] garment) {
        String file = (String) garment[1];
        if (garment[7] != null) {
            throw new DataException((String) garment[7]);
        } else if (garment[6] != null) {
            return new Content((byte[]) garment[6], file);
        }
        Path located = reader.locate(root, file);
        return new Content(reader.bytes(located), located.toString());
    }

    private static Optional<Box> box(Object[] garment) {
        return garment[2] == null
                ? Optional.empty()
                : Optional.of(new Box((int) garment[2], (int) garment[3], (int) garment[4], (int) garment[5]));
    }
}
