package org.rafclip.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.Callable;
import org.rafclip.agcn.compose.ComposerConfig;
import org.rafclip.agcn.compose.ComposerModel;
import org.rafclip.agcn.eval.ComposedEvaluation;
import org.rafclip.agcn.eval.ComposedResult;
import org.rafclip.agcn.eval.ComposedTable;
import org.rafclip.agcn.eval.PublishedPeers;
import org.rafclip.agcn.features.EncodedData;
import org.rafclip.agcn.train.AgcnConfig;
import org.rafclip.agcn.train.CompositionData;
import org.rafclip.agcn.train.FrozenEncoder;
import org.rafclip.data.DataException;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.data.fashioniq.CaptionForm;
import org.rafclip.data.fashioniq.FashionIq;
import org.rafclip.data.fashioniq.GalleryKind;
import org.rafclip.data.fashioniq.QuerySet;
import org.rafclip.eval.PaperTables;
import org.rafclip.eval.Table;
import org.rafclip.io.AtomicFiles;
import org.rafclip.io.Sha256;
import org.rafclip.ops.JavaOps;
import org.rafclip.ops.Parallel;
import org.rafclip.run.ConfigException;
import org.rafclip.run.JsonReport;
import org.rafclip.run.Provenance;
import org.rafclip.train.Checkpoints;
import org.rafclip.train.PhotoData;
import org.rafclip.train.RunFolder;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Composed retrieval: the paper's Table 3. */
@Command(
        name = "composed",
        description = {
            "Measure search by image plus text and print it beside the paper's Table 3.",
            "On DeepFashion photos (--data) the queries are made of attribute labels: every photo with the wanted labels"
                    + " is right. On FashionIQ (--fashioniq) the target alone is. The sum of both features, which needs"
                    + " no training, is always measured too."
        },
        footer = {
            "",
            "Examples:",
            "  ./rafclip eval composed --run runs/agcn --data DIR --split train --held-out",
            "  ./rafclip eval composed --run runs/agcn --data DIR --split test --json runs/agcn/composed.json",
            "  ./rafclip eval composed --run runs/agcn --fashioniq DIR --gallery val-split --captions single"
        })
final class EvalComposed implements Callable<Integer> {

    @Spec
    private CommandSpec spec;

    @Option(names = "--run", required = true, paramLabel = "DIR", description = "The output.dir of a composer's run.")
    private Path run;

    @Option(
            names = "--rafclip",
            paramLabel = "DIR",
            description = "The encoder's run, where it is no longer where the composer's run found it.")
    private Path rafclip;

    @Option(
            names = "--checkpoint",
            defaultValue = "best",
            paramLabel = "WHICH",
            description = "${COMPLETION-CANDIDATES} checkpoint of the run. Default: ${DEFAULT-VALUE}.")
    private Checkpoints.Which checkpoint;

    @ArgGroup(multiplicity = "1")
    private Source source;

    private static final class Source {

        @Option(names = "--data", paramLabel = "DIR", description = "A DeepFashion folder with Anno_fine.")
        private Path data;

        @Option(
                names = "--fashioniq",
                paramLabel = "DIR",
                description = "A folder in FashionIQ's layout: captions, image_splits, images. Split val is measured.")
        private Path fashioniq;
    }

    @Option(
            names = "--split",
            paramLabel = "NAME",
            description = "Of --data: the list to measure on, test for test.txt.")
    private String split;

    @Option(names = "--held-out", description = "Of --data: only the photos that the encoder's run held out.")
    private boolean heldOut;

    @Option(
            names = "--gallery",
            paramLabel = "KIND",
            description = "Of --fashioniq: original (all images of the split) or val-split (those of its triplets)."
                    + " Default: original.")
    private String gallery;

    @Option(names = "--mask-reference", description = "Keep a query's reference image from being an answer.")
    private boolean maskReference;

    @Option(
            names = "--captions",
            defaultValue = "joined",
            paramLabel = "FORM",
            description = "${COMPLETION-CANDIDATES}: both captions in one query, or each its own. Default:"
                    + " ${DEFAULT-VALUE}.")
    private CaptionForm captions;

    @Option(names = "--allow-partial", description = "Of --fashioniq: go on where gallery images are missing.")
    private boolean allowPartial;

    @Option(names = "--json", paramLabel = "FILE", description = "Write every figure, with provenance.")
    private Path json;

    @Option(names = "--markdown", paramLabel = "FILE", description = "Write the tables as Markdown.")
    private Path markdown;

    /**
     * What is reported.
     *
     * @param trainedOn how many of the photos encoder or composer was trained on; null on FashionIQ
     */
    private record Report(
            String run,
            String checkpoint,
            String encoder,
            String data,
            String split,
            boolean heldOut,
            Integer trainedOn,
            List<Method> methods) {}

