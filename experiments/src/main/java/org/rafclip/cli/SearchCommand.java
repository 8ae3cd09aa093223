package org.rafclip.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Function;
import org.rafclip.agcn.compose.ComposerModel;
import org.rafclip.agcn.features.EncodedData;
import org.rafclip.agcn.open.ComposerRun;
import org.rafclip.agcn.search.DialogSession;
import org.rafclip.agcn.search.Hit;
import org.rafclip.agcn.search.ImageSearch;
import org.rafclip.agcn.search.Turn;
import org.rafclip.agcn.train.AgcnConfig;
import org.rafclip.agcn.train.CompositionData;
import org.rafclip.data.DataException;
import org.rafclip.data.SystemText;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.image.ImageReader;
import org.rafclip.eval.Table;
import org.rafclip.io.AtomicFiles;
import org.rafclip.open.OpenedEncoder;
import org.rafclip.ops.JavaOps;
import org.rafclip.photos.PhotoData;
import org.rafclip.photos.PhotoSplit;
import org.rafclip.photos.PhotoSplits;
import org.rafclip.train.Checkpoints;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Search in turns: the paper's "iterative finding of results". */
@Command(
        name = "search",
        description = {
            "Search photos by image plus text, turn by turn.",
            "A search starts from a photo (--reference) or from words alone (--text, or the first --say). --say composes"
                    + " the present reference with words, --choose makes a photo of the last answer the next reference,"
                    + " --back takes the last step back. Without any of these a terminal asks for them. Photos are encoded"
                    + " once and kept where the run keeps its features."
        },
        footer = {
            "",
            "Examples:",
            "  ./rafclip search --run runs/agcn --data DIR --split train --text \"a photo of floral dress\"",
            "  ./rafclip search --run runs/agcn --data DIR --split train --reference img/a/1.jpg \\",
            "      --say \"has long sleeves\" --choose 1 --say \"is solid\" --html search.html"
        })
final class SearchCommand implements Callable<Integer> {

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

    @Option(
            names = "--data",
            required = true,
            paramLabel = "DIR",
            description = "A DeepFashion folder with Anno_fine, or a table of photos.")
    private Path data;

    @Option(
            names = "--split",
            required = true,
            paramLabel = "NAME",
            description = "The photos to search: a list of --data, test for test.txt.")
    private String split;

    @Option(names = "--held-out", description = "Search only the photos that the encoder's run held out.")
    private boolean heldOut;

    @ArgGroup
    private Start start = new Start();

    private static final class Start {

        @Option(
                names = "--reference",
                paramLabel = "ID",
                description = "The photo to start from, as the split names it.")
        private String reference;

        @Option(names = "--text", paramLabel = "TEXT", description = "Words to start with.")
        private String text;
    }

    @ArgGroup(multiplicity = "0..*")
    private List<Step> steps = new ArrayList<>();

    private static final class Step {

        @Option(names = "--say", paramLabel = "TEXT", description = "How the reference is to change.")
        private String say;

        @Option(names = "--choose", paramLabel = "RANK", description = "A photo of the last answer, from 1.")
        private Integer choose;

        @Option(names = "--back", description = "Take the last step back.")
        private boolean back;
    }

    @Option(
            names = "--top",
            paramLabel = "N",
            defaultValue = "10",
            description = "Photos of an answer. Default: ${DEFAULT-VALUE}.")
    private int top;

    @Option(
            names = "--keep-references",
            description = "Photos that are or were a reference may be answers; otherwise they are left out.")
    private boolean keepReferences;

    @Option(names = "--no-repeats", description = "Leave out photos that an earlier answer has shown.")
    private boolean noRepeats;

    @Option(names = "--html", paramLabel = "FILE", description = "Write the turns as a page with small pictures.")
    private Path html;

    @Override
    public Integer call() throws IOException {
        CommandLines.atLeast(spec, "--top", top, 1);
        boolean asked = start.text != null || !steps.isEmpty();
        if (!asked && System.console() == null) {
            throw new ParameterException(
                    spec.commandLine(), "Say what to search: --text or --say (only a terminal can be asked)");
        }
        JavaOps.install();
        ComposerRun composerRun = ComposerRun.open(run, checkpoint);
        try (ComposerModel composer = composerRun.load();
                OpenedEncoder encoder = composerRun.encoder(rafclip)) {
            AgcnConfig.Data settings = composerRun.config().data().at(data, null, split);
            PhotoSplits splits = new PhotoSplits();
            PhotoSplit photos = splits.split(data, split, settings.tableSettings());
            Map<String, FashionItem> items = new LinkedHashMap<>();
            (heldOut ? encoder.heldOut(splits, photos) : photos.items()).forEach(item -> items.put(item.id(), item));
            List<String> ids = List.copyOf(items.keySet());
            EncodedData features;
            try (JobProgress progress = new JobProgress("encoding photos", "photos")) {
                features = EncodedData.build(
                        settings.features(),
                        encoder.model(),
                        encoder.hash(),
                        ids,
                        CompositionData.garmentPhotos(
                                encoder, new PhotoData.Parts(photos, photos.items(), photos, List.of()), settings),
                        List.of(),
                        settings.storage(),
                        (name, total) -> progress);
            }
            ImageSearch search = new ImageSearch(composer, ImageSearch.texts(encoder.model()), features, ids);
            DialogSession session = new DialogSession(search, new DialogSession.Rules(top, keepReferences, !noRepeats));
            Dialog dialog = new Dialog(
                    session,
                    id -> labels(photos.taxonomy(), items.get(id)),
                    spec.commandLine().getOut());
            begin(dialog);
            if (asked) {
                steps.forEach(step -> take(dialog, step));
            } else {
                dialog.converse(new BufferedReader(new InputStreamReader(System.in, Charset.defaultCharset())));
            }
            if (html != null) {
                writePage(photos, items, dialog);
            }
        }
        return 0;
    }

