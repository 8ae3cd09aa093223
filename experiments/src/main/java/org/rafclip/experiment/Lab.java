package org.rafclip.experiment;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.rafclip.agcn.compose.ComposerConfig;
import org.rafclip.agcn.compose.ComposerModel;
import org.rafclip.agcn.eval.ComposedEvaluation;
import org.rafclip.agcn.eval.ComposedResult;
import org.rafclip.agcn.open.ComposerRun;
import org.rafclip.agcn.train.AgcnConfig;
import org.rafclip.clip.ClipModel;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.data.Stages;
import org.rafclip.data.fashioniq.CaptionForm;
import org.rafclip.data.fashioniq.FashionIq;
import org.rafclip.data.fashioniq.GalleryKind;
import org.rafclip.eval.AttributeResult;
import org.rafclip.eval.PhotoEvaluation;
import org.rafclip.eval.RetrievalResult;
import org.rafclip.io.AtomicFiles;
import org.rafclip.io.Sha256;
import org.rafclip.launch.ComposerTraining;
import org.rafclip.launch.RafClipTraining;
import org.rafclip.measure.ComposedQueries;
import org.rafclip.measure.EncoderEvaluator;
import org.rafclip.measure.EncoderFigures;
import org.rafclip.measure.GateSummary;
import org.rafclip.measure.MeasuredPhotos;
import org.rafclip.open.OpenedEncoder;
import org.rafclip.ops.Parallel;
import org.rafclip.photos.PhotoConfig;
import org.rafclip.photos.PhotoData;
import org.rafclip.run.Configs;
import org.rafclip.run.JsonReport;
import org.rafclip.run.Provenance;
import org.rafclip.train.RafClipConfig;
import org.rafclip.train.RafClipTrainer;
import org.rafclip.train.RunFolder;

/**
 * Where models are made and measured, each once, and kept as artefacts: what experiments get their figures from. For one
 * thread.
 */
public final class Lab implements Closeable {

    private static final String MEASURED = "measured.json";
    private static final String MODEL = "model";

    private final SuiteConfig suite;
    private final SuitePhotos suitePhotos;
    private final Models models;
    private final Results results;
    private final Artefacts artefacts;
    private final Origin origin;
    private final Watcher watcher;
    private final Map<String, Exception> failures = new HashMap<>();
    private final Map<String, ExperimentResult.Stage> touched = new LinkedHashMap<>();
    private boolean made;
    private Evaluating evaluating;
    private Prepared prepared;
    private Composing composing;

    /**
     * What everything says of where it comes from.
     *
     * @param libraries versions by name
     * @param commandLine the arguments as given
     * @param code names the classes that run: what other code measured is measured again
     */
    public record Origin(Map<String, String> libraries, List<String> commandLine, Clock clock, String code) {}

    /** Shows what happens. */
    public interface Watcher extends Stages {

        /** A stage that takes time began. What is returned takes its progress until the next stage begins. */
        @Override
        Progress stage(String name, int total);

        /** A line for the reader. */
        void say(String line);

        /** An experiment failed; the others go on. */
        void failed(String experiment, Throwable error);
    }

    private record Prepared(String key, PhotoEvaluation photos) {}

    private record Evaluating(Subject subject, OpenedEncoder encoder, EncoderEvaluator evaluator) {}

    private record Composing(String key, ComposedQueries queries) {}

    /**
     * @param suite with its folder of photos
     * @param suiteFile the configurations that it names lie relative to this file
     */
    public Lab(SuiteConfig suite, Path suiteFile, Origin origin, Watcher watcher) {
        this.suite = suite;
        this.results = new Results(suite.output().dir());
        this.artefacts = new Artefacts(suite.output().dir().resolve("artefacts"), origin.clock(), watcher::say);
        this.suitePhotos = new SuitePhotos(suite);
        this.models = new Models(suite, suiteFile, suitePhotos, artefacts);
        this.origin = origin;
        this.watcher = watcher;
    }

    public SuiteConfig suite() {
        return suite;
    }

    /** The suite's photos. */
    public SuitePhotos data() {
        return suitePhotos;
    }

    /** The suite's models, made or not. */
    public Models models() {
        return models;
    }

    public Results results() {
        return results;
    }