    private record Method(
            String method,
            double meanRecallAt10,
            double meanRecallAt50,
            double chanceAt10,
            double chanceAt50,
            ComposedResult result) {

        static Method of(String method, ComposedResult result) {
            return new Method(
                    method,
                    result.meanRecall(10),
                    result.meanRecall(50),
                    result.meanChance(10),
                    result.meanChance(50),
                    result);
        }
    }

    /** What the figures depend on besides the data. */
    private record Settings(
            String run,
            String checkpoint,
            String encoder,
            boolean maskReference,
            CaptionForm captions,
            boolean allowPartial,
            AgcnConfig.Data data) {}

    /** Photos of ours, and which of them were trained on. */
    private record Asked(CompositionData data, AgcnConfig.Data settings, Integer photos, Integer trainedOn) {}

    @Override
    public Integer call() throws IOException {
        checkOptions();
        JavaOps.install();
        AgcnConfig config = config();
        Path folder = RunFolder.open(run).checkpoint(checkpoint);
        Path encoderRun = rafclip != null ? rafclip : config.rafclip().run();
        try (ComposerModel composer = ComposerModel.load(folder);
                FrozenEncoder encoder =
                        FrozenEncoder.open(encoderRun, config.rafclip().checkpoint());
                ComposerModel sum = sum(composer)) {
            if (!composer.description().encoder().equals(encoder.hash())) {
                throw new DataException(run + " was trained on features of another encoder than " + encoderRun
                        + " holds; give the encoder's run by --rafclip");
            }
            Path written = Files.createTempDirectory("rafclip-triplets");
            try {
                measure(config, folder, composer, encoder, sum, written);
            } finally {
                AtomicFiles.deleteDirectory(written);
            }
        }
        return 0;
    }

    private void checkOptions() {
        if (source.data != null && split == null) {
            throw wrong("--data needs --split");
        }
        if (source.data != null && (gallery != null || allowPartial)) {
            throw wrong("--gallery and --allow-partial belong to --fashioniq: all photos of --split are the gallery");
        }
        if (source.fashioniq != null && (split != null || heldOut)) {
            throw wrong("--split and --held-out belong to --data: of --fashioniq the split val is measured");
        }
        galleryKind();
    }

    private GalleryKind galleryKind() {
        for (GalleryKind kind : GalleryKind.values()) {
            if (gallery == null || kind.word().equals(gallery)) {
                return kind;
            }
        }
        throw wrong("--gallery is original or val-split, not '" + gallery + "'");
    }

    private ParameterException wrong(String message) {
        return new ParameterException(spec.commandLine(), message);
    }

    private AgcnConfig config() {
        try {
            return RunFolder.open(run).config(AgcnConfig.class);
        } catch (ConfigException e) {
            throw new DataException(
                    run + " is not the run of a composer (" + e.getMessage()
                            + "); train one by ./rafclip train experiments/configs/agcn-deepfashion-small.yaml",
                    e);
        }
    }

    private static ComposerModel sum(ComposerModel composer) {
        ComposerModel.Description trained = composer.description();
        ComposerConfig config = trained.composer();
        return new ComposerModel(
                new ComposerModel.Description(
                        new ComposerConfig(
                                ComposerConfig.Kind.SUM,
                                config.pooled(),
                                config.branches(),
                                config.gates(),
                                config.combiner()),
                        trained.width(),
                        trained.pool(),
                        trained.encoder()),
                0);
    }

    private void measure(
            AgcnConfig config,
            Path folder,
            ComposerModel composer,
            FrozenEncoder encoder,
            ComposerModel sum,
            Path written)
            throws IOException {
        Asked asked = source.data != null ? ofGarments(config, encoder, written) : ofFashionIq(config, encoder);
        EncodedData features;
        try (Shown shown = new Shown()) {
            features = asked.data().encode(encoder, asked.settings(), shown);
        }
        ComposedEvaluation evaluation =
                new ComposedEvaluation(asked.data().queries(), features, maskReference, allowPartial);
        String weights = run + ", " + folder.getFileName() + ", on features of "
                + encoder.folder().dir();
        List<Method> methods =
                List.of(Method.of(name(composer), evaluation.of(composer)), Method.of(name(sum), evaluation.of(sum)));
        List<ComposedTable.Ours> rows = methods.stream()
                .map(method ->
                        new ComposedTable.Ours(method.method(), List.of(method.result()), weights, describe(asked)))
                .toList();
        show(novelty(asked), ComposedTable.of(rows, PaperTables.load().table(3), PublishedPeers.load()));
        if (json != null) {
            Settings settings = new Settings(
                    run.toString(),
                    folder.getFileName().toString(),
                    encoder.hash(),
                    maskReference,
                    captions,
                    allowPartial,
                    asked.settings());
            Provenance provenance = Provenance.capture(
                    settings,
                    config.seed(),
                    Sha256.of(asked.data().queries().toString()),
                    Machine.libraries(),
                    Parallel.standard().threads(),
                    spec.commandLine().getParseResult().originalArgs(),
                    Clock.systemUTC());
            new JsonReport<>(
                            new Report(
                                    run.toString(),
                                    folder.getFileName().toString(),
                                    encoder.folder().dir().toString(),
                                    (source.data != null ? source.data : source.fashioniq).toString(),
                                    source.data != null ? split : "val",
                                    heldOut,
                                    asked.trainedOn(),
                                    methods),
                            provenance)
                    .write(json);
        }
    }

