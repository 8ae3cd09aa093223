package org.rafclip.experiment;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.rafclip.agcn.compose.ComposerConfig;
import org.rafclip.agcn.compose.ComposerModel;
import org.rafclip.agcn.eval.ComposedEvaluation;
import org.rafclip.agcn.eval.ComposedResult;
import org.rafclip.agcn.features.EncodedData;
import org.rafclip.agcn.train.AgcnConfig;
import org.rafclip.agcn.train.AgcnTrainer;
import org.rafclip.agcn.train.CompositionData;
import org.rafclip.agcn.train.FrozenEncoder;
import org.rafclip.clip.ClipModel;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.data.fashioniq.CaptionForm;
import org.rafclip.data.fashioniq.FashionIq;
import org.rafclip.data.fashioniq.GalleryKind;
import org.rafclip.data.fashioniq.QuerySet;
import org.rafclip.data.image.ImageReader;
import org.rafclip.eval.AttributeResult;
import org.rafclip.eval.PhotoEvaluation;
import org.rafclip.eval.RetrievalResult;
import org.rafclip.eval.Setting;
import org.rafclip.io.AtomicFiles;
import org.rafclip.io.Sha256;
import org.rafclip.launch.ComposerTraining;
import org.rafclip.launch.RafClipTraining;
import org.rafclip.ops.Parallel;
import org.rafclip.run.ConfigException;
import org.rafclip.run.Configs;
import org.rafclip.run.JsonReport;
import org.rafclip.run.Provenance;
import org.rafclip.train.Checkpoints;
import org.rafclip.train.PhotoData;
import org.rafclip.train.RunConfig;
import org.rafclip.train.RunFolder;
import org.rafclip.train.Trainer;

/**
 * Where experiments get their models and measurements from: each is made once, from the suite's settings, and kept as an
 * artefact. For one thread.
 */
public final class Lab implements Closeable {

    /** Settings that say where things lie or how fast they are made, not what comes out. */
    private static final Map<String, List<String>> PLACES = Map.of(
            "data", List.of("dir", "fashioniq", "cache", "features", "threads", "prefetch", "memory-mb"),
            "train", List.of("checkpoint-every"),
            "rafclip", List.of("run"));

    private static final String MEASURED = "measured.json";
    private static final String UNDECIDED = "undecided";

    private final SuiteConfig suite;
    private final Path suiteFile;
    private final Results results;
    private final Artefacts artefacts;
    private final Origin origin;
    private final Watcher watcher;
    private final Map<String, FashionSplit> splits = new HashMap<>();
    private final Map<String, String> contents = new HashMap<>();
    private final Map<String, Exception> failures = new HashMap<>();
    private final Map<String, ExperimentResult.Stage> touched = new LinkedHashMap<>();
    private Prepared prepared;
    private Asked asked;

    /**
     * What everything says of where it comes from.
     *
     * @param libraries versions by name
     * @param commandLine the arguments as given
     */
    public record Origin(Map<String, String> libraries, List<String> commandLine, Clock clock) {}

    /** Is told what happens. */
    public interface Watcher extends EncodedData.Stages {

        /** A stage that takes time began; the returned progress is told how far it is, until the next stage begins. */
        @Override
        Progress stage(String name, int total);

        /** A line for the reader. */
        void say(String line);

        /** An experiment failed; the others go on. */
        void failed(String experiment, Throwable error);
    }

    private record Prepared(String key, PhotoEvaluation photos) {}

    /** Queries with the features of their images and texts. */
    private record Asked(String key, List<QuerySet> queries, EncodedData features, boolean partial) {}

    /**
     * @param suite with its folder of photos
     * @param suiteFile the configurations that it names lie relative to this file
     */
    public Lab(SuiteConfig suite, Path suiteFile, Origin origin, Watcher watcher) {
        this.suite = suite;
        this.suiteFile = suiteFile;
        this.results = new Results(suite.output().dir());
        this.artefacts = new Artefacts(suite.output().dir().resolve("artefacts"), origin.clock());
        this.origin = origin;
        this.watcher = watcher;
    }

