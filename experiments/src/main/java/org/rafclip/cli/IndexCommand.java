package org.rafclip.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.rafclip.data.table.TableSettings;
import org.rafclip.eval.PhotoEvaluation.Images;
import org.rafclip.io.AtomicFiles;
import org.rafclip.ops.Parallel;
import org.rafclip.search.FashionModel;
import org.rafclip.search.ListedPhotos;
import org.rafclip.search.PhotoCluster;
import org.rafclip.search.build.Built;
import org.rafclip.search.build.EmbeddedPhotos;
import org.rafclip.search.build.IndexBuilder;
import org.rafclip.search.build.IndexBuilder.Labels;
import org.rafclip.search.index.Graph;
import org.rafclip.search.index.IndexInfo;
import org.rafclip.search.index.IndexStore;
import org.rafclip.search.index.IndexUpdate;
import org.rafclip.search.index.LuceneIndex;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Makes photos searchable. */
@Command(
        name = "index",
        description = {
            "Embed photos and keep their vectors, labels and thumbnails in an index, to be searched.",
            "The same command brings an index up to date: photos are known by their content, and only new and changed"
                    + " ones are embedded. Interrupted, it goes on where its last commit was. A photo that cannot be read"
                    + " is named and left out; exit code 1 then.",
            "--from takes an index over from its folder to OpenSearch, without model or photos. It is searched as soon as it is"
                    + " whole, until then the one before. Interrupted, it goes on where it was. What embed --master has filled"
                    + " becomes an index in the same way, in a folder too."
        },
        footer = {
            "",
            "Examples:",
            "  ./rafclip index --run runs/demo --images ../photos --out runs/index",
            "  ./rafclip index --run runs/raf --composer runs/agcn --images photos.csv --photos photos --out runs/index",
            "  ./rafclip index --from runs/index --to opensearch:http://localhost:9200/shop",
            "  ./rafclip index --from runs/embedded --to runs/index"
        })
final class IndexCommand implements Callable<Integer> {

    /** Options that say how photos are read and embedded. */
    private static final List<String> OF_PHOTOS = List.of(
            "--images",
            "--labels",
            "--garment",
            "--photos",
            "--groups",
            "--column",
            "--replace",
            "--threads",
            "--composer",
            "--checkpoint",
            "--vocabulary",
            "--whole-photos");

    @Spec
    private CommandSpec spec;

    @Mixin
    private ModelOptions choice;

    @ArgGroup(multiplicity = "1")
    private Source source;

    private static final class Source extends ModelChoice.Which {

        @Option(
                names = "--from",
                paramLabel = "DIR",
                description =
                        "An index in a folder, to be taken over as it is, or what embed --master has filled, here or on a file"
                                + " system of Spark's (hdfs://HOST/rows), instead of a model and photos.")
        private String from;
    }

    @Option(
            names = "--images",
            paramLabel = "PHOTOS",
            description =
                    "A folder of photos, with the folders in it; a table of photos (.csv, .tsv, .jsonl, .parquet); or"
                            + " a folder in DeepFashion's layout.")
    private Path images;

    @Option(
            names = {"--out", "--to"},
            required = true,
            paramLabel = "DIR",
            description = "The index: a folder of its own, or, with --from, opensearch:http://[USER@]HOST:9200/NAME. A"
                    + " user's password is taken from the environment, OPENSEARCH_PASSWORD.")
    private String place;

    @Option(
            names = "--labels",
            paramLabel = "FROM",
            description =
                    "Where categories, colors and attributes come from: ${COMPLETION-CANDIDATES}. Default: the table,"
                            + " or else the model's answers.")
    private Labels labels;

    @Option(
            names = "--garment",
            paramLabel = "IMAGE",
            description =
                    "Which image of a garment is embedded: ${COMPLETION-CANDIDATES}. Default: what the composer takes,"
                            + " or else regions.")
    private Images embedded;

    @Option(names = "--photos", paramLabel = "DIR", description = "Where the table's photos lie. Default: beside it.")
    private Path photos;

    @Option(
            names = "--groups",
            split = ",",
            paramLabel = "COLUMN",
            description = "The table's columns that hold attributes. Default: every one that looks like it.")
    private List<String> groups = List.of();

