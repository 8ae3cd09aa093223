package org.rafclip.photos;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.rafclip.data.DataException;
import org.rafclip.data.image.Dimensions;
import org.rafclip.data.prepare.Fill;
import org.rafclip.data.prepare.Normalization;
import org.rafclip.data.prepare.Preparation;
import org.rafclip.data.table.PhotoTable;
import org.rafclip.data.table.TableSettings;
import org.rafclip.data.text.DominantColor;
import org.rafclip.run.Configs;
import org.rafclip.run.Default;
import org.rafclip.run.MissingValueException;

/**
 * The photos and how they are prepared.
 *
 * @param dir a DeepFashion Category-and-Attribute folder with {@code Anno_fine}; null where there is a table
 * @param split the list to train on, {@code train} for {@code train.txt}
 * @param validationSplit the list to validate on, or null to hold out a part of {@code split}
 * @param heldOut the share of {@code split} that is held out where there is no validation split; a pure function of
 *     the seed
 * @param segmenter what finds the garment in its box
 * @param cache where masks are kept between runs
 * @param train how each branch's image is prepared in training: pipelines of named steps
 * @param evaluation the same for validation and tests
 * @param mirror whether validation and tests take the mean direction of an image's embedding and its mirror image's
 * @param threads that prepare images side by side
 * @param prefetch batches prepared ahead of the one that is computed on
 * @param memoryMb prepared images kept in memory at most; beyond it they are prepared anew each epoch
 * @param unseen attributes whose labels training and validation do not see, as the data set spells them: what a model
 *     knows of them afterwards it knows from their names
 * @param sam the networks of {@code segmenter: sam}, null without it
 * @param table a {@link PhotoTable}'s file; null where there is a folder
 * @param images the folder that the table's images lie in, null for the table's own
 * @param groups the table's columns that hold attributes; none takes every column that looks like one
 * @param columns the table's own names of columns, by the usual ones, such as {@code category: label}
 */
public record PhotoConfig(
        @Default("null") Path dir,
        @Default("train") String split,
        @Default("null") String validationSplit,
        @Default("0.1") double heldOut,
        @Default("grabcut") SegmenterChoice segmenter,
        @Default("runs/cache/masks") Path cache,
        Branches train,
        Branches evaluation,
        @Default("false") boolean mirror,
        @Default("nine") DominantColor.Palette palette,
        @Default("clothing") String categoryWord,
        @Default("2") int threads,
        @Default("4") int prefetch,
        @Default("2048") long memoryMb,
        @Default("[]") List<String> unseen,
        @Default("null") SamConfig sam,
        @Default("null") Path table,
        @Default("null") Path images,
        @Default("[]") List<String> groups,
        @Default("{}") Map<String, String> columns) {

    public PhotoConfig {
        unseen = List.copyOf(unseen);
        groups = List.copyOf(groups);
        columns = Map.copyOf(columns);
        if (dir == null && table == null) {
            throw new MissingValueException(
                    "no photos are given: add data.dir=DIR, a folder in DeepFashion's layout, or"
                            + " data.table=FILE, a table with a row a garment");
        }
        if (dir != null && table != null) {
            throw new IllegalArgumentException(
                    "give exactly one of dir (a DeepFashion folder) and table (a file with a row a garment), not both");
        }
        if (heldOut < 0 || heldOut > 0.9) {
            throw new IllegalArgumentException("held-out lies in [0, 0.9]: " + heldOut);
        }
        if (threads < 1) {
            throw new IllegalArgumentException("threads must be at least 1, not " + threads);
        }
        if (prefetch < 1) {
            throw new IllegalArgumentException("prefetch must be at least 1, not " + prefetch);
        }
        if (segmenter == SegmenterChoice.SAM && sam == null) {
            throw new IllegalArgumentException("segmenter sam needs sam.encoder and sam.decoder, its ONNX files");
        }
    }

    /**
     * What a model that no run of ours trained is measured with: its own preparation of the garment's box, everything
     * outside the mask in the mean color of its images for the attribute branch, and the defaults of all other keys.
     */
    public static PhotoConfig forModel(Path dir, String split, ModelPreparation preparation) {
        Fill mean = Preparation.parse(preparation.steps())
                .normalization()
                .map(Normalization::meanColor)
                .orElse(Fill.MEAN);
        String branches =
                "{crop: 'crop | %1$s', region: 'mask(%2$s) | crop | %1$s'}".formatted(preparation.steps(), mean);
        String yaml = "dir: .\ntrain: " + branches + "\nevaluation: " + branches + "\n";
        return Configs.parse(yaml, "the preparation for a model", List.of(), PhotoConfig.class)
                .at(dir, split);
    }

    /** The four pipelines by their keys. */
    Map<String, String> pipelines() {
        Map<String, String> pipelines = new LinkedHashMap<>();
        pipelines.put("data.train.crop", train.crop());
        pipelines.put("data.train.region", train.region());
        pipelines.put("data.evaluation.crop", evaluation.crop());
        pipelines.put("data.evaluation.region", evaluation.region());
        return pipelines;
    }

    /**
     * Holds the pipelines against a model.
     *
     * @param imageSize the model's, in pixels a side
     * @throws DataException if one gives images of another size
     */
    public void requireSize(int imageSize) {
        pipelines().forEach((key, pipeline) -> {
            Optional<Dimensions> size = Preparation.parse(pipeline).outputSize();
            if (!size.equals(Optional.of(new Dimensions(imageSize, imageSize)))) {
                throw new DataException(key + " \"" + pipeline + "\" gives images of "
                        + size.map(Dimensions::toString).orElse("no certain size") + ", the model takes "
                        + new Dimensions(imageSize, imageSize));
            }
        });
    }

    /** Where the photos are listed: the folder or the table. */
    public Path place() {
        return table != null ? table : dir;
    }

    /** How the table is read. */
    TableSettings tableSettings() {
        return new TableSettings(images, groups, columns);
    }

    /**
     * The same settings for another split, or for photos elsewhere. Those of another table lie
     * where this one's do if it is beside this one or has its name, else in its own folder.
     *
     * @param place a folder or a table
     */
    public PhotoConfig at(Path place, String otherSplit) {
        boolean listed = PhotoTable.isTable(place);
        return new PhotoConfig(
                listed ? null : place,
                otherSplit,
                validationSplit,
                heldOut,
                segmenter,
                cache,
                train,
                evaluation,
                mirror,
                palette,
                categoryWord,
                threads,
                prefetch,
                memoryMb,
                unseen,
                sam,
                listed ? place : null,
                listed && PhotoTable.beside(place, table) ? images : null,
                groups,
                columns);
    }

    /**
     * The preparation of each branch's image, as pipelines of named steps. The paper's branches see the box's crop and the
     * masked region; pipelines without {@code crop} and {@code mask} show whole photos (Table 4's row Complete).
     *
     * @param crop of the category branch
     * @param region of the attribute branch
     */
    public record Branches(String crop, String region) {}
}
