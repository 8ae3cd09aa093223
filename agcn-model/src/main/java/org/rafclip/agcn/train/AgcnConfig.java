package org.rafclip.agcn.train;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import lombok.With;
import org.rafclip.agcn.compose.ComposerConfig;
import org.rafclip.agcn.features.FeatureCache;
import org.rafclip.agcn.loss.CompositionLossConfig;
import org.rafclip.data.DataException;
import org.rafclip.data.composed.ComposedTriplets;
import org.rafclip.data.table.PhotoTable;
import org.rafclip.data.table.TableSettings;
import org.rafclip.eval.PhotoEvaluation;
import org.rafclip.run.ConfigException;
import org.rafclip.run.Default;
import org.rafclip.run.MissingValueException;
import org.rafclip.run.Output;
import org.rafclip.run.Without;
import org.rafclip.train.Checkpoints;
import org.rafclip.train.RunFolder;
import org.rafclip.train.TrainConfig;
import org.rafclip.train.TrainedConfig;

/**
 * Everything that the training of a composer depends on: one YAML file.
 *
 * @param seed of weights, order, caption forms and dropout
 * @param train rate, batch and epochs are the paper's (section 4.1), which says nothing of the rest
 */
public record AgcnConfig(
        @Default("1") long seed,
        Rafclip rafclip,
        Data data,
        ComposerConfig composer,
        CompositionLossConfig loss,

        @Default(
                "{batch-size: 128, micro-batch: 128, epochs: 200, lr: 2e-5, beta2: 0.999, eps: 1e-8, weight-decay: 0.01,"
                        + " schedule: constant, warmup: 0, clip-norm: 0, metric: recall-at-10, patience: 10}")
        @Without({"lora", "metric=accuracy", "metric=balanced-accuracy", "metric=mean"})
        @With
        TrainConfig train,

        Output output)
        implements TrainedConfig<AgcnConfig> {

    public AgcnConfig {
        train.requireMetric(TrainConfig.Metric.RECALL_AT_10, TrainConfig.Metric.RECALL_AT_50);
        if (train.lora() != null) {
            throw new IllegalArgumentException(
                    "train.lora is of RaF-CLIP: a composer is small and trains whole; leave it" + " away");
        }
        if (composer.kind() == ComposerConfig.Kind.SUM) {
            throw new IllegalArgumentException("composer.kind sum has nothing to train; every evaluation of a run shows"
                    + " it beside the run's own composer");
        }
    }

    /**
     * The configuration of a composer's run.
     *
     * @throws DataException if it is the run of something else, or damaged
     */
    public static AgcnConfig of(RunFolder run) {
        try {
            return run.config(AgcnConfig.class);
        } catch (ConfigException e) {
            throw new DataException(
                    run.dir() + " is not the run of a composer (" + e.getMessage()
                            + "); train one by ./rafclip train experiments/configs/agcn-deepfashion-small.yaml",
                    e);
        }
    }

    /**
     * The frozen encoder.
     *
     * @param run the folder of a RaF-CLIP run
     */
    public record Rafclip(Path run, @Default("best") Checkpoints.Which checkpoint) {}

    /**
     * What is trained on: exactly one of {@code dir}, {@code table} and {@code fashioniq}.
     *
     * @param dir a DeepFashion folder, of whose labels triplets are made. Photos that the encoder's run held out, of the
     *     split or as its validation split, are held out here too, for validation, so that its figures come from photos
     *     that neither has seen
     * @param fashioniq a folder in FashionIQ's layout, with splits train and val
     * @param allowPartial whether FashionIQ's triplets whose images are missing are left out; otherwise they are an error
     * @param split of {@code dir} or {@code table}
     * @param image which of the encoder's two images of a garment is composed
     * @param preparation of FashionIQ's images; null takes TargetPad at the encoder's size
     * @param triplets how triplets are made of labels
     * @param features where encoded images and texts are kept between runs
     * @param threads that prepare images side by side
     * @param table a table of photos in place of {@code dir}, such as the one that the encoder was trained on
     * @param images the folder that the table's images lie in, null for the table's own
     * @param groups the table's columns that hold attributes; none takes every column that looks like one
     * @param columns the table's own names of columns, by the usual ones
     * @param tripletsTable a {@link org.rafclip.data.table.TripletTable}'s file over the ids of {@code dir} or
     *     {@code table}; null makes triplets of their labels
     */
    public record Data(
            @Default("null") Path dir,
            @Default("null") Path fashioniq,
            @Default("false") boolean allowPartial,
            @Default("train") String split,
            @Default("regions") PhotoEvaluation.Images image,
            @Default("null") String preparation,
            Triplets triplets,
            @Default("runs/cache/features") Path features,
            @Default("fp32") FeatureCache.Storage storage,
            @Default("2") int threads,
            @Default("null") Path table,
            @Default("null") Path images,
            @Default("[]") List<String> groups,
            @Default("{}") Map<String, String> columns,
            @Default("null") Path tripletsTable) {

        public Data {
            if (tripletsTable != null && fashioniq != null) {
                throw new IllegalArgumentException(
                        "triplets-table is over the photos of dir or table; fashioniq brings" + " its own triplets");
            }
            groups = List.copyOf(groups);
            columns = Map.copyOf(columns);
            long given =
                    Stream.of(dir, table, fashioniq).filter(Objects::nonNull).count();
            if (given == 0) {
                throw new MissingValueException(
                        "no photos are given: add data.dir=DIR, a folder in DeepFashion's layout,"
                                + " data.table=FILE, a table with a row a garment, or data.fashioniq=DIR");
            }
            if (given > 1) {
                throw new IllegalArgumentException(
                        "give exactly one of dir (a DeepFashion folder), table (a file with a"
                                + " row a garment) and fashioniq (a folder in FashionIQ's layout), not " + given);
            }
            if (threads < 1) {
                throw new IllegalArgumentException("threads must be at least 1, not " + threads);
            }
        }

        /** Where photos with labels are listed, the folder or the table; null for FashionIQ. */
        public Path place() {
            return table != null ? table : dir;
        }

        /** How the table is read. */
        public TableSettings tableSettings() {
            return new TableSettings(images, groups, columns);
        }

        /**
         * The same settings for other data.
         *
         * @param place a DeepFashion folder or a table of photos, or null
         * @param otherFashioniq a folder in FashionIQ's layout, or null
         * @param otherSplit of the photos
         */
        public Data at(Path place, Path otherFashioniq, String otherSplit) {
            boolean listed = place != null && PhotoTable.isTable(place);
            return new Data(
                    listed ? null : place,
                    otherFashioniq,
                    allowPartial,
                    otherSplit,
                    image,
                    preparation,
                    triplets,
                    features,
                    storage,
                    threads,
                    listed ? place : null,
                    listed && PhotoTable.beside(place, table) ? images : null,
                    groups,
                    columns,
                    PhotoTable.same(place, place()) ? tripletsTable : null);
        }
    }

    /**
     * @param perReference triplets that a photo is the reference of, at most
     * @param maxChanged attribute groups in which a target differs, at most
     * @param seed of all draws
     */
    public record Triplets(
            @Default("4") int perReference,
            @Default("2") int maxChanged,
            @Default("1") long seed) {

        public Triplets {
            new ComposedTriplets.Drawing(perReference, maxChanged, seed);
        }

        ComposedTriplets.Drawing drawing() {
            return new ComposedTriplets.Drawing(perReference, maxChanged, seed);
        }
    }
}
