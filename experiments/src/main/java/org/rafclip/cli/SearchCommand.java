package org.rafclip.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.rafclip.data.DataException;
import org.rafclip.data.SystemText;
import org.rafclip.data.image.Box;
import org.rafclip.eval.Table;
import org.rafclip.io.AtomicFiles;
import org.rafclip.run.Configs;
import org.rafclip.search.Photo;
import org.rafclip.search.index.Entry;
import org.rafclip.search.index.Filter;
import org.rafclip.search.query.Answer;
import org.rafclip.search.query.Dialog;
import org.rafclip.search.query.Part;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Questions to an index, one or a dialog of them: the paper's "iterative finding of results". */
@Command(
        name = "search",
        description = {
            "Search an index by words, by photos, by both, and turn by turn.",
            "Words, --text, --image and --like make a question; several are added by weight, --weight -1 means not like"
                    + " this. --change says what is to be different from a photo. After that --say composes the present"
                    + " reference with words, --choose makes a photo of the last answer the next reference, --back takes"
                    + " the last step back. Without any of these a terminal asks for them."
        },
        footer = {
            "",
            "Examples:",
            "  ./rafclip search --index runs/index \"red floral dress\"",
            "  ./rafclip search --index runs/index --image ref.jpg --change \"is longer and has long sleeves\"",
            "  ./rafclip search --index runs/index --like img/1.jpg --like img/7.jpg --text striped --weight -0.5 --filter color=red",
            "  ./rafclip search --index runs/index dress --choose 1 --say \"has long sleeves\" --html search.html"
        })
final class SearchCommand implements Callable<Integer> {

    /** Words of a facet that an error names. */
    private static final int SHOWN = 12;

    @Spec
    private CommandSpec spec;

    @Mixin
    private IndexChoice choice;

    @Parameters(arity = "0..*", paramLabel = "WORDS", description = "What the photos should show.")
    private List<String> words = List.of();

    @ArgGroup(exclusive = false, multiplicity = "0..*")
    private List<Given> given = new ArrayList<>();

    private static final class Given {

        @ArgGroup(multiplicity = "1")
        private What what;

        @Option(
                names = "--weight",
                paramLabel = "W",
                description = "Of the text or photo before it; negative for not like this. Default: 1.")
        private Double weight;

        @Option(
                names = "--box",
                paramLabel = "X,Y,W,H",
                description = "The garment in the photo before it, in pixels from its upper left corner.")
        private String box;
    }

    private static final class What {

        @Option(names = "--text", paramLabel = "TEXT", description = "Words, as WORDS.")
        private String text;

        @Option(names = "--image", paramLabel = "FILE", description = "A photo to search by.")
        private Path image;

        @Option(names = "--like", paramLabel = "ID", description = "A photo of the index, as answers name it.")
        private String like;
    }

    @Option(
            names = "--change",
            paramLabel = "TEXT",
            description = "What is to be different from the photo that --image or --like names.")
    private String change;

    @Option(
            names = "--filter",
            paramLabel = "FACET=WORD",
            description = "Only garments with this label, such as color=red. Of one facet any, of several all.")
    private List<String> filters = List.of();

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