    private void begin(Dialog dialog) {
        if (start.reference != null) {
            dialog.session.startFrom(start.reference);
        } else if (start.text != null) {
            dialog.say(start.text);
        }
    }

    private static void take(Dialog dialog, Step step) {
        if (step.say != null) {
            dialog.say(step.say);
        } else if (step.choose != null) {
            dialog.choose(step.choose);
        } else {
            dialog.back();
        }
    }

    private void writePage(PhotoSplit photos, Map<String, FashionItem> items, Dialog dialog) throws IOException {
        ImageReader reader = new ImageReader();
        SearchPage page = new SearchPage(id -> reader.read(photos.photo(items.get(id))), dialog.labels);
        if (html.toAbsolutePath().getParent() != null) {
            Files.createDirectories(html.toAbsolutePath().getParent());
        }
        AtomicFiles.writeString(html, page.html("Search of split " + split + " in " + data, dialog.session.history()));
    }

    private static String labels(AttributeTaxonomy taxonomy, FashionItem item) {
        List<String> words = new ArrayList<>();
        item.category().ifPresent(words::add);
        words.addAll(taxonomy.words(item));
        return String.join(", ", words);
    }

    /** A session in words. */
    static final class Dialog {

        private final DialogSession session;
        private final Function<String, String> labels;
        private final PrintWriter out;

        /** @param labels of an id in words, empty where there are none */
        Dialog(DialogSession session, Function<String, String> labels, PrintWriter out) {
            this.session = session;
            this.labels = labels;
            this.out = out;
        }

        /** Refines the reference, or starts where there is nothing yet. */
        void say(String text) {
            SystemText.fault(text).ifPresent(fault -> {
                throw new DataException(
                        "the words '" + text + "' have been lost on their way here: what was typed " + fault);
            });
            boolean first = session.reference().isEmpty() && session.history().isEmpty();
            show(first ? session.startWith(text) : session.refine(text));
        }

        void choose(int rank) {
            List<Turn> turns = session.history();
            List<Hit> hits =
                    turns.isEmpty() ? List.of() : turns.get(turns.size() - 1).hits();
            if (rank < 1 || rank > hits.size()) {
                throw new DataException(
                        hits.isEmpty()
                                ? "there is no answer to choose " + rank + " of; say something first"
                                : "the last answer has no photo " + rank + ", only 1 to " + hits.size());
            }
            session.choose(hits.get(rank - 1));
        }

        void back() {
            if (!session.back()) {
                throw new DataException("there is nothing to take back");
            }
        }

        /** Asks until the end of the input or "quit": a number chooses, other words refine. */
        void converse(BufferedReader in) throws IOException {
            out.println(
                    "Say what the photo should show, give the number of an answer to go on from it, or back, or quit.");
            String line = prompted(in);
            while (line != null && !line.equals("quit")) {
                try {
                    if (line.equals("back")) {
                        back();
                    } else if (line.matches("\\d{1,6}")) {
                        choose(Integer.parseInt(line));
                    } else if (!line.isEmpty()) {
                        say(line);
                    }
                } catch (DataException e) {
                    out.println(e.getMessage());
                }
                line = prompted(in);
            }
        }

        private String prompted(BufferedReader in) throws IOException {
            out.print(session.reference().map(id -> id + " ").orElse("") + "> ");
            out.flush();
            String line = in.readLine();
            return line == null ? null : line.strip();
        }

        private void show(Turn turn) {
            List<List<String>> rows = new ArrayList<>();
            for (int rank = 1; rank <= turn.hits().size(); rank++) {
                Hit hit = turn.hits().get(rank - 1);
                rows.add(List.of(
                        rank + ". " + hit.id(),
                        String.format(Locale.ROOT, "%.4f", hit.score()),
                        labels.apply(hit.id())));
            }
            String asked = turn.reference().map(id -> id + " + ").orElse("") + "\"" + turn.text() + "\"";
            List<String> notes = turn.reference()
                    .map(id -> List.of("reference: " + labels.apply(id)))
                    .orElse(List.of());
            out.println(new Table(asked, List.of("photo", "cosine", "labels"), rows, notes).toText());
            out.flush();
        }
    }
}
