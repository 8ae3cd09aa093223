package org.rafclip.measure;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import lombok.AccessLevel;
import lombok.RequiredArgsConstructor;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.agcn.compose.ComposerConfig;
import org.rafclip.agcn.compose.ComposerModel;
import org.rafclip.agcn.eval.ComposedEvaluation;
import org.rafclip.agcn.open.ComposerRun;
import org.rafclip.agcn.train.AgcnConfig;
import org.rafclip.agcn.train.CompositionData;
import org.rafclip.data.DataException;
import org.rafclip.data.Stages;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.fashioniq.CaptionForm;
import org.rafclip.data.fashioniq.Coverage;
import org.rafclip.data.fashioniq.FashionIq;
import org.rafclip.data.fashioniq.GalleryKind;
import org.rafclip.data.fashioniq.QuerySet;
import org.rafclip.eval.Retrieval;
import org.rafclip.io.Sha256;
import org.rafclip.open.OpenedEncoder;
import org.rafclip.ops.JavaOps;
import org.rafclip.ops.Precision;
import org.rafclip.photos.PhotoSplit;
import org.rafclip.photos.PhotoSplits;
import org.rafclip.run.ConfigException;
import org.rafclip.run.Configs;
import org.rafclip.train.Checkpoints;

/**
 * The paper's Tables 3 and 5: composers of one encoder, any kinds and seeds, measured on the same queries. Images and
 * texts are encoded once for all of them; the sum of both features, which needs no training, is always measured too. For
 * one thread.
 */
@RequiredArgsConstructor(access = AccessLevel.PRIVATE)
public final class ComposedEvaluator implements AutoCloseable {

    private final Request request;
    private final ComposerRuns runs;
    private final OpenedEncoder encoder;
    private final Asked asked;
    private final ComposedEvaluation evaluation;
    private final Stages stages;

    /**
     * What is measured, and how.
     *
     * @param runs output folders of composers' trainings, at least one
     * @param encoder the encoder's run; null for where the first run found it
     * @param queries where queries come from
     * @param overrides of the first run's data settings, which say how these are read, such as {@code data.images=DIR} of a
     *     table whose photos lie elsewhere
     * @param captions both captions in one query, or each its own
     * @param maskReference whether a query's reference is kept from being an answer
     * @param precision of the composers' products; features are single precision's, as they were in training
     */
    public record Request(
            List<Path> runs,
            Checkpoints.Which checkpoint,
            Path encoder,
            Queries queries,
            List<String> overrides,
            CaptionForm captions,
            boolean maskReference,
            Precision precision) {

        public Request {
            runs = List.copyOf(runs);
            overrides = List.copyOf(overrides);
            if (runs.isEmpty()) {
                throw new IllegalArgumentException("there is no run to measure");
            }
        }
    }

    /** Where queries come from. */
    public sealed interface Queries permits OfPhotos, OfFashionIq {

        Path dir();
    }

    /**
     * Triplets of photos with attribute labels; every photo with the target's labels is right.
     *
     * @param dir a DeepFashion folder, or a table of photos
     * @param split null for the one whose photos the runs were validated on
     * @param selection of the split's photos
     */
    public record OfPhotos(Path dir, String split, Selection selection) implements Queries {}

    /**
     * FashionIQ's validation triplets.
     *
     * @param dir a folder in FashionIQ's layout
     * @param allowPartial goes on where gallery images are missing
     */
    public record OfFashionIq(Path dir, GalleryKind gallery, boolean allowPartial) implements Queries {}

    /**
     * What the figures depend on.
     *
     * @param checkpoints one a run
     * @param encoder {@link OpenedEncoder#hash}
     */
    public record Inputs(
            List<String> runs,
            List<String> checkpoints,
            String encoder,
            boolean maskReference,
            CaptionForm captions,
            Precision precision,
            AgcnConfig.Data data) {}

    /** What overrides can name: the data section of a composer's run. */
    private record Overridable(AgcnConfig.Data data) {}

    /**
     * The queries of a request.
     *
     * @param photos how many they are of, null on FashionIQ
     * @param trainedOn how many of those were trained on, null on FashionIQ
     */
    private record Asked(
            ComposedQueries queries, AgcnConfig.Data settings, Integer photos, Integer trainedOn, boolean heldOut) {}