    @Option(
            names = "--column",
            paramLabel = "NAME=COLUMN",
            description = "What the table calls a column: category=label.")
    private Map<String, String> columns = Map.of();

    @Option(
            names = "--approximate-from",
            paramLabel = "N",
            description =
                    "Search an index of N and more garments by a graph, which finds nearly all of the nearest, sooner;"
                            + " bench search --index tells how many. 0: always exactly. Default: as the index was last written,"
                            + " a new one exactly.")
    private Integer approximateFrom;

    @Option(
            names = "--commit-seconds",
            paramLabel = "N",
            defaultValue = "30",
            description = "What a kill can cost at most. Default: ${DEFAULT-VALUE}.")
    private int commitSeconds;

    @Option(
            names = "--replace",
            description =
                    "Where the index has photos of another folder that are not among these, remove them. Without it, they"
                            + " are kept and nothing is done.")
    private boolean replace;

    @Option(
            names = "--threads",
            paramLabel = "N",
            description =
                    "Photos decoded and cut out side by side. Default: two more than there are processors, as many of"
                            + " them wait for the encoder.")
    private Integer threads;

    @Override
    public Integer call() throws IOException {
        CommandLines.atLeast(spec, "--commit-seconds", commitSeconds, 1);
        int side = threads == null ? Parallel.standard().threads() + 2 : threads;
        CommandLines.atLeast(spec, "--threads", side, 1);
        if (approximateFrom != null) {
            CommandLines.atLeast(spec, "--approximate-from", approximateFrom, 0);
        }
        if (source.from != null) {
            requireFromAlone();
        }
        Optional<IndexStore> store = IndexStore.of(place);
        if (source.from != null && PhotoCluster.isAddress(source.from)) {
            return fetched(store);
        }
        if (source.from != null && EmbeddedPhotos.in(Path.of(source.from))) {
            return embedded(store, Path.of(source.from));
        }
        if (source.from != null) {
            takeOver(store.orElseThrow(() -> new ParameterException(
                    spec.commandLine(),
                    source.from
                            + " has no rows of embed --master; an index in a folder goes to OpenSearch alone, --to"
                            + " opensearch:http://HOST:9200/NAME, and is copied to another folder by the system")));
            return 0;
        }
        if (images == null) {
            throw new ParameterException(spec.commandLine(), "Missing required option: '--images=PHOTOS'");
        }
        if (store.isPresent()) {
            throw new ParameterException(
                    spec.commandLine(),
                    "photos are indexed in a folder first, --out DIR; then --from DIR --to " + IndexStore.shown(place)
                            + " takes that over");
        }
        Path out = Path.of(place);
        ListedPhotos listed = ListedPhotos.in(images, new TableSettings(photos, groups, columns));
        if (labels == Labels.TABLE && !listed.labelled()) {
            throw new ParameterException(
                    spec.commandLine(), "--labels table: " + images + " brings no labels; take predicted or none");
        }
        Labels from = labels != null ? labels : listed.labelled() ? Labels.TABLE : Labels.PREDICTED;
        Built built;
        try (FashionModel model = choice.open(source.folder(), embedded);
                JobStages stages = new JobStages()) {
            IndexBuilder.Settings settings =
                    new IndexBuilder.Settings(from, graph(out), side, Duration.ofSeconds(commitSeconds), replace);
            built = new IndexBuilder(model, settings, Clock.systemUTC(), stages).build(listed, out);
        }
        show(out, built);
        return built.failures().isEmpty() ? 0 : 1;
    }

    /** What is taken over is what it is. */
    private void requireFromAlone() {
        for (String option : OF_PHOTOS) {
            if (spec.commandLine().getParseResult().hasMatchedOption(option)) {
                throw new ParameterException(
                        spec.commandLine(),
                        option + " is for photos that are embedded now; --from takes over what is there already");
            }
        }
    }

    private int fetched(Optional<IndexStore> store) throws IOException {
        Path rows;
        try (JobStages stages = new JobStages()) {
            rows = PhotoCluster.find().fetched(source.from, stages);
        }
        try {
            return embedded(store, rows);
        } finally {
            AtomicFiles.deleteDirectory(rows);
        }
    }

