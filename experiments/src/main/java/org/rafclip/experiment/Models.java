package org.rafclip.experiment;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.rafclip.agcn.train.AgcnConfig;
import org.rafclip.agcn.train.AgcnTrainer;
import org.rafclip.io.Sha256;
import org.rafclip.photos.PhotoConfig;
import org.rafclip.run.ConfigException;
import org.rafclip.run.Configs;
import org.rafclip.run.Provenance;
import org.rafclip.train.RafClipConfig;

/** Which models a suite's settings ask for: what each is trained with, and the name of its artefact. Makes none. */
public final class Models {

    /** Settings that say where things lie or how fast they are made, not what comes out. */
    private static final Map<String, List<String>> PLACES = Map.of(
            "data",
                    List.of(
                            "dir",
                            "table",
                            "images",
                            "groups",
                            "columns",
                            "triplets-table",
                            "fashioniq",
                            "cache",
                            "features",
                            "threads",
                            "prefetch",
                            "memory-mb"),
            "train", List.of("checkpoint-every"),
            "rafclip", List.of("run"));

    private static final String UNDECIDED = "undecided";

    private final SuiteConfig suite;
    private final Path suiteFile;
    private final SuitePhotos photos;
    private final Artefacts artefacts;

    /** @param suiteFile the configurations that the suite names lie relative to this file */
    Models(SuiteConfig suite, Path suiteFile, SuitePhotos photos, Artefacts artefacts) {
        this.suite = suite;
        this.suiteFile = suiteFile;
        this.photos = photos;
        this.artefacts = artefacts;
    }

    public SuiteConfig suite() {
        return suite;
    }

    public SuitePhotos photos() {
        return photos;
    }

    /** The first of {@link #rafclips}: what figures show. */
    public Subject.Encoder rafclip() throws IOException {
        return encoder("RaF-CLIP", suite.seeds().get(0), List.of());
    }

    /** One RaF-CLIP a seed of the suite. */
    public List<Subject.Encoder> rafclips() throws IOException {
        return encoders("RaF-CLIP", List.of());
    }

    /** Table 4's row: the same training on whole photos in both branches. */
    public List<Subject.Encoder> completes() throws IOException {
        PhotoConfig data = base(suite.seeds().get(0), List.of()).data();
        return encoders(
                "Complete",
                Pipelines.overrides(data, line -> Pipelines.without(Pipelines.without(line, "mask"), "crop")));
    }

    /**
     * RaF-CLIP with other settings, one a seed of the suite.
     *
     * @param overrides {@code key.path=value} each
     */
    public List<Subject.Encoder> encoders(String label, List<String> overrides) throws IOException {
        List<Subject.Encoder> encoders = new ArrayList<>();
        for (long seed : suite.seeds()) {
            encoders.add(encoder(label, seed, overrides));
        }
        return encoders;
    }

    private Subject.Encoder encoder(String label, long seed, List<String> overrides) throws IOException {
        RafClipConfig config = base(seed, overrides);
        Artefacts.Inputs inputs = new Artefacts.Inputs("rafclip", settings(config), upstream(config), version());
        return new Subject.Encoder(
                label, with(config, "output.dir=" + quoted(artefacts.folder(inputs)), RafClipConfig.class), inputs);
    }

    /** What {@link #rafclips} start from. */
    public List<Subject.Start> starts() throws IOException {
        List<Subject.Start> starts = new ArrayList<>();
        for (long seed : suite.seeds()) {
            RafClipConfig config = base(seed, List.of());
            Artefacts.Inputs inputs = new Artefacts.Inputs("start", settings(config), upstream(config), version());
            String label = config.model().weights() != null ? "Pre-trained start" : "Random start";
            starts.add(new Subject.Start(label, config, inputs, artefacts.folder(inputs)));
        }
        return starts;
    }

    /** The configuration that the suite trains RaF-CLIP with. */
    public RafClipConfig base(long seed, List<String> overrides) {
        List<String> all = new ArrayList<>();
        all.add("data.cache=" + quoted(cache("masks")));
        all.addAll(suite.rafclip().overrides());
        all.addAll(overrides);
        all.add("seed=" + seed);
        all.addAll(photos.settings());
        all.add("data.split=" + quoted(suite.data().split()));
        all.add("output.dir=" + UNDECIDED);
        RafClipConfig config = Configs.load(beside(suite.rafclip().config()), all, RafClipConfig.class);
        photos.requireSameTable(config.data(), suite.rafclip().config());
        return config;
    }