    /**
     * Opens runs with their encoder, and encodes the queries.
     *
     * @throws DataException if a folder is not what it should be, the runs cannot be measured together, or images are
     *     missing
     */
    public static ComposedEvaluator open(Request request, PhotoSplits splits, Stages stages) throws IOException {
        JavaOps.install();
        ComposerRuns runs = ComposerRuns.open(request.runs(), request.checkpoint());
        OpenedEncoder encoder = runs.runs().get(0).encoder(request.encoder());
        try {
            Asked asked = ask(request, runs, encoder, splits, stages);
            ComposedEvaluation evaluation = new ComposedEvaluation(
                    asked.queries().sets(),
                    asked.queries().features(),
                    request.maskReference(),
                    request.queries() instanceof OfFashionIq fashionIq && fashionIq.allowPartial());
            return new ComposedEvaluator(request, runs, encoder, asked, evaluation, stages);
        } catch (IOException | RuntimeException e) {
            encoder.close();
            throw e;
        }
    }

    private static Asked ask(
            Request request, ComposerRuns runs, OpenedEncoder encoder, PhotoSplits splits, Stages stages)
            throws IOException {
        AgcnConfig.Data trained = runs.runs().get(0).config().data();
        if (request.queries() instanceof OfPhotos photos) {
            String standard = photos.selection().splitOf(encoder).orElse(trained.split());
            AgcnConfig.Data settings = overridden(
                    trained.at(photos.dir(), null, photos.split() != null ? photos.split() : standard), request);
            PhotoSplit split = splits.split(settings.place(), settings.split(), settings.tableSettings());
            Selection.Photos selected = photos.selection().of(split, encoder, splits, runs.trainedOn());
            List<FashionItem> items = selected.items();
            Set<String> known = new HashSet<>(runs.trainedOn());
            if (encoder.photos() != null) {
                known.addAll(encoder.photos().trainedOn());
            }
            long seen = items.stream()
                    .filter(item -> known.contains(split.hash(item)))
                    .count();
            return new Asked(
                    ComposedQueries.ofPhotos(encoder, splits, split, items, settings, request.captions(), stages),
                    settings,
                    items.size(),
                    (int) seen,
                    selected.heldOut());
        }
        OfFashionIq asked = (OfFashionIq) request.queries();
        AgcnConfig.Data settings = overridden(trained.at(null, asked.dir(), trained.split()), request);
        FashionIq data = FashionIq.open(asked.dir());
        if (!asked.allowPartial()) {
            CompositionData.requireImages(data, CompositionData.VAL, asked.gallery(), "--allow-partial");
        }
        return new Asked(
                ComposedQueries.ofFashionIq(
                        encoder, data, settings, asked.gallery(), request.captions(), asked.allowPartial(), stages),
                settings,
                null,
                null,
                false);
    }

    private static AgcnConfig.Data overridden(AgcnConfig.Data settings, Request request) {
        AgcnConfig.Data read = Configs.parse(
                        Configs.toYaml(new Overridable(settings)),
                        "the settings",
                        request.overrides(),
                        Overridable.class)
                .data();
        if (!Objects.equals(read.place(), settings.place())
                || !Objects.equals(read.fashioniq(), settings.fashioniq())) {
            throw new ConfigException(
                    "the photos are those of " + request.queries().dir()
                            + "; name others there and not by data.dir, data.table or data.fashioniq");
        }
        return read;
    }

    /** What the figures depend on besides the data. */
    public Inputs inputs() {
        return new Inputs(
                request.runs().stream().map(Path::toString).toList(),
                runs.runs().stream().map(run -> run.checkpoint().name()).toList(),
                encoder.hash(),
                request.maskReference(),
                request.captions(),
                request.precision(),
                asked.settings());
    }

    /** The seed by which triplets are drawn. */
    public long seed() {
        return asked.settings().triplets().seed();
    }

    /** Names the queries and their galleries. */
    public String dataFingerprint() {
        return Sha256.of(asked.queries().sets().toString());
    }

