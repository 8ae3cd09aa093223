package org.rafclip.measure;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.rafclip.agcn.compose.ComposerConfig;
import org.rafclip.agcn.compose.ComposerModel;
import org.rafclip.agcn.loss.CompositionLossConfig;
import org.rafclip.agcn.open.ComposerRun;
import org.rafclip.data.DataException;
import org.rafclip.run.Configs;
import org.rafclip.train.Checkpoints;
import org.rafclip.train.TrainConfig;

/**
 * Composers' runs that can be measured together: of one encoder and trained on the same data.
 *
 * @param runs at least one
 */
record ComposerRuns(List<ComposerRun> runs) {

    /** Data settings that say where things lie and how fast they are made, not what is composed. */
    private static final Set<String> PLACES =
            Set.of("dir", "table", "images", "triplets-table", "fashioniq", "features", "threads", "allow-partial");

    /** What runs that differ in nothing but their seed have in common. */
    private record Trained(ComposerConfig composer, CompositionLossConfig loss, TrainConfig train) {

        static Trained of(ComposerRun run) {
            return new Trained(
                    run.config().composer(), run.config().loss(), run.config().train());
        }
    }

    /**
     * Runs that differ in nothing but their seed.
     *
     * @param method the table's row
     * @param runs by ascending seed
     */
    record Group(String method, ComposerConfig.Kind kind, List<ComposerRun> runs) {}

    /**
     * Opens runs.
     *
     * @throws DataException if one is not a composer's run or is damaged, or two cannot be measured together
     */
    static ComposerRuns open(List<Path> dirs, Checkpoints.Which which) throws IOException {
        List<ComposerRun> runs = new ArrayList<>();
        for (Path dir : dirs) {
            ComposerRun run = ComposerRun.open(dir, which);
            if (!runs.isEmpty()) {
                requireAlike(runs.get(0), run);
            }
            for (ComposerRun earlier : runs) {
                requireOtherSeed(earlier, run);
            }
            runs.add(run);
        }
        return new ComposerRuns(runs);
    }

    private static void requireAlike(ComposerRun first, ComposerRun other) throws IOException {
        List<String> differences = new ArrayList<>();
        if (!first.description().encoder().equals(other.description().encoder())) {
            differences.add("their encoders (" + first.config().rafclip().run() + " and "
                    + other.config().rafclip().run() + ") have different weights");
        }
        Configs.differences(first.config().data(), other.config().data()).stream()
                .filter(difference -> !PLACES.contains(difference.key()))
                .map(difference ->
                        "data." + difference.key() + " is " + difference.first() + " and " + difference.second())
                .forEach(differences::add);
        boolean sameData = first.folder()
                .provenance()
                .dataFingerprint()
                .equals(other.folder().provenance().dataFingerprint());
        boolean samePhotos = first.folder().trainedOn().equals(other.folder().trainedOn())
                && first.folder().heldOut().equals(other.folder().heldOut());
        if (!sameData || !samePhotos) {
            differences.add("they were trained on different " + (sameData ? "photos" : "labels, boxes or captions"));
        }
        if (!differences.isEmpty()) {
            throw new DataException(first.folder().dir() + " and "
                    + other.folder().dir() + " cannot be measured together: " + String.join("; ", differences)
                    + ". Measure them one by one, or train them alike");
        }
    }

    private static void requireOtherSeed(ComposerRun one, ComposerRun other) {
        if (Trained.of(one).equals(Trained.of(other))
                && one.config().seed() == other.config().seed()) {
            throw new DataException(one.folder().dir() + " and "
                    + other.folder().dir() + " are the same composer with the same seed "
                    + one.config().seed() + ", so there is no deviation between them; leave one away");
        }
    }

    /**
     * The runs by what was trained, in the order of {@link ComposerConfig.Kind}. Where a kind was trained in several ways
     * each method's name says what is special about it.
     */
    List<Group> groups() {
        Map<Trained, List<ComposerRun>> byTrained = new LinkedHashMap<>();
        for (ComposerRun run : runs) {
            byTrained
                    .computeIfAbsent(Trained.of(run), fresh -> new ArrayList<>())
                    .add(run);
        }
        return byTrained.entrySet().stream()
                .sorted(Comparator.comparing(entry -> entry.getKey().composer().kind()))
                .map(entry -> new Group(
                        name(entry.getKey(), byTrained.keySet()),
                        entry.getKey().composer().kind(),
                        entry.getValue().stream()
                                .sorted(Comparator.comparingLong(
                                        run -> run.config().seed()))
                                .toList()))
                .toList();
    }

    private static String name(Trained one, Set<Trained> all) {
        ComposerConfig.Kind kind = one.composer().kind();
        Map<String, String> special = new LinkedHashMap<>();
        for (Trained other : all) {
            if (other.composer().kind() == kind) {
                Configs.differences(one, other)
                        .forEach(difference -> special.put(difference.key(), difference.first()));
            }
        }
        return kind.title()
                + (special.isEmpty()
                        ? ""
                        : special.entrySet().stream()
                                .map(entry -> entry.getKey() + " " + entry.getValue())
                                .collect(Collectors.joining(", ", " (", ")")));
    }

    /** The untrained sums beside the runs: one for each length of pooled features that they compose. */
    Map<String, ComposerModel.Description> sums() {
        Set<ComposerConfig.Pooled> lengths = new TreeSet<>();
        runs.forEach(run -> lengths.add(run.config().composer().pooled()));
        Map<String, ComposerModel.Description> sums = new LinkedHashMap<>();
        for (ComposerConfig.Pooled length : lengths) {
            String title = ComposerConfig.Kind.SUM.title();
            sums.put(
                    lengths.size() == 1
                            ? title
                            : title + " (composer.pooled " + length.name().toLowerCase(Locale.ROOT) + ")",
                    runs.get(0).description().sum(length));
        }
        return sums;
    }

    /** SHA-256 of every photo that a run was trained on. */
    Set<String> trainedOn() throws IOException {
        Set<String> hashes = new LinkedHashSet<>();
        for (ComposerRun run : runs) {
            hashes.addAll(run.trainedOn());
        }
        return hashes;
    }
}