    /** What Spark has embedded becomes an index, here or elsewhere. */
    private int embedded(Optional<IndexStore> store, Path rows) {
        Optional<Graph> graph = store.isPresent()
                ? Optional.ofNullable(approximateFrom).filter(from -> from > 0).map(Graph::from)
                : graph(Path.of(place));
        EmbeddedPhotos photos = EmbeddedPhotos.open(rows, source.from, graph);
        long begin = System.nanoTime();
        String written = "";
        try (JobStages stages = new JobStages()) {
            if (store.isPresent()) {
                store.get().fill(place, photos, stages);
            } else {
                int count =
                        photos.writeTo(Path.of(place), Duration.ofSeconds(commitSeconds), Clock.systemUTC(), stages);
                written = String.format(Locale.ROOT, ", %,d of them written", count);
            }
        }
        int failed = photos.failures().size();
        CommandLines.name(spec, "left out: ", photos.failures(), failed);
        tell(
                photos.info().entries(),
                written,
                begin,
                failed > 0
                        ? String.format(Locale.ROOT, "; %,d photos have an error instead and are left out", failed)
                        : "");
        return failed > 0 ? 1 : 0;
    }

    private void takeOver(IndexStore store) {
        if (approximateFrom != null) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--approximate-from: an index is taken over with the graph that it has, or without one; give it to the"
                            + " index of the photos that fills " + source.from);
        }
        IndexInfo filled;
        long begin = System.nanoTime();
        try (LuceneIndex index = LuceneIndex.open(Path.of(source.from));
                JobStages stages = new JobStages()) {
            filled = store.fill(place, index, stages);
        }
        tell(filled.entries(), "", begin, "");
    }

    private void tell(int garments, String written, long begin, String left) {
        PrintWriter lines = spec.commandLine().getOut();
        lines.printf(
                Locale.ROOT,
                "%s: %,d garments%s in %.1f s%s. %s%n",
                IndexStore.shown(place),
                garments,
                written,
                (System.nanoTime() - begin) / 1e9,
                left,
                next(garments, IndexStore.shown(place)));
        lines.flush();
    }

    private static String next(int garments, Object index) {
        return garments == 0 ? "There is nothing to search." : "Search it: ./rafclip serve --index " + index;
    }

    private Optional<Graph> graph(Path out) {
        if (approximateFrom == null) {
            return IndexUpdate.graph(out);
        }
        return approximateFrom == 0 ? Optional.empty() : Optional.of(Graph.from(approximateFrom));
    }

    private void show(Path out, Built built) {
        List<String> reasons =
                built.failures().stream().map(Built.Failure::reason).toList();
        CommandLines.name(spec, "left out: ", reasons, reasons.size());
        PrintWriter lines = spec.commandLine().getOut();
        lines.printf(
                Locale.ROOT,
                "%s: %,d garments: %,d embedded, %,d of renamed photos, %,d with other labels, %,d unchanged; %,d removed,"
                        + " %,d photos left out%n",
                out,
                built.entries(),
                built.embedded(),
                built.renamed(),
                built.relabelled(),
                built.unchanged(),
                built.removed(),
                built.failures().size());
        Built.Spent spent = built.spent();
        if (built.embedded() > 0) {
            Built.Spent.Part bound = spent.bound();
            lines.printf(
                    Locale.ROOT,
                    "%.1f garments/s in %.1f s, %.2f times what %s alone took: decoding %.1f s and masks and preparation"
                            + " %.1f s on %d threads, encoder %.1f s, writing %.1f s%n",
                    built.embedded() / spent.embedding(),
                    spent.embedding(),
                    spent.embedding() / bound.seconds(),
                    bound.name(),
                    spent.decoding(),
                    spent.preparing(),
                    spent.threads(),
                    spent.encoding(),
                    spent.writing());
        }
        lines.printf(
                Locale.ROOT,
                "comparing %.1f s, finishing %.1f s. %s%n",
                spent.hashing(),
                spent.finishing(),
                next(built.entries(), out));
        lines.flush();
    }
}