    /**
     * Measures all runs.
     *
     * @param figures of examples and gates, null to leave both out
     * @param names how a photo's file is named in examples
     */
    public ComposedMeasurement measure(FigureConfig figures, Function<Path, String> names) throws IOException {
        List<ComposedMeasurement.Method> methods = new ArrayList<>();
        Figure examples = null;
        for (ComposerRuns.Group group : runs.groups()) {
            List<ComposedMeasurement.Run> measured = new ArrayList<>();
            for (ComposerRun run : group.runs()) {
                String dir = run.folder().dir().toString();
                try (ComposerModel model = load(run)) {
                    measured.add(new ComposedMeasurement.Run(
                            dir,
                            run.checkpoint().name(),
                            run.config().seed(),
                            evaluation.of(model, stages.stage("queries of " + dir, evaluation.queries())),
                            figures == null
                                    ? null
                                    : GateSummary.of(model, asked.queries(), stages)
                                            .orElse(null)));
                    if (figures != null && examples == null) {
                        examples = new ComposedFigures(figures, names)
                                .of(
                                        "Composed retrieval",
                                        group.method(),
                                        model,
                                        asked.queries(),
                                        encoder.model().tokenizer(),
                                        request.maskReference());
                    }
                }
            }
            methods.add(ComposedMeasurement.Method.of(group.method(), group.kind(), measured));
        }
        for (Map.Entry<String, ComposerModel.Description> sum : runs.sums().entrySet()) {
            try (ComposerModel model = new ComposerModel(sum.getValue(), 0)) {
                methods.add(ComposedMeasurement.Method.of(
                        sum.getKey(),
                        ComposerConfig.Kind.SUM,
                        List.of(new ComposedMeasurement.Run(
                                null,
                                null,
                                null,
                                evaluation.of(model, stages.stage("queries of " + sum.getKey(), evaluation.queries())),
                                null))));
            }
        }
        methods.sort(Comparator.comparing(ComposedMeasurement.Method::kind));
        return new ComposedMeasurement(
                encoder.source().toString(),
                encoder.hash(),
                request.queries().dir().toString(),
                asked.photos() != null ? asked.settings().split() : CompositionData.VAL,
                asked.heldOut(),
                request.checkpoint(),
                asked.photos(),
                asked.trainedOn(),
                asked.queries().sets().stream()
                        .map(QuerySet::coverage)
                        .filter(coverage -> !coverage.complete())
                        .map(Coverage::toString)
                        .toList(),
                methods,
                ComposedMeasurement.Method.margins(methods),
                examples);
    }

    private ComposerModel load(ComposerRun run) throws IOException {
        ComposerModel model = run.load();
        model.computeIn(request.precision());
        return model;
    }

    /**
     * Writes what each run and the sum answer, a line a query.
     *
     * @param k answers of each at most
     */
    public void predict(Predictions out, int k) {
        try {
            for (ComposerRun run : runs.runs()) {
                try (ComposerModel model = load(run)) {
                    predict(out, run.folder().dir().toString(), model, k);
                }
            }
            for (Map.Entry<String, ComposerModel.Description> sum : runs.sums().entrySet()) {
                try (ComposerModel model = new ComposerModel(sum.getValue(), 0)) {
                    predict(out, sum.getKey(), model, k);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void predict(Predictions out, String run, ComposerModel model, int k) {
        for (QuerySet set : asked.queries().sets()) {
            try (INDArray composed = evaluation.compose(model, set);
                    INDArray gallery = asked.queries().features().embeddings(set.gallery())) {
                List<List<Retrieval.Hit>> rankings = Retrieval.nearest(
                        composed, gallery, k, query -> request.maskReference() ? set.referenceIndex(query) : -1);
                for (int i = 0; i < rankings.size(); i++) {
                    QuerySet.Query query = set.queries().get(i);
                    out.line(set.category() + "/" + i)
                            .put("run", run)
                            .put("category", set.category())
                            .put("reference", query.reference())
                            .put("text", query.text())
                            .ranking(
                                    query.right().stream()
                                            .map(set.gallery()::get)
                                            .toList(),
                                    rankings.get(i),
                                    set.gallery())
                            .end();
                }
            }
        }
    }

    @Override
    public void close() {
        encoder.close();
    }
}
