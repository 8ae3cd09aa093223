package org.rafclip.experiment;

import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import org.rafclip.data.drawn.DrawnData;
import org.rafclip.data.table.TableSettings;
import org.rafclip.measure.FigureConfig;
import org.rafclip.run.Default;
import org.rafclip.run.MissingValueException;
import org.rafclip.run.Output;
import org.rafclip.train.Checkpoints;

/**
 * A suite of experiments on one data set: one YAML file.
 *
 * @param title of the report
 * @param rafclip what RaF-CLIP and its ablations are trained with; where it names a folder of photos, that is replaced
 * @param agcn what AGCN and the other composers are trained with; null leaves nothing to compose with
 * @param seeds of RaF-CLIP's trainings: tables give the mean and deviation over them
 * @param composerSeeds of the composers' trainings: the first on features of the first RaF-CLIP, the second on those of
 *     the second, and again from the first where there are fewer RaF-CLIPs
 * @param checkpoint that is measured and composed with
 * @param experiments their ids, in the order in which they are done
 * @param unseen attributes that the open vocabulary experiment holds out of training
 * @param output where everything goes
 */
public record SuiteConfig(
        String title,
        Data data,
        Base rafclip,
        @Default("null") Base agcn,
        @Default("[1]") List<Long> seeds,
        @Default("[1]") List<Long> composerSeeds,
        @Default("best") Checkpoints.Which checkpoint,
        List<String> experiments,
        FigureConfig figures,
        @Default("[striped, sleeveless, v_neckline]") List<String> unseen,
        Output output) {

    /**
     * What is trained on and measured on.
     *
     * @param dir a DeepFashion Category-and-Attribute folder, or a table of photos; null draws photos
     * @param table a table of photos in place of {@code dir}
     * @param images the folder that the table's images lie in, null for the table's own
     * @param groups the table's columns that hold attributes; none takes every column that looks like one
     * @param columns the table's own names of columns, by the usual ones
     * @param generated what is drawn where there is neither; null for nothing
     * @param split to train on
     * @param measured the split to measure on; null for the photos that a training holds out of {@code split}
     * @param fashioniq a folder in FashionIQ's layout to train and measure composers on; null for triplets made of
     *     {@code dir}'s labels
     */
    public record Data(
            @Default("null") Path dir,
            @Default("null") Path table,
            @Default("null") Path images,
            @Default("[]") List<String> groups,
            @Default("{}") Map<String, String> columns,
            @Default("null") Generated generated,
            @Default("train") String split,
            @Default("null") String measured,
            @Default("null") Path fashioniq) {

        public Data {
            if (dir == null && table == null && generated == null) {
                throw new MissingValueException(
                        "no photos are given: add data.dir=DIR, a folder in DeepFashion's layout,"
                                + " data.table=FILE, a table of photos, or data.generated={images: 3000}, photos to be drawn");
            }
            if (dir != null && table != null) {
                throw new IllegalArgumentException("give dir or table, not both");
            }
            groups = List.copyOf(groups);
            columns = Map.copyOf(columns);
        }

        /** Where photos are listed: the folder or the table; null where they are still to be drawn. */
        public Path place() {
            return table != null ? table : dir;
        }

        /** How the table is read. */
        TableSettings tableSettings() {
            return new TableSettings(images, groups, columns);
        }

        /** The same with a folder of photos. */
        public Data at(Path photos) {
            return new Data(photos, null, images, groups, columns, generated, split, measured, fashioniq);
        }
    }

    /**
     * Photos to draw, as {@code ./rafclip data generate} does.
     *
     * @param images in all splits together
     * @param size pixels of a photo's longer side
     */
    public record Generated(
            @Default("2000") int images,
            @Default("256") int size,
            @Default("7") long seed) {

        public Generated {
            new DrawnData.Drawing(images, size, seed);
        }

        DrawnData.Drawing drawing() {
            return new DrawnData.Drawing(images, size, seed);
        }
    }

    /**
     * A training's configuration.
     *
     * @param config its YAML file, relative to the suite's own
     * @param overrides {@code key.path=value} each
     */
    public record Base(Path config, @Default("[]") List<String> overrides) {

        public Base {
            overrides = List.copyOf(overrides);
        }
    }

    public SuiteConfig {
        seeds = distinct("seeds", seeds);
        composerSeeds = distinct("composer-seeds", composerSeeds);
        experiments = distinct("experiments", experiments);
        unseen = List.copyOf(unseen);
    }

    /** The same with a folder of photos. */
    public SuiteConfig withPhotos(Path photos) {
        return new SuiteConfig(
                title,
                data.at(photos),
                rafclip,
                agcn,
                seeds,
                composerSeeds,
                checkpoint,
                experiments,
                figures,
                unseen,
                output);
    }

    /** The same with one seed for all trainings, in another folder. */
    public SuiteConfig with(long seed, Path dir) {
        return new SuiteConfig(
                title,
                data,
                rafclip,
                agcn,
                List.of(seed),
                List.of(seed),
                checkpoint,
                experiments,
                figures,
                unseen,
                new Output(dir));
    }

    private static <T> List<T> distinct(String key, List<T> values) {
        if (values.isEmpty() || new HashSet<>(values).size() < values.size()) {
            throw new IllegalArgumentException(key + " needs at least one entry, each once, not " + values);
        }
        return List.copyOf(values);
    }
}