    /** What tables say about their rows. */
    Wording wording() {
        return new Wording(suite, suitePhotos);
    }

    /** What figures show of encoders. */
    EncoderFigures figures() {
        return new EncoderFigures(suite.figures(), results::name);
    }

    /** Whether an artefact is finished. */
    public boolean has(Subject subject) throws IOException {
        return artefacts.find(subject.inputs()).isPresent();
    }

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

    /** Has {@link #make} say of a subject that it failed, as it did where it was to be made. */
    void failedElsewhere(Subject subject, String why) {
        failures.put(subject.inputs().name(), new DataException(why));
    }

    private void touch(String stage, String name, Artefacts.Artefact artefact) {
        made |= !artefact.reused();
        touched.put(name, new ExperimentResult.Stage(stage, name, artefact.seconds()));
    }

    private void make(Subject subject, Path folder) throws IOException, InterruptedException {
        if (subject instanceof Subject.Start start) {
            PhotoData.Parts parts = suitePhotos.parts(start.config());
            AtomicFiles.deleteDirectory(folder.resolve(MODEL));
            try (ClipModel model =
                    RafClipTrainer.initialModel(start.config(), parts.split().taxonomy(), parts.train())) {
                AtomicFiles.writeDirectory(
                        folder.resolve(MODEL), dir -> model.save(dir, Map.of("seed", Long.toString(start.seed()))));
            }
        } else if (subject instanceof Subject.Encoder encoder) {
            movedTo(encoder.config());
            RafClipTraining training = new RafClipTraining(encoder.config(), suitePhotos.splits());
            training.train(true, training.provenance(origin.libraries(), origin.commandLine()));
        } else if (subject instanceof Subject.Composer composer) {
            movedTo(composer.config());
            ComposerTraining training = new ComposerTraining(composer.config(), suitePhotos.splits());
            training.train(true, training.provenance(origin.libraries(), origin.commandLine()));
        }
    }

    /** A run's configuration names folders; where the suite or its photos were moved, it is to name the new ones. */
    private static void movedTo(Record config) throws IOException {
        Path folder = config instanceof RafClipConfig run
                ? run.output().dir()
                : ((AgcnConfig) config).output().dir();
        Path file = new RunFolder(folder).configFile();
        String yaml = Configs.toYaml(config);
        if (Files.isRegularFile(file) && !Files.readString(file).equals(yaml)) {
            AtomicFiles.writeString(file, yaml);
        }
    }

    /**
     * A value that is computed from artefacts, kept as an artefact itself: of this code, since it is cheap where a
     * training is not.
     *
     * @param stage what is done to get it
     * @param kind of its folder's name
     * @param settings that it depends on, besides what it is computed from
     * @param from what it is computed from
     */
    public <T extends Record> T value(
            String stage, String kind, Record settings, Map<String, String> from, Class<T> type, Callable<T> compute)
            throws IOException, InterruptedException {
        Artefacts.Inputs inputs = inputs(kind, settings, from);
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

    /** Whether a {@link #value} is there. */
    boolean hasValue(String kind, Record settings, Map<String, String> from) throws IOException {
        return artefacts.find(inputs(kind, settings, from)).isPresent();
    }

    private Artefacts.Inputs inputs(String kind, Record settings, Map<String, String> from) {
        return new Artefacts.Inputs(kind, Configs.toTree(settings), from, origin.code());
    }

    /** Whether anything had to be computed so far. */
    boolean made() {
        return made;
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

    /** The artefacts that were needed since the last call, in order. */
    List<ExperimentResult.Stage> stages() {
        List<ExperimentResult.Stage> stages = List.copyOf(touched.values());
        touched.clear();
        return stages;
    }

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
                what, suite.checkpoint().name(), suite.data().measured(), data == null ? null : Models.settings(data));
    }

    private Map<String, String> measuredFrom(Subject subject) {
        Map<String, String> from = new HashMap<>(names(List.of(subject)));
        from.put("photos", suitePhotos.content(suitePhotos.measuredName()));
        return from;
    }