    public SuiteConfig suite() {
        return suite;
    }

    public Results results() {
        return results;
    }

    /** Whether an artefact is finished. */
    public boolean has(Subject subject) {
        return artefacts.find(subject.inputs()).isPresent();
    }

    // ---------------------------------------------------------------- subjects

    /** The first of {@link #rafclips}: what figures show, and what composers take their features from. */
    public Subject.Encoder rafclip() throws IOException {
        return encoder("RaF-CLIP", suite.seeds().get(0), List.of());
    }

    /** One RaF-CLIP a seed of the suite. */
    public List<Subject.Encoder> rafclips() throws IOException {
        return encoders("RaF-CLIP", List.of());
    }

    /** Table 4's row: the same training on whole photos in both branches. */
    public List<Subject.Encoder> completes() throws IOException {
        RunConfig.Data data = base(suite.seeds().get(0), List.of()).data();
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
        RunConfig config = base(seed, overrides);
        Artefacts.Inputs inputs = new Artefacts.Inputs("rafclip", settings(config), upstream(config), version());
        return new Subject.Encoder(
                label, with(config, "output.dir=" + quoted(artefacts.folder(inputs)), RunConfig.class), inputs);
    }

    /** What {@link #rafclips} start from. */
    public List<Subject.Start> starts() throws IOException {
        List<Subject.Start> starts = new ArrayList<>();
        for (long seed : suite.seeds()) {
            RunConfig config = base(seed, List.of());
            Artefacts.Inputs inputs = new Artefacts.Inputs("start", settings(config), upstream(config), version());
            String label = config.model().weights() != null ? "Pre-trained start" : "Random start";
            starts.add(new Subject.Start(label, config, inputs, artefacts.folder(inputs)));
        }
        return starts;
    }

    /** The configuration that the suite trains RaF-CLIP with. */
    public RunConfig base(long seed, List<String> overrides) {
        List<String> all = new ArrayList<>();
        all.add("data.cache=" + quoted(cache("masks")));
        all.addAll(suite.rafclip().overrides());
        all.addAll(overrides);
        all.add("seed=" + seed);
        all.add("data.dir=" + quoted(photos()));
        all.add("data.split=" + quoted(suite.data().split()));
        all.add("output.dir=" + UNDECIDED);
        return Configs.load(beside(suite.rafclip().config()), all, RunConfig.class);
    }