    @Option(names = "--ask", description = "Go on asking in the terminal after what was given.")
    private boolean ask;

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
        boolean asked = !words.isEmpty() || !given.isEmpty() || !steps.isEmpty();
        if (!asked && System.console() == null && !ask) {
            throw new ParameterException(
                    spec.commandLine(),
                    "Say what to search: words, --image, --like or --say (only a terminal can be asked)");
        }
        Filter filter = filter();
        Machine.loadNd4j();
        List<String> names = new ArrayList<>();
        List<Part> parts = parts(names);
        boolean onePhoto = parts.size() == 1
                && !(parts.get(0) instanceof Part.Words)
                && parts.get(0).weight() > 0;
        if (change != null && !onePhoto) {
            throw new ParameterException(
                    spec.commandLine(), "--change is of one photo: give one --image or one --like, and no words");
        }
        try (IndexChoice.Opened opened = choice.open()) {
            Filter answered = answered(opened, filter);
            Conversation conversation = new Conversation(
                    Dialog.begin(opened.searcher(), new Dialog.Rules(top, keepReferences, !noRepeats, answered)),
                    spec.commandLine().getOut());
            boolean goesOn = change != null || ask || !steps.isEmpty() && steps.get(0).say != null;
            if (onePhoto && goesOn) {
                conversation.startFrom(new Dialog.Reference(names.get(0), parts.get(0)));
            } else if (!parts.isEmpty()) {
                conversation.ask(String.join(" and ", names), parts);
            }
            if (change != null) {
                conversation.say(change);
            }
            steps.forEach(step -> take(conversation, step));
            if (!asked || ask) {
                conversation.converse(new BufferedReader(new InputStreamReader(System.in, Charset.defaultCharset())));
            }
            if (html != null) {
                writePage(opened, conversation);
            }
        }
        return 0;
    }

    private Filter filter() {
        Map<String, Set<String>> wanted = new HashMap<>();
        for (String filter : filters) {
            int equals = filter.indexOf('=');
            if (equals < 1 || equals == filter.length() - 1) {
                throw new ParameterException(
                        spec.commandLine(), "--filter is FACET=WORD, such as color=red, not '" + filter + "'");
            }
            wanted.computeIfAbsent(filter.substring(0, equals), facet -> new HashSet<>())
                    .add(filter.substring(equals + 1));
        }
        return new Filter(wanted, Optional.empty());
    }

    /** The filter in the index's own letters. An answer without a photo is no answer to a word that was misspelt. */
    private Filter answered(IndexChoice.Opened opened, Filter filter) {
        if (opened.index().info().entries() == 0) {
            throw new DataException(opened.place() + ": the index has no garment yet; fill it by ./rafclip index");
        }
        Map<String, Map<String, Integer>> facets = opened.index().facets(Filter.ALL);
        Map<String, Set<String>> words = new HashMap<>();
        filter.words().forEach((facet, wanted) -> {
            Set<String> known = facets.getOrDefault(facet, Map.of()).keySet();
            words.put(
                    facet,
                    wanted.stream()
                            .map(word -> known.isEmpty() ? word : own(facet, word, known))
                            .collect(Collectors.toSet()));
        });
        return new Filter(words, filter.boxed());
    }

    private String own(String facet, String word, Set<String> known) {
        if (known.contains(word)) {
            return word;
        }
        List<String> other = known.stream().filter(word::equalsIgnoreCase).toList();
        if (other.size() == 1) {
            return other.get(0);
        }
        List<String> near = Configs.nearest(word, known);
        throw new ParameterException(
                spec.commandLine(),
                "--filter: no garment has the " + facet + " '" + word + "'"
                        + (near.isEmpty() ? "" : "; did you mean " + String.join(" or ", near) + "?")
                        + " There are "
                        + known.stream().sorted().limit(SHOWN).collect(Collectors.joining(", "))
                        + (known.size() > SHOWN ? " and " + (known.size() - SHOWN) + " more" : ""));
    }

    /** @param names takes what people call each part */
    private List<Part> parts(List<String> names) {
        List<Part> parts = new ArrayList<>();
        if (!words.isEmpty()) {
            String text = String.join(" ", words);
            parts.add(new Part.Words(text));
            names.add("\"" + text + "\"");
        }
        for (Given one : given) {
            Optional<Box> box = Optional.ofNullable(one.box).map(some -> CommandLines.box(spec, some));
            double weight = one.weight == null ? 1 : one.weight;
            String name;
            if (one.what.text != null) {
                if (box.isPresent()) {
                    throw new ParameterException(spec.commandLine(), "--box is of a photo, not of --text");
                }
                parts.add(new Part.Words(one.what.text, weight));
                name = "\"" + one.what.text + "\"";
            } else if (one.what.image != null) {
                Photo photo = Photo.of(one.what.image);
                parts.add(new Part.Upload(box.map(photo::in).orElse(photo), weight));
                name = String.valueOf(one.what.image.getFileName());
            } else {
                parts.add(new Part.Example(one.what.like, box, weight));
                name = one.what.like;
            }
            names.add(weight == 1 ? name : String.format(Locale.ROOT, "%s × %s", number(weight), name));
        }
        return parts;
    }

    private static String number(double weight) {
        return weight == Math.rint(weight) ? Long.toString((long) weight) : Double.toString(weight);
    }

    private static void take(Conversation conversation, Step step) {
        if (step.say != null) {
            conversation.say(step.say);
        } else if (step.choose != null) {
            conversation.choose(step.choose);
        } else {
            conversation.back();
        }
    }

    private void writePage(IndexChoice.Opened opened, Conversation conversation) throws IOException {
        if (html.toAbsolutePath().getParent() != null) {
            Files.createDirectories(html.toAbsolutePath().getParent());
        }
        AtomicFiles.writeString(
                html,
                new SearchPage(opened.searcher()).html("Search of " + opened.title(), conversation.dialog.turns()));
    }

    /** A garment's labels: what it is, its color, then the rest. */
    static String labels(Map<String, List<String>> labels) {
        Map<String, List<String>> rest = new TreeMap<>(labels);
        List<String> said = new ArrayList<>();
        for (String facet : List.of(Entry.CATEGORY, Entry.COLOR)) {
            said.addAll(Optional.ofNullable(rest.remove(facet)).orElse(List.of()));
        }
        rest.values().forEach(said::addAll);
        return String.join(", ", said);
    }

    /** How an answer came about, for people. */
    static String how(Answer answer) {
        return "by " + answer.how()
                + answer.gates()
                        .map(gates -> String.format(
                                Locale.ROOT,
                                ", weight of the photo %.2f, of the words %.2f",
                                gates.image(),
                                gates.text()))
                        .orElse("");
    }

    /** A dialog in words. */
    static final class Conversation {

        private final PrintWriter out;
        private Dialog dialog;

        Conversation(Dialog dialog, PrintWriter out) {
            this.dialog = dialog;
            this.out = out;
        }

        void startFrom(Dialog.Reference photo) {
            dialog = dialog.from(photo);
        }

        void ask(String asked, List<Part> parts) {
            dialog = dialog.ask(asked, parts);
            show();
        }

        /** Refines the reference, or starts where there is nothing yet. */
        void say(String text) {
            SystemText.fault(text).ifPresent(fault -> {
                throw new DataException(
                        "the words '" + text + "' have been lost on their way here: what was typed " + fault);
            });
            boolean first = dialog.reference().isEmpty() && dialog.turns().isEmpty();
            dialog = first ? dialog.ask("\"" + text + "\"", List.of(new Part.Words(text))) : dialog.say(text);
            show();
        }

        void choose(int rank) {
            dialog = dialog.choose(rank);
        }

        void back() {
            dialog = dialog.back().orElseThrow(() -> new DataException("there is nothing to take back"));
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
            out.print(dialog.reference().map(photo -> photo.name() + " ").orElse("") + "> ");
            out.flush();
            String line = in.readLine();
            return line == null ? null : line.strip();
        }

        private void show() {
            Dialog.Turn turn = dialog.turns().get(dialog.turns().size() - 1);
            List<List<String>> rows = new ArrayList<>();
            for (Answer.Hit hit : turn.answer().hits()) {
                rows.add(List.of(
                        rows.size() + 1 + ". " + hit.id(),
                        String.format(Locale.ROOT, "%.4f", hit.score()),
                        String.join(", ", hit.why()),
                        labels(hit.labels())));
            }
            String asked = turn.reference()
                    .map(photo -> photo.name() + " + \"" + turn.asked() + "\"")
                    .orElse(turn.asked());
            out.println(
                    new Table(asked, List.of("photo", "cosine", "named", "labels"), rows, List.of(how(turn.answer())))
                            .toText());
            out.flush();
        }
    }
}
