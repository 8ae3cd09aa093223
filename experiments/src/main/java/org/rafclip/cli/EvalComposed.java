package org.rafclip.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.rafclip.data.fashioniq.CaptionForm;
import org.rafclip.data.fashioniq.GalleryKind;
import org.rafclip.measure.ComposedEvaluator;
import org.rafclip.measure.ComposedMeasurement;
import org.rafclip.measure.Selection;
import org.rafclip.photos.PhotoSplits;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.TypeConversionException;

/** Composed retrieval: the paper's Tables 3 and 5. */
@Command(
        name = "composed",
        description = {
            "Measure search by image plus text and print it beside the paper's Tables 3 and 5.",
            "On DeepFashion photos (--data) the queries are made of attribute labels: every photo with the wanted labels"
                    + " is right. On FashionIQ (--fashioniq) the target alone is. Several runs of one encoder are measured"
                    + " on the same features, seeds of one configuration as mean and standard deviation. The sum of both"
                    + " features, which needs no training, is always measured too."
        },
        footer = {
            "",
            "Examples:",
            "  ./rafclip eval composed --run runs/agcn --data DIR",
            "  ./rafclip eval composed --run runs/agcn-1 runs/agcn-2 runs/agcn-3 runs/add-1 runs/add-2 runs/add-3 --data DIR --json runs/table5.json --markdown runs/table5.md",
            "  ./rafclip eval composed --run runs/agcn --data photos.csv --split test data.images=DIR",
            "  ./rafclip eval composed --run runs/agcn --fashioniq DIR --gallery val-split --captions single"
        })
final class EvalComposed implements Callable<Integer> {

    @Mixin
    private MeasureOptions options;

    @Option(
            names = "--run",
            required = true,
            arity = "1..*",
            paramLabel = "DIR",
            description = "The output.dir of a composer's run; several, also by repeating --run.")
    private List<Path> runs;

    @Option(
            names = "--rafclip",
            paramLabel = "DIR",
            description = "The encoder's run, where it is no longer where the composer's run found it.")
    private Path rafclip;

    @ArgGroup(multiplicity = "1")
    private Source source;

    private static final class Source {

        @Option(names = "--data", paramLabel = "DIR", description = "A DeepFashion folder, or a table of photos.")
        private Path data;

        @Option(
                names = "--fashioniq",
                paramLabel = "DIR",
                description = "A folder in FashionIQ's layout: captions, image_splits, images. Split val is measured.")
        private Path fashioniq;
    }

    @Option(
            names = "--gallery",
            converter = GalleryWord.class,
            paramLabel = "KIND",
            description = "Of --fashioniq: original (all images of the split) or val-split (those of its triplets)."
                    + " Default: original.")
    private GalleryKind gallery;

    @Option(names = "--mask-reference", description = "Keep a query's reference image from being an answer.")
    private boolean maskReference;

    @Option(
            names = "--captions",
            defaultValue = "joined",
            paramLabel = "FORM",
            description = "${COMPLETION-CANDIDATES}: both captions in one query, or each its own. Default:"
                    + " ${DEFAULT-VALUE}.")
    private CaptionForm captions;

    @Mixin
    private PrecisionOption precision;

    @Option(names = "--allow-partial", description = "Of --fashioniq: go on where gallery images are missing.")
    private boolean allowPartial;

    @Parameters(
            paramLabel = "KEY=VALUE",
            description = "Overrides of the run's data settings, such as data.images=DIR of a table whose photos lie"
                    + " elsewhere, or data.triplets-table=FILE.")
    private List<String> overrides = List.of();

    private static final class GalleryWord implements ITypeConverter<GalleryKind> {

        @Override
        public GalleryKind convert(String word) {
            return Stream.of(GalleryKind.values())
                    .filter(kind -> kind.word().equals(word))
                    .findFirst()
                    .orElseThrow(() ->
                            new TypeConversionException("a gallery is original or val-split, not '" + word + "'"));
        }
    }

    @Override
    public Integer call() throws IOException {
        ComposedEvaluator.Request request = new ComposedEvaluator.Request(
                runs,
                options.checkpoint(),
                rafclip,
                queries(),
                overrides,
                captions,
                maskReference,
                precision.precision());
        options.check();
        Machine.loadNd4j();
        try (JobStages stages = new JobStages();
                ComposedEvaluator evaluator = ComposedEvaluator.open(request, new PhotoSplits(), stages)) {
            ComposedMeasurement measured = evaluator.measure(options.figures(evaluator.seed()), MeasureOptions::name);
            options.predictions(out -> evaluator.predict(out, MeasureOptions.KEPT));
            stages.end();
            options.show(measured.novelty(), measured.tables());
            options.write(measured, evaluator.inputs(), evaluator.seed(), evaluator.dataFingerprint());
        }
        return 0;
    }

    private ComposedEvaluator.Queries queries() {
        if (source.data != null) {
            if (gallery != null || allowPartial) {
                throw options.wrong(
                        "--gallery and --allow-partial belong to --fashioniq: all photos of --split are the gallery");
            }
            return new ComposedEvaluator.OfPhotos(source.data, options.split(), options.selection());
        }
        if (options.split() != null || options.selection() != Selection.UNSEEN) {
            throw options.wrong(
                    "--split, --held-out and --all belong to --data: of --fashioniq the split val is measured");
        }
        return new ComposedEvaluator.OfFashionIq(
                source.fashioniq, gallery == null ? GalleryKind.ORIGINAL : gallery, allowPartial);
    }
}