    /**
     * A composer with other settings, one a composer seed of the suite, on features of its first RaF-CLIP.
     *
     * @param overrides {@code key.path=value} each
     */
    public List<Subject.Composer> composers(String label, List<String> overrides) throws IOException {
        List<Subject.Composer> composers = new ArrayList<>();
        Subject.Encoder encoder = rafclip();
        for (long seed : suite.composerSeeds()) {
            AgcnConfig config = composerBase(encoder, seed, overrides);
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
        all.add(
                suite.data().fashioniq() != null
                        ? "data.fashioniq=" + quoted(suite.data().fashioniq().toAbsolutePath())
                        : "data.dir=" + quoted(photos()));
        all.add("data.split=" + quoted(suite.data().split()));
        all.add("output.dir=" + UNDECIDED);
        return Configs.load(beside(suite.agcn().config()), all, AgcnConfig.class);
    }

    private String composerData(AgcnConfig config) throws IOException {
        return config.data().fashioniq() != null
                ? AgcnTrainer.dataFingerprint(config)
                : content(config.data().split());
    }

    private Path beside(Path config) {
        return suiteFile.resolveSibling(config);
    }

    private Path photos() {
        return suite.data().dir().toAbsolutePath().normalize();
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

    private static JsonNode settings(Record config) {
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

    private Map<String, String> upstream(RunConfig config) throws IOException {
        Map<String, String> from = new HashMap<>();
        from.put("data", content(config.data().split()));
        if (config.data().validationSplit() != null) {
            from.put("validation", content(config.data().validationSplit()));
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

    /** A name for a split by its photos, boxes and labels. */
    private String content(String split) {
        return contents.computeIfAbsent(split, name -> {
            FashionSplit read = split(name);
            return Sha256.of(PhotoData.fingerprint(read.items()) + PhotoData.hashes(read, read.items()));
        });
    }

    /** A split of the suite's photos. */
    public FashionSplit split(String name) {
        return splits.computeIfAbsent(name, fresh -> FashionSplit.read(photos(), fresh));
    }

    // ---------------------------------------------------------------- making

    /**
     * Makes a subject, unless it is there. One that could not be made is not tried again by this lab.
     *
     * @return whether it was there before
     */
    public boolean make(Subject subject) throws IOException, InterruptedException {
        String name = subject.inputs().name();
        if (failures.containsKey(name)) {
            throw new DataException(
                    subject.stage() + " failed before: " + failures.get(name).getMessage(), failures.get(name));
        }
        try {
            Artefacts.Artefact artefact = artefacts.get(subject.inputs(), folder -> {
                watcher.say(subject.stage() + ": " + folder);
                make(subject, folder);
            });
            if (subject instanceof Subject.Encoder encoder) {
                movedTo(encoder.config());
            } else if (subject instanceof Subject.Composer composer) {
                movedTo(composer.config());
            }
            touch(subject.stage(), name, artefact);
            return artefact.reused();
        } catch (IOException | RuntimeException e) {
            failures.put(name, e);
            throw e;
        }
    }

    private void touch(String stage, String name, Artefacts.Artefact artefact) {
        touched.put(name, new ExperimentResult.Stage(stage, name, artefact.seconds()));
    }

    private void make(Subject subject, Path folder) throws IOException, InterruptedException {
        if (subject instanceof Subject.Start start) {
            FashionSplit split = split(start.config().data().split());
            PhotoData.Parts parts = PhotoData.parts(split, start.config().data(), start.seed());
            AtomicFiles.deleteDirectory(folder.resolve("model"));
            try (ClipModel model = Trainer.initialModel(start.config(), split.taxonomy(), parts.train())) {
                AtomicFiles.writeDirectory(
                        folder.resolve("model"), dir -> model.save(dir, Map.of("seed", Long.toString(start.seed()))));
            }
        } else if (subject instanceof Subject.Encoder encoder) {
            movedTo(encoder.config());
            RafClipTraining training = new RafClipTraining(encoder.config());
            training.train(true, training.provenance(origin.libraries(), origin.commandLine()));
        } else if (subject instanceof Subject.Composer composer) {
            movedTo(composer.config());
            ComposerTraining training = new ComposerTraining(composer.config());
            training.train(true, training.provenance(origin.libraries(), origin.commandLine()));
        }
    }

    /** A run's configuration names folders; where the suite or its photos were moved, it is to name the new ones. */
    private static void movedTo(Record config) throws IOException {
        Path folder = config instanceof RunConfig run
                ? run.output().dir()
                : ((AgcnConfig) config).output().dir();
        Path file = new RunFolder(folder).configFile();
        String yaml = Configs.toYaml(config);
        if (Files.isRegularFile(file) && !Files.readString(file).equals(yaml)) {
            AtomicFiles.writeString(file, yaml);
        }
    }

    /**
     * A value that is computed from artefacts, kept as an artefact itself.
     *
     * @param stage what is done to get it
     * @param kind of its folder's name
     * @param settings that it depends on, besides what it is computed from
     * @param from what it is computed from
     */
    public <T extends Record> T value(
            String stage, String kind, Record settings, Map<String, String> from, Class<T> type, Callable<T> compute)
            throws IOException, InterruptedException {
        Artefacts.Inputs inputs = new Artefacts.Inputs(kind, Configs.toTree(settings), from, version());
        Artefacts.Artefact artefact = artefacts.get(inputs, folder -> {
            watcher.say(stage);
            T value;
            try {
                value = compute.call();
            } catch (IOException | InterruptedException | RuntimeException e) {
                throw e;
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
            new JsonReport<>(value, provenance(settings, Sha256.of(inputs.toString()))).write(folder.resolve(MEASURED));
        });
        touch(stage, inputs.name(), artefact);
        return JsonReport.read(artefact.folder().resolve(MEASURED), type).body();
    }

    /** The provenance of what is computed now. */
    Provenance provenance(Record settings, String dataFingerprint) {
        return Provenance.capture(
                settings,
                suite.seeds().get(0),
                dataFingerprint,
                origin.libraries(),
                Parallel.standard().threads(),
                origin.commandLine(),
                origin.clock());
    }

    /** The artefacts that were asked for since the last call, in order. */
    List<ExperimentResult.Stage> stages() {
        List<ExperimentResult.Stage> stages = List.copyOf(touched.values());
        touched.clear();
        return stages;
    }

    // ---------------------------------------------------------------- measuring

    /** The names of subjects' artefacts, as {@link #value} takes them. */
    public static Map<String, String> names(List<? extends Subject> subjects) {
        Map<String, String> names = new LinkedHashMap<>();
        for (Subject subject : subjects) {
            names.put("subject " + names.size(), subject.inputs().name());
        }
        return names;
    }

    /** What a measurement depends on besides the model. */
    private record Protocol(String what, String checkpoint, String split, JsonNode data) {}

    private Protocol protocol(String what, Record data) {
        return new Protocol(
                what, suite.checkpoint().name(), suite.data().measured(), data == null ? null : settings(data));
    }

    private Map<String, String> measuredFrom(Subject subject) {
        Map<String, String> from = new HashMap<>(names(List.of(subject)));
        from.put("photos", content(measuredSplit()));
        return from;
    }

    private String measuredSplit() {
        return suite.data().measured() != null
                ? suite.data().measured()
                : suite.data().split();
    }

    /** The photos that a subject is measured on: the suite's split, or those that its training holds out. */
    public List<FashionItem> measured(Subject.OfPhotos subject) {
        FashionSplit split = split(measuredSplit());
        if (suite.data().measured() != null) {
            return split.items();
        }
        RunConfig config = subject.config();
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

    /** The measured photos in a subject's preparation. */
    public PhotoEvaluation photos(Subject.OfPhotos subject) throws InterruptedException {
        RunConfig.Data data = subject.config().data().at(photos(), measuredSplit());
        List<FashionItem> items = measured(subject);
        String key = Sha256.of(settings(new Evaluated(data)) + PhotoData.fingerprint(items));
        if (prepared == null || !prepared.key().equals(key)) {
            prepared = null;
            prepared = new Prepared(
                    key,
                    PhotoEvaluation.prepare(
                            PhotoData.loader(split(measuredSplit()), data, data.evaluation()),
                            items,
                            data.threads(),
                            data.prefetch(),
                            watcher.stage("preparing measured photos", items.size())));
        }
        return prepared.photos();
    }

    private record Evaluated(RunConfig.Data data) {}

    /** A subject's model. The caller closes it. */
    public ClipModel model(Subject.OfPhotos subject) throws IOException {
        return ClipModel.load(
                subject instanceof Subject.Start
                        ? subject.folder().resolve("model")
                        : RunFolder.open(subject.folder()).checkpoint(suite.checkpoint()));
    }

    /**
     * A measurement of a subject on the measured photos.
     *
     * @param stage what is done to get it
     * @param kind of its folder's name
     * @param settings that it depends on, besides the subject and how its photos are prepared
     */
    <T extends Record> T measure(
            String stage, String kind, Subject.OfPhotos subject, Record settings, Class<T> type, Callable<T> compute)
            throws IOException, InterruptedException {
        Map<String, String> from = measuredFrom(subject);
        from.put("settings", Configs.fingerprint(settings));
        return value(stage, kind, protocol(kind, new Evaluated(subject.config().data())), from, type, compute);
    }

    private record Nothing() {}

    /** Attribute recognition of the measured photos. */
    public AttributeResult attributes(Subject.OfPhotos subject) throws IOException, InterruptedException {
        return measure(
                "measure attributes: " + subject.label() + ", seed " + subject.seed(),
                "attributes",
                subject,
                new Nothing(),
                AttributeResult.class,
                () -> {
                    PhotoEvaluation photos = photos(subject);
                    try (ClipModel model = model(subject)) {
                        return photos.attributes(model, subject.config().data().mirror(), encoding("regions", photos));
                    }
                });
    }

    /** Progress of encoding the measured photos' crops or regions. */
    Progress encoding(String what, PhotoEvaluation photos) {
        return watcher.stage("encoding measured " + what, photos.items().size());
    }

    /** Text ↔ image retrieval among the measured photos' regions. */
    public RetrievalResult retrieval(Subject.OfPhotos subject) throws IOException, InterruptedException {
        return measure(
                "measure retrieval: " + subject.label() + ", seed " + subject.seed(),
                "retrieval",
                subject,
                new Nothing(),
                RetrievalResult.class,
                () -> {
                    PhotoEvaluation photos = photos(subject);
                    try (ClipModel model = model(subject)) {
                        return photos.retrieval(
                                model,
                                PhotoEvaluation.Images.REGIONS,
                                subject.config().data().mirror(),
                                encoding("regions", photos));
                    }
                });
    }

    /** What tells a subject's row from others. */
    public Setting setting(List<? extends Subject.OfPhotos> subjects, String protocol) {
        Subject.OfPhotos subject = subjects.get(0);
        RunConfig config = subject.config();
        String initial =
                config.model().weights() != null ? config.model().weights().toString() : "random weights";
        int measured = measured(subject).size();
        int trained = subject instanceof Subject.Start
                ? 0
                : PhotoData.parts(split(config.data().split()), config.data(), config.seed())
                        .train()
                        .size();
        return new Setting(
                subject instanceof Subject.Start ? initial + ", untrained" : "trained from " + initial,
                "measured on " + measured + " photos of split " + measuredSplit() + " in "
                        + suite.data().dir() + (suite.data().measured() == null ? ", held out of the training" : ""),
                protocol + selection(subject),
                trained);
    }

    private String selection(Subject subject) {
        if (subject instanceof Subject.Start) {
            return "";
        }
        return suite.checkpoint() == Checkpoints.Which.LAST
                ? "; last checkpoint"
                : suite.data().measured() == null
                        ? "; best checkpoint, chosen on the same photos"
                        : "; best checkpoint, chosen on photos held out of the training";
    }

    // ---------------------------------------------------------------- composed retrieval

    /** A trained composer on the suite's queries. */
    public ComposedResult composed(Subject.Composer subject) throws IOException, InterruptedException {
        return value(
                "measure composed retrieval: " + subject.label() + ", seed " + subject.seed(),
                "composed",
                protocol("composed", new Composed(subject.config().data())),
                measuredFrom(subject),
                ComposedResult.class,
                () -> {
                    try (ComposerModel model = composer(subject)) {
                        return evaluate(subject, model);
                    }
                });
    }

    private record Composed(AgcnConfig.Data data) {}

    private record Summed(AgcnConfig.Data data, ComposerConfig.Pooled pooled) {}

    /** The sum of the features that a composer composes: Table 5's first row, which needs no training. */
    public ComposedResult sum(Subject.Composer subject) throws IOException, InterruptedException {
        return value(
                "measure composed retrieval: Sum, features of "
                        + subject.encoder().label() + ", seed "
                        + subject.encoder().seed(),
                "sum",
                protocol(
                        "sum",
                        new Summed(
                                subject.config().data(),
                                subject.config().composer().pooled())),
                measuredFrom(subject.encoder()),
                ComposedResult.class,
                () -> {
                    try (ComposerModel model = sumModel(subject)) {
                        return evaluate(subject, model);
                    }
                });
    }

    /** A composer's model. The caller closes it. */
    public ComposerModel composer(Subject.Composer subject) throws IOException {
        return ComposerModel.load(RunFolder.open(subject.folder()).checkpoint(suite.checkpoint()));
    }

    /** The untrained sum beside a composer. The caller closes it. */
    public ComposerModel sumModel(Subject.Composer subject) throws IOException {
        try (ComposerModel trained = composer(subject)) {
            ComposerModel.Description of = trained.description();
            ComposerConfig config = of.composer();
            ComposerConfig sum = new ComposerConfig(
                    ComposerConfig.Kind.SUM, config.pooled(), config.branches(), config.gates(), config.combiner());
            return new ComposerModel(new ComposerModel.Description(sum, of.width(), of.pool(), of.encoder()), 0);
        }
    }

    private ComposedResult evaluate(Subject.Composer subject, ComposerModel model) throws IOException {
        Asked questions = ask(subject);
        ComposedEvaluation evaluation =
                new ComposedEvaluation(questions.queries(), questions.features(), false, questions.partial());
        return evaluation.of(model, watcher.stage("composing queries", evaluation.queries()));
    }

    /** The queries that composers are measured with, one set a category. */
    public List<QuerySet> queries(Subject.Composer subject) throws IOException {
        return ask(subject).queries();
    }

    /** The features of their images and texts. */
    public EncodedData features(Subject.Composer subject) throws IOException {
        return ask(subject).features();
    }

    private Asked ask(Subject.Composer subject) throws IOException {
        AgcnConfig.Data data = subject.config().data();
        String key = subject.encoder().inputs().name() + settings(new Composed(data));
        if (asked != null && asked.key().equals(key)) {
            return asked;
        }
        asked = null;
        Path written = Files.createTempDirectory("rafclip-triplets");
        try (FrozenEncoder encoder = FrozenEncoder.open(
                subject.encoder().folder(), subject.config().rafclip().checkpoint())) {
            CompositionData composition;
            AgcnConfig.Data settings = data;
            if (data.fashioniq() != null) {
                FashionIq fashionIq = FashionIq.open(data.fashioniq());
                composition = new CompositionData(
                        encoder.photos(fashionIq.images(), data),
                        List.of(),
                        CompositionData.fashionIqQueries(
                                fashionIq, GalleryKind.ORIGINAL, CaptionForm.JOINED, data.allowPartial()));
            } else {
                settings = data.at(photos(), null, measuredSplit());
                FashionSplit split = split(measuredSplit());
                composition = CompositionData.garments(
                        split,
                        List.of(),
                        measured(subject.encoder()),
                        data.triplets(),
                        CaptionForm.JOINED,
                        encoder.photos(split, settings),
                        written);
            }
            asked = new Asked(
                    key, composition.queries(), composition.encode(encoder, settings, watcher), data.allowPartial());
            return asked;
        } finally {
            AtomicFiles.deleteDirectory(written);
        }
    }

    /** What composers' queries are made of, in words. */
    public String composedData(Subject.Composer subject) {
        return suite.data().fashioniq() != null
                ? "FashionIQ's layout in " + suite.data().fashioniq()
                : "triplets from the labels of " + measured(subject.encoder()).size() + " photos of split "
                        + measuredSplit() + " in " + suite.data().dir()
                        + (suite.data().measured() == null ? ", held out of the training" : "")
                        + selection(subject);
    }

    // ---------------------------------------------------------------- pictures

    /** A measured garment for a gallery. */
    public Figure.Picture picture(FashionSplit split, FashionItem item) {
        List<String> labels = new ArrayList<>();
        item.category().ifPresent(labels::add);
        int[] attributes = item.attributeArray();
        for (int g = 0; g < attributes.length; g++) {
            if (attributes[g] != FashionItem.MISSING) {
                labels.add(split.taxonomy().group(g).words(attributes[g]));
            }
        }
        return new Figure.Picture(
                results.name(new ImageReader().locate(split.imageRoot(), item.image())), item.box(), labels);
    }

    /** The split of the measured photos. */
    public FashionSplit measuredPhotos() {
        return split(measuredSplit());
    }

    /** Forgets what is only kept for speed. */
    @Override
    public void close() {
        prepared = null;
        asked = null;
    }

    /** The run's folder as results name it. */
    Optional<ExperimentResult.Run> run(Subject subject) {
        if (subject instanceof Subject.Start) {
            return Optional.empty();
        }
        return Optional.of(new ExperimentResult.Run(
                subject.label(),
                subject instanceof Subject.Encoder ? "rafclip" : "agcn",
                subject.seed(),
                results.name(subject.folder())));
    }
}