    /**
     * A composer with other settings, one a composer seed of the suite: the first on features of the first RaF-CLIP, the
     * second on those of the second, and again from the first where there are fewer of them.
     *
     * @param overrides {@code key.path=value} each
     */
    public List<Subject.Composer> composers(String label, List<String> overrides) throws IOException {
        List<Subject.Composer> composers = new ArrayList<>();
        List<Subject.Encoder> encoders = rafclips();
        for (int i = 0; i < suite.composerSeeds().size(); i++) {
            Subject.Encoder encoder = encoders.get(i % encoders.size());
            AgcnConfig config = composerBase(encoder, suite.composerSeeds().get(i), overrides);
            Map<String, String> from =
                    new HashMap<>(Map.of("encoder", encoder.inputs().name()));
            from.put("data", composerData(config));
            Artefacts.Inputs inputs = new Artefacts.Inputs("agcn", settings(config), from, version());
            composers.add(new Subject.Composer(
                    label,
                    with(config, "output.dir=" + quoted(artefacts.folder(inputs)), AgcnConfig.class),
                    encoder,
                    inputs));
        }
        return composers;
    }

    /** Composers, and before them the encoders that they need. */
    static List<Subject> withEncoders(List<Subject.Composer> composers) {
        Set<Subject> all = new LinkedHashSet<>();
        composers.forEach(composer -> all.add(composer.encoder()));
        all.addAll(composers);
        return List.copyOf(all);
    }

    private AgcnConfig composerBase(Subject.Encoder encoder, long seed, List<String> overrides) {
        if (suite.agcn() == null) {
            throw new ConfigException("the suite has no section agcn, which composed retrieval needs; add"
                    + " agcn: {config: FILE}, or leave these experiments out");
        }
        List<String> all = new ArrayList<>();
        all.add("data.features=" + quoted(cache("features")));
        all.addAll(suite.agcn().overrides());
        all.addAll(overrides);
        all.add("seed=" + seed);
        all.add("rafclip.run=" + quoted(encoder.folder()));
        all.add("rafclip.checkpoint=" + suite.checkpoint().name().toLowerCase(Locale.ROOT));
        all.addAll(
                suite.data().fashioniq() != null
                        ? List.of("data.fashioniq="
                                + quoted(suite.data().fashioniq().toAbsolutePath()))
                        : photos.settings());
        all.add("data.split=" + quoted(suite.data().split()));
        all.add("output.dir=" + UNDECIDED);
        return Configs.load(beside(suite.agcn().config()), all, AgcnConfig.class);
    }

    private String composerData(AgcnConfig config) throws IOException {
        return config.data().fashioniq() != null
                ? AgcnTrainer.dataFingerprint(config, photos.splits())
                : photos.content(config.data().split());
    }

    private Path beside(Path config) {
        return suiteFile.resolveSibling(config);
    }

    private Path cache(String name) {
        return suite.output()
                .dir()
                .toAbsolutePath()
                .normalize()
                .resolve("cache")
                .resolve(name);
    }

    private static String quoted(Object value) {
        return "'" + value.toString().replace("'", "''") + "'";
    }

    private static <T extends Record> T with(T config, String override, Class<T> type) {
        return Configs.parse(Configs.toYaml(config), "the suite's configuration", List.of(override), type);
    }

    /** Settings by which artefacts are named. */
    static JsonNode settings(Record config) {
        ObjectNode tree = (ObjectNode) Configs.toTree(config);
        tree.remove("output");
        PLACES.forEach((section, keys) -> {
            if (tree.get(section) instanceof ObjectNode object) {
                object.remove(keys);
            }
        });
        if (tree.get("model") instanceof ObjectNode model) {
            model.remove(List.of("weights", "tokenizer"));
        }
        return tree;
    }

    private static String version() {
        return Provenance.Code.current().version();
    }

    private Map<String, String> upstream(RafClipConfig config) throws IOException {
        Map<String, String> from = new HashMap<>();
        from.put("data", photos.content(config.data().split()));
        if (config.data().validationSplit() != null) {
            from.put("validation", photos.content(config.data().validationSplit()));
        }
        if (config.model().weights() != null) {
            from.put("weights", content(config.model().weights()));
        }
        if (config.model().tokenizer() != null) {
            from.put("tokenizer", content(config.model().tokenizer()));
        }
        return from;
    }

    /** A name for a folder's files by their content. */
    private static String content(Path folder) throws IOException {
        StringBuilder text = new StringBuilder();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
                text.append(file.getFileName())
                        .append(' ')
                        .append(Sha256.of(file))
                        .append('\n');
            }
        }
        return Sha256.of(text.toString());
    }
}