    /** Measures a subject on the measured photos, until another subject is measured or this is closed. */
    EncoderEvaluator evaluator(Subject.OfPhotos subject) throws IOException, InterruptedException {
        if (evaluating == null || !evaluating.subject().equals(subject)) {
            forgetEvaluator();
            MeasuredPhotos photos = suitePhotos.measured(subject);
            PhotoEvaluation ready = prepared(photos);
            OpenedEncoder encoder = subject instanceof Subject.Start
                    ? OpenedEncoder.ofModel(subject.folder().resolve(MODEL))
                    : OpenedEncoder.ofRun(subject.folder(), suite.checkpoint());
            evaluating = new Evaluating(subject, encoder, new EncoderEvaluator(encoder, photos, ready, watcher));
        }
        return evaluating.evaluator();
    }

    private void forgetEvaluator() {
        if (evaluating != null) {
            evaluating.evaluator().close();
            evaluating.encoder().close();
            evaluating = null;
        }
    }

    private PhotoEvaluation prepared(MeasuredPhotos photos) throws InterruptedException {
        String key =
                Sha256.of(Models.settings(new Evaluated(photos.preparation())) + PhotoData.fingerprint(photos.items()));
        if (prepared == null || !prepared.key().equals(key)) {
            prepared = null;
            prepared = new Prepared(key, photos.prepare(watcher));
        }
        return prepared.photos();
    }

    private record Evaluated(PhotoConfig data) {}

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
                () -> evaluator(subject).attributes().result());
    }

    /** Text ↔ image retrieval among the measured photos' regions. */
    public RetrievalResult retrieval(Subject.OfPhotos subject) throws IOException, InterruptedException {
        return measure(
                "measure retrieval: " + subject.label() + ", seed " + subject.seed(),
                "retrieval",
                subject,
                new Nothing(),
                RetrievalResult.class,
                () -> evaluator(subject)
                        .retrieval(PhotoEvaluation.Images.REGIONS)
                        .result());
    }

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
        return opened(subject).load();
    }

    private ComposerRun opened(Subject.Composer subject) throws IOException {
        return ComposerRun.open(subject.folder(), suite.checkpoint());
    }

    /** The untrained sum beside a composer. The caller closes it. */
    private ComposerModel sumModel(Subject.Composer subject) throws IOException {
        ComposerModel.Description trained = opened(subject).description();
        return new ComposerModel(trained.sum(trained.composer().pooled()), 0);
    }

    private ComposedResult evaluate(Subject.Composer subject, ComposerModel model) throws IOException {
        ComposedQueries queries = queries(subject);
        ComposedEvaluation evaluation = new ComposedEvaluation(
                queries.sets(),
                queries.features(),
                false,
                subject.config().data().allowPartial());
        return evaluation.of(model, watcher.stage("composing queries", evaluation.queries()));
    }

    /** The queries that a composer is measured with, in features of its encoder. */
    public ComposedQueries queries(Subject.Composer subject) throws IOException {
        AgcnConfig.Data data = subject.config().data();
        String key = subject.encoder().inputs().name() + Models.settings(new Composed(data));
        if (composing == null || !composing.key().equals(key)) {
            composing = null;
            try (OpenedEncoder encoder = encoder(subject)) {
                composing = new Composing(
                        key,
                        data.fashioniq() != null
                                ? ComposedQueries.ofFashionIq(
                                        encoder,
                                        FashionIq.open(data.fashioniq()),
                                        data,
                                        GalleryKind.ORIGINAL,
                                        CaptionForm.JOINED,
                                        data.allowPartial(),
                                        watcher)
                                : ComposedQueries.ofPhotos(
                                        encoder,
                                        suitePhotos.splits(),
                                        suitePhotos.measured(),
                                        suitePhotos.items(subject.encoder()),
                                        data.at(suitePhotos.dir(), null, suitePhotos.measuredName()),
                                        CaptionForm.JOINED,
                                        watcher));
            }
        }
        return composing.queries();
    }

    /** How a composer's gates weigh its branches over queries. */
    Optional<GateSummary> gates(ComposerModel model, ComposedQueries queries) {
        return GateSummary.of(model, queries, watcher);
    }

    /** The encoder on whose features a composer was trained. The caller closes it. */
    OpenedEncoder encoder(Subject.Composer subject) throws IOException {
        return opened(subject).encoder(subject.encoder().folder());
    }

    /** Forgets what is only kept for speed. */
    @Override
    public void close() {
        forgetEvaluator();
        prepared = null;
        composing = null;
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
