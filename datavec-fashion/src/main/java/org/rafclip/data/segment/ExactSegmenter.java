package org.rafclip.data.segment;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.rafclip.data.DataException;
import org.rafclip.data.TextFile;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.ImageReader;
import org.rafclip.data.image.RgbImage;

/**
 * Answers the masks that a data set brings along, as generated ones do.
 *
 * <p>{@code DIR/masks/index.txt} has a line for each photo: {@link #key} of its pixels and, after a blank, a gray image
 * relative to {@code DIR/masks} of the photo's size in which the garment is lighter than 50 %. So a photo is known by what
 * it shows, and one that was changed finds no mask.
 */
public final class ExactSegmenter implements Segmenter {

    /** The folder of masks, inside the data folder. */
    public static final String FOLDER = "masks";

    /** The list in that folder. */
    public static final String INDEX = "index.txt";

    private static final String REMEDY = "; use another segmenter, such as data.segmenter=grabcut";

    private final Path folder;
    private final Map<String, String> masks = new HashMap<>();
    private final String id;
    private final ImageReader reader = new ImageReader();

    /**
     * @param dataDir a data folder
     * @throws DataException if it has no exact masks, or a broken list of them
     */
    public ExactSegmenter(Path dataDir) {
        folder = dataDir.resolve(FOLDER);
        Path index = folder.resolve(INDEX);
        List<String> lines;
        try {
            lines = TextFile.lines(index);
        } catch (NoSuchFileException e) {
            throw new DataException(index + ": no such file; this data set brings no exact masks along" + REMEDY, e);
        } catch (IOException e) {
            throw new DataException(index + ": cannot be read (" + e.getMessage() + ")" + REMEDY, e);
        }
        for (int i = 0; i < lines.size(); i++) {
            String[] fields = lines.get(i).split(" ", 2);
            if (fields.length != 2 || fields[0].length() != 64) {
                throw new DataException(
                        index + ":" + (i + 1)
                                + ": write the SHA-256 of a photo's pixels, a blank and the mask's file; or make the data again");
            }
            masks.put(fields[0], fields[1]);
        }
        id = "exact-1-"
                + hex(String.join("\n", lines).getBytes(StandardCharsets.UTF_8)).substring(0, 16);
    }

    /** Names a photo by its pixels: SHA-256 of width, height (big-endian) and the channels, in hexadecimal. */
    public static String key(RgbImage image) {
        MessageDigest digest = sha256();
        for (int number : new int[] {image.width(), image.height()}) {
            for (int shift = 24; shift >= 0; shift -= 8) {
                digest.update((byte) (number >> shift));
            }
        }
        return HexFormat.of().formatHex(digest.digest(image.rgb()));
    }

    /**
     * The mask's part in the box.
     *
     * @throws DataException if no mask came with this photo, or one of another size
     */
    @Override
    public Segmentation segment(RgbImage image, Box box) {
        Box inside = Segmenter.inside(image, box);
        String file = masks.get(key(image));
        if (file == null) {
            throw new DataException(folder.resolve(INDEX) + ": has no mask of a photo of " + image.width() + "x"
                    + image.height() + " pixels that is asked for; the photo was changed or is not of this data set"
                    + REMEDY);
        }
        RgbImage stored = reader.read(folder, file);
        if (stored.width() != image.width() || stored.height() != image.height()) {
            throw new DataException(folder.resolve(file) + ": has " + stored.width() + "x" + stored.height()
                    + " pixels, its photo " + image.width() + "x" + image.height() + "; make the data again");
        }
        return Segmentation.of(image.width(), image.height(), inside, (x, y) -> stored.get(x, y, 0) >= 128);
    }

    @Override
    public String id() {
        return id;
    }

    private static String hex(byte[] bytes) {
        return HexFormat.of().formatHex(sha256().digest(bytes));
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