    private Asked ofGarments(AgcnConfig config, FrozenEncoder encoder, Path written) throws IOException {
        AgcnConfig.Data settings = config.data().at(source.data, null, split);
        FashionSplit photos = FashionSplit.read(source.data, split);
        if (heldOut && encoder.heldOut().isEmpty()) {
            throw new DataException(
                    encoder.folder().dir() + " held no photos out of its training; leave --held-out away");
        }
        List<FashionItem> items = heldOut ? encoder.parts(photos).validation() : photos.items();
        Set<String> trained = new HashSet<>(encoder.folder().trainedOn().values());
        trained.addAll(RunFolder.open(run).trainedOn().values());
        Collection<String> hashes = PhotoData.hashes(photos, items).values();
        CompositionData data = CompositionData.garments(
                photos, List.of(), items, settings.triplets(), captions, encoder.photos(photos, settings), written);
        return new Asked(data, settings, items.size(), (int)
                hashes.stream().filter(trained::contains).count());
    }

    private Asked ofFashionIq(AgcnConfig config, FrozenEncoder encoder) {
        AgcnConfig.Data settings =
                config.data().at(null, source.fashioniq, config.data().split());
        FashionIq data = FashionIq.open(source.fashioniq);
        List<QuerySet> queries = CompositionData.fashionIqQueries(data, galleryKind(), captions, allowPartial);
        if (queries.isEmpty()) {
            throw new DataException(
                    source.fashioniq + ": has no captions of a split val, such as" + " captions/cap.dress.val.json");
        }
        return new Asked(
                new CompositionData(encoder.photos(data.images(), settings), List.of(), queries), settings, null, null);
    }

    private static String name(ComposerModel model) {
        return switch (model.description().composer().kind()) {
            case AGCN -> "AGCN";
            case ADD -> "Add";
            case ONLY_TEXT -> "Only text";
            case ONLY_IMAGE -> "Only image";
            case SUM -> "Sum";
            case CLIP4CIR -> "CLIP4Cir combiner";
        };
    }

    private String describe(Asked asked) {
        return source.fashioniq != null
                ? "FashionIQ's layout in " + source.fashioniq
                : String.format(
                        Locale.ROOT,
                        "triplets from the labels of %,d photos of split %s in %s%s",
                        asked.photos(),
                        split,
                        source.data,
                        heldOut ? ", held out of the training" : "");
    }

    private String novelty(Asked asked) {
        if (asked.trainedOn() == null) {
            return "Whether any of these photos was trained on is not known.";
        }
        return asked.trainedOn() == 0
                ? String.format(
                        Locale.ROOT, "Encoder and composer were trained on none of these %,d photos.", asked.photos())
                : String.format(
                        Locale.ROOT,
                        "ATTENTION: encoder or composer was trained on %,d of these %,d photos, which flatters the"
                                + " figures; --held-out measures on those kept out.",
                        asked.trainedOn(),
                        asked.photos());
    }

    private void show(String above, List<Table> tables) throws IOException {
        PrintWriter out = spec.commandLine().getOut();
        out.println(above);
        for (Table table : tables) {
            out.println();
            out.print(table.toText());
        }
        out.flush();
        if (markdown != null) {
            StringBuilder text = new StringBuilder(above).append("\n\n");
            tables.forEach(table -> text.append(table.toMarkdown()).append('\n'));
            Files.createDirectories(markdown.toAbsolutePath().getParent());
            AtomicFiles.writeString(markdown, text.toString());
        }
    }

    /** The stages of an encoding on standard error. */
    private static final class Shown implements EncodedData.Stages, AutoCloseable {

        private final List<JobProgress> stages = new ArrayList<>();

        @Override
        public org.rafclip.data.Progress stage(String name, int total) {
            stages.forEach(JobProgress::close);
            stages.clear();
            JobProgress progress = new JobProgress(name, "rows");
            stages.add(progress);
            return progress;
        }

        @Override
        public void close() {
            stages.forEach(JobProgress::close);
        }
    }
}
