package org.rafclip.experiment;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.rafclip.agcn.compose.ComposerConfig;
import org.rafclip.agcn.compose.ComposerModel;
import org.rafclip.agcn.eval.ComposedEvaluation;
import org.rafclip.agcn.train.AgcnConfig;
import org.rafclip.agcn.train.CompositionData;
import org.rafclip.agcn.train.FrozenEncoder;
import org.rafclip.data.DataException;
import org.rafclip.data.Stages;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.data.fashioniq.CaptionForm;
import org.rafclip.data.fashioniq.FashionIq;
import org.rafclip.data.fashioniq.GalleryKind;
import org.rafclip.io.Sha256;
import org.rafclip.ops.JavaOps;
import org.rafclip.photos.PhotoData;
import org.rafclip.train.Checkpoints;

/**
 * The paper's Tables 3 and 5: composers of one encoder, any kinds and seeds, measured on the same queries. Images and
 * texts are encoded once for all of them; the sum of both features, which needs no training, is always measured too.
 */
public final class ComposedExperiment {

    private ComposedExperiment() {}

    /**
     * What is measured, and how.
     *
     * @param runs output folders of composers' trainings, at least one
     * @param encoder the encoder's run; null for where the first run found it
     * @param queries what is asked
     * @param captions both captions in one query, or each its own
     * @param maskReference whether a query's reference is kept from being an answer
     */
    public record Request(
            List<Path> runs,
            Checkpoints.Which checkpoint,
            Path encoder,
            Queries queries,
            CaptionForm captions,
            boolean maskReference) {

        public Request {
            runs = List.copyOf(runs);
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
     * @param dir a DeepFashion folder
     * @param split null for the one that the runs were trained on
     * @param heldOut only photos that the encoder's run held out
     */
    public record OfPhotos(Path dir, String split, boolean heldOut) implements Queries {}

    /**
     * FashionIQ's validation triplets.
     *
     * @param dir a folder in FashionIQ's layout
     * @param allowPartial goes on where gallery images are missing
     */
    public record OfFashionIq(Path dir, GalleryKind gallery, boolean allowPartial) implements Queries {}

    /**
     * What came out, and what it depends on.
     *
     * @param settings that the figures depend on besides the data
     * @param seed of the drawn triplets
     * @param dataFingerprint names the queries and their galleries
     */
    public record Outcome(ComposedMeasurement measurement, Settings settings, long seed, String dataFingerprint) {}

    /**
     * For provenance.
     *
     * @param checkpoints one a run
     * @param encoder {@link org.rafclip.open.OpenedEncoder#hash}
     */
    public record Settings(
            List<String> runs,
            List<String> checkpoints,
            String encoder,
            boolean maskReference,
            CaptionForm captions,
            AgcnConfig.Data data) {}

    /** Queries of ours, and how many photos they are of, and how many of those were trained on. */
    private record Asked(ComposedQueries queries, AgcnConfig.Data settings, Integer photos, Integer trainedOn) {}

    /**
     * Measures.
     *
     * @throws DataException if a folder is not what it should be, the runs cannot be measured together, or images are
     *     missing
     */
    public static Outcome measure(Request request, Stages stages) throws IOException {
        JavaOps.install();
        ComposerRuns runs = ComposerRuns.open(request.runs(), request.checkpoint());
        ComposerRuns.Run first = runs.runs().get(0);
        AgcnConfig.Rafclip trainedWith = first.config().rafclip();
        Path encoderRun = request.encoder() != null ? request.encoder() : trainedWith.run();
        try (FrozenEncoder encoder = FrozenEncoder.open(encoderRun, trainedWith.checkpoint())) {
            if (!first.encoder().equals(encoder.hash())) {
                throw new DataException(first.folder().dir() + " was trained on features of another encoder than "
                        + encoderRun + " holds; give the encoder's run by --rafclip");
            }
            Asked asked = ask(request, runs, encoder, stages);
            ComposedEvaluation evaluation = new ComposedEvaluation(
                    asked.queries().sets(),
                    asked.queries().features(),
                    request.maskReference(),
                    request.queries() instanceof OfFashionIq fashionIq && fashionIq.allowPartial());
            return outcome(request, runs, encoder, asked, methods(runs, evaluation, stages));
        }
    }

    private static Asked ask(Request request, ComposerRuns runs, FrozenEncoder encoder, Stages stages)
            throws IOException {
        AgcnConfig.Data trained = runs.runs().get(0).config().data();
        if (request.queries() instanceof OfPhotos photos) {
            String name = photos.split() != null ? photos.split() : trained.split();
            AgcnConfig.Data settings = trained.at(photos.dir(), null, name);
            FashionSplit split = FashionSplit.read(photos.dir(), name);
            List<FashionItem> items = photos.heldOut() ? encoder.heldOut(split) : split.items();
            Set<String> known = new HashSet<>(encoder.trainedOn());
            known.addAll(runs.trainedOn());
            long seen = PhotoData.hashes(split, items).values().stream()
                    .filter(known::contains)
                    .count();
            return new Asked(
                    ComposedQueries.ofPhotos(encoder, split, items, settings, request.captions(), stages),
                    settings,
                    items.size(),
                    (int) seen);
        }
        OfFashionIq asked = (OfFashionIq) request.queries();
        AgcnConfig.Data settings = trained.at(null, asked.dir(), trained.split());
        FashionIq data = FashionIq.open(asked.dir());
        if (!asked.allowPartial()) {
            CompositionData.requireImages(data, CompositionData.VAL, asked.gallery(), "--allow-partial");
        }
        return new Asked(
                ComposedQueries.ofFashionIq(
                        encoder, data, settings, asked.gallery(), request.captions(), asked.allowPartial(), stages),
                settings,
                null,
                null);
    }

    private static List<ComposedMeasurement.Method> methods(
            ComposerRuns runs, ComposedEvaluation evaluation, Stages stages) throws IOException {
        List<ComposedMeasurement.Method> methods = new ArrayList<>();
        for (ComposerRuns.Group group : runs.groups()) {
            List<ComposedMeasurement.Run> measured = new ArrayList<>();
            for (ComposerRuns.Run run : group.runs()) {
                String dir = run.folder().dir().toString();
                try (ComposerModel model = ComposerModel.load(run.checkpoint())) {
                    measured.add(new ComposedMeasurement.Run(
                            dir,
                            run.checkpoint().getFileName().toString(),
                            run.config().seed(),
                            evaluation.of(model, stages.stage("queries of " + dir, evaluation.queries()))));
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
                                evaluation.of(
                                        model, stages.stage("queries of " + sum.getKey(), evaluation.queries()))))));
            }
        }
        methods.sort(Comparator.comparing(ComposedMeasurement.Method::kind));
        return methods;
    }

    private static Outcome outcome(
            Request request,
            ComposerRuns runs,
            FrozenEncoder encoder,
            Asked asked,
            List<ComposedMeasurement.Method> methods) {
        boolean heldOut = request.queries() instanceof OfPhotos photos && photos.heldOut();
        ComposedMeasurement measurement = new ComposedMeasurement(
                encoder.source().toString(),
                encoder.hash(),
                request.queries().dir().toString(),
                asked.photos() != null ? asked.settings().split() : CompositionData.VAL,
                heldOut,
                request.checkpoint(),
                asked.photos(),
                asked.trainedOn(),
                methods,
                ComposedMeasurement.Method.margins(methods));
        Settings settings = new Settings(
                request.runs().stream().map(Path::toString).toList(),
                runs.runs().stream()
                        .map(run -> run.checkpoint().getFileName().toString())
                        .toList(),
                encoder.hash(),
                request.maskReference(),
                request.captions(),
                asked.settings());
        return new Outcome(
                measurement,
                settings,
                asked.settings().triplets().seed(),
                Sha256.of(asked.queries().sets().toString()));
    }
}
