package org.rafclip.experiment;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.io.Sha256;
import org.rafclip.photos.PhotoData;
import org.rafclip.run.ConfigException;
import org.rafclip.train.RafClipConfig;

/** The labelled photos of a suite, each split read once, and which of them are measured. */
public final class SuitePhotos {

    private final SuiteConfig suite;
    private final Map<String, FashionSplit> splits = new HashMap<>();
    private final Map<String, String> contents = new HashMap<>();

    /** @param suite with its folder of photos */
    SuitePhotos(SuiteConfig suite) {
        this.suite = suite;
    }

    /** A name for a split by its photos, boxes and labels. */
    String content(String split) {
        return contents.computeIfAbsent(split, name -> {
            FashionSplit read = split(name);
            return Sha256.of(PhotoData.fingerprint(read.items()) + PhotoData.hashes(read, read.items()));
        });
    }

    /** A split of the suite's photos. */
    public FashionSplit split(String name) {
        return splits.computeIfAbsent(name, fresh -> FashionSplit.read(dir(), fresh));
    }

    /** The folder that they lie in. */
    Path dir() {
        return suite.data().dir().toAbsolutePath().normalize();
    }

    /** The split that is measured. */
    String measuredName() {
        return suite.data().measured() != null
                ? suite.data().measured()
                : suite.data().split();
    }

    /** The photos that a subject is measured on: the suite's split, or those that its training holds out. */
    public List<FashionItem> measured(Subject.OfPhotos subject) {
        FashionSplit split = split(measuredName());
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
        Set<String> heldOut = PhotoData.parts(split, config.data(), config.seed()).validation().stream()
                .map(FashionItem::id)
                .collect(Collectors.toSet());
        if (heldOut.isEmpty()) {
            throw new ConfigException("the suite measures on photos that training holds out, but data.held-out is 0;"
                    + " raise it, or name a split as data.measured");
        }
        return split.items().stream()
                .filter(item -> heldOut.contains(item.id()))
                .toList();
    }

    /** The split of the measured photos. */
    public FashionSplit measured() {
        return split(measuredName());
    }
}
