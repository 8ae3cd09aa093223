package org.rafclip.experiment;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.rafclip.run.ConfigException;

/** Every experiment there is, by id. */
public final class Experiments {

    private Experiments() {}

    /** The paper's tables and figures first. */
    public static List<Experiment> all() {
        return List.of(
                new Table1AttributeRecognition(),
                new Table2TextImageRetrieval(),
                new Table3ComposedRetrieval(),
                new Table4RegionsOrWholeImages(),
                new Table5ComposedNetwork(),
                new Figure3Recognition(),
                new Figure4AttributeRetrieval(),
                new Figure5TextImageRetrieval(),
                new Figure6ComposedRetrieval(),
                EncoderAblation.positives(),
                EncoderAblation.masks(),
                EncoderAblation.alpha(),
                EncoderAblation.textContext(),
                EncoderAblation.sentences(),
                ComposerAblation.gates(),
                ComposerAblation.features(),
                ComposerAblation.blocks(),
                new OpenVocabulary());
    }

    /**
     * Experiments by id.
     *
     * @throws ConfigException if there is none of an id
     */
    public static List<Experiment> named(List<String> ids) {
        Map<String, Experiment> known = new LinkedHashMap<>();
        all().forEach(experiment -> known.put(experiment.id(), experiment));
        List<Experiment> named = new ArrayList<>();
        for (String id : ids) {
            if (!known.containsKey(id)) {
                throw new ConfigException(
                        "there is no experiment '" + id + "'; there are " + String.join(", ", known.keySet()));
            }
            named.add(known.get(id));
        }
        return named;
    }
}
