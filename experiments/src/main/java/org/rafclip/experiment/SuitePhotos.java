package org.rafclip.experiment;

import static java.util.stream.Collectors.joining;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.table.PhotoTable;
import org.rafclip.data.table.TableSettings;
import org.rafclip.io.Sha256;
import org.rafclip.measure.MeasuredPhotos;
import org.rafclip.photos.PhotoConfig;
import org.rafclip.photos.PhotoData;
import org.rafclip.photos.PhotoSplit;
import org.rafclip.photos.PhotoSplits;
import org.rafclip.run.ConfigException;
import org.rafclip.train.RafClipConfig;

/** The labelled photos of a suite, and which of them are measured. */
public final class SuitePhotos {

    private final SuiteConfig suite;
    private final PhotoSplits splits = new PhotoSplits();
    private final Map<String, String> contents = new HashMap<>();

    /** @param suite with its folder of photos */
    SuitePhotos(SuiteConfig suite) {
        this.suite = suite;
    }

    /** Every split that was read, for trainings and measurements. */
    PhotoSplits splits() {
        return splits;
    }

    /** A name for a split by its photos, boxes and labels. */
    String content(String split) {
        return contents.computeIfAbsent(split, name -> {
            PhotoSplit read = split(name);
            return Sha256.of(PhotoData.fingerprint(read) + read.hashes(read.items()));
        });
    }

    /** A split of the suite's photos. */
    public PhotoSplit split(String name) {
        return splits.split(dir(), name, suite.data().tableSettings());
    }

    /** What names them in a training's configuration. */
    List<String> settings() {
        List<String> settings = new ArrayList<>();
        settings.add("data." + (PhotoTable.isTable(dir()) ? "table" : "dir") + "=" + quoted(dir()));
        SuiteConfig.Data data = suite.data();
        if (data.images() != null) {
            settings.add("data.images=" + quoted(data.images().toAbsolutePath().normalize()));
        }
        if (!data.groups().isEmpty()) {
            settings.add(data.groups().stream().map(SuitePhotos::quoted).collect(joining(", ", "data.groups=[", "]")));
        }
        if (!data.columns().isEmpty()) {
            settings.add(new TreeMap<>(data.columns())
                    .entrySet().stream()
                            .map(column -> quoted(column.getKey()) + ": " + quoted(column.getValue()))
                            .collect(joining(", ", "data.columns={", "}")));
        }
        return settings;
    }

    /**
     * Checks that a training reads the table as the suite does.
     *
     * @throws ConfigException if it has columns or images of its own
     */
    void requireSameTable(PhotoConfig training, Path file) {
        TableSettings own = new TableSettings(
                training.images() == null
                        ? null
                        : training.images().toAbsolutePath().normalize(),
                training.groups(),
                training.columns());
        TableSettings suites = suite.data().tableSettings();
        TableSettings whole = new TableSettings(
                suites.images() == null
                        ? null
                        : suites.images().toAbsolutePath().normalize(),
                suites.groups(),
                suites.columns());
        if (!own.equals(whole)) {
            throw new ConfigException(file + " says otherwise than the suite how the table is read (images, groups or"
                    + " columns); give data.images, data.groups and data.columns in the suite, or after the command");
        }
    }

    private static String quoted(Object text) {
        return "'" + text.toString().replace("'", "''") + "'";
    }

    /** The folder that they lie in, or their table. */
    Path dir() {
        return suite.data().place().toAbsolutePath().normalize();
    }

    /** The split that is measured. */
    String measuredName() {
        return suite.data().measured() != null
                ? suite.data().measured()
                : suite.data().split();
    }

    /** The photos that a subject is measured on, in its preparation. */
    MeasuredPhotos measured(Subject.OfPhotos subject) {
        PhotoConfig data = subject.config().data();
        return new MeasuredPhotos(
                measured(),
                items(subject),
                suite.data().measured() == null,
                data.at(dir(), measuredName()),
                data.mirror());
    }

    /** The photos that a subject is measured on: the suite's split, or those that its training holds out. */
    public List<FashionItem> items(Subject.OfPhotos subject) {
        PhotoSplit split = measured();
        if (suite.data().measured() != null) {
            return split.items();
        }
        RafClipConfig config = subject.config();
        if (config.data().validationSplit() != null) {
            throw new ConfigException("the suite measures on photos that training holds out, but "
                    + suite.rafclip().config() + " validates on the split "
                    + config.data().validationSplit()
                    + "; name the split to measure on as data.measured");
        }
        Set<String> heldOut =
                parts(config).validation().stream().map(FashionItem::id).collect(Collectors.toSet());
        if (heldOut.isEmpty()) {
            throw new ConfigException("the suite measures on photos that training holds out, but data.held-out is 0;"
                    + " raise it, or name a split as data.measured");
        }
        return split.items().stream()
                .filter(item -> heldOut.contains(item.id()))
                .toList();
    }

    /** What a training trains on and validates on. */
    PhotoData.Parts parts(RafClipConfig config) {
        return PhotoData.parts(splits, config.data(), config.seed());
    }

    /** The split of the measured photos. */
    public PhotoSplit measured() {
        return split(measuredName());
    }
}
