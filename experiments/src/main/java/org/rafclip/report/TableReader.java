package org.rafclip.report;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.rafclip.agcn.compose.ComposerConfig;
import org.rafclip.eval.PaperTables;
import org.rafclip.eval.Table;
import org.rafclip.report.ResultTable.Cell;
import org.rafclip.report.ResultTable.Group;
import org.rafclip.report.ResultTable.Kind;
import org.rafclip.report.ResultTable.Row;

/** Reads what a table of results says by its names and notes, and tells what it shows apart. */
final class TableReader {

    /** The heading of our rows, where others follow. */
    static final String HERE = "Measured here";

    private static final String PRINTED = "Printed ";
    private static final Pattern NUMBERED = Pattern.compile("Table \\d+(, continued)?\\. ");
    private static final Pattern OURS = Pattern.compile("(.+?) \\(ours(, small data)?\\)(?:, (.+))?");
    private static final Pattern THEIRS = Pattern.compile("(.+) \\((paper|published)\\)");
    private static final Pattern BASELINE =
            Pattern.compile("(Majority class|Chance)(?:, ([^(]+?))?( \\((?:labels|queries) of .+\\))?");
    private static final Pattern AVERAGE = Pattern.compile("(Mean|Average)\\b.*");
    private static final Pattern NOT_COMPARED = Pattern.compile("(Queries|Gallery|Right|Seeds|Printed .+)");
    private static final Pattern ROW_NOTE =
            Pattern.compile("(.+?) \\((ours[^)]*)\\): weights: (.+?); data: (.+?); protocol: (.+)", Pattern.DOTALL);
    private static final Pattern OUR_NOTE = Pattern.compile(".+? \\(ours[^)]*\\): (?!weights: )(.+)", Pattern.DOTALL);
    private static final Pattern PEER_NOTE =
            Pattern.compile("(.+) \\(published\\): weights: (.+?); protocol: (.+?); source: (.+)");

    /** The names by which everything but the paper calls its groups of attributes. */
    private static final Map<String, String> ONE_NAME = PaperTables.load().table(1).columns().stream()
            .filter(column -> column.shown() != null)
            .collect(Collectors.toMap(PaperTables.Column::name, PaperTables.Column::shown));

    /** Tables that compare trainings name their rows so. */
    private static final Set<String> COMPARING = Set.of("Method", "Training", "Method, category");

    private static final List<String> MAIN = List.of("RaF-CLIP", ComposerConfig.Kind.AGCN.title());

    private TableReader() {}

    /** Whether rows are trainings to compare, and not, say, attributes or margins. */
    static boolean compares(Table table) {
        return COMPARING.contains(table.columns().get(0));
    }

    /** A table's title below a heading, without what the heading says already. */
    static String below(String heading, String title) {
        String rest = title.startsWith(heading) ? title.substring(heading.length()) : title;
        rest = NUMBERED.matcher(rest).replaceFirst("");
        String subject = NUMBERED.matcher(heading).replaceFirst("");
        rest = rest.startsWith(subject) ? rest.substring(subject.length()) : rest;
        rest = rest.replaceFirst("^[\\s,:.]+(continued\\. )?", "").strip();
        return rest.isEmpty() ? "" : rest.substring(0, 1).toUpperCase(Locale.ROOT) + rest.substring(1);
    }

    /**
     * What a table shows: itself, and apart from it the rows that were measured on other data.
     *
     * @param title the caption, see {@link #below}
     * @param all tables of the same result, this one too: their notes say what rows are, their figures are not repeated
     */
    static List<ResultTable> read(String title, Table table, Collection<Table> all) {
        return new Reading(title, table, all).tables();
    }

    /** A row with what its name says. */
    private record Named(Kind kind, String name, boolean smallData, String variant, List<String> cells) {}

    private static final class Reading {

        private final String title;
        private final Table table;
        private final Collection<Table> all;
        private final List<String> columns;
        private final List<Named> rows = new ArrayList<>();
        private final List<String> notes = new ArrayList<>();

        Reading(String title, Table original, Collection<Table> all) {
            Table table = inPercent(original);
            this.table = table;
            this.all = all;
            String shares = table.equals(original)
                            || title.contains("percent")
                            || !table.columns().equals(original.columns())
                    ? ""
                    : " in percent";
            this.title = title + shares;
            this.columns = table.columns().stream()
                    .map(name -> ONE_NAME.getOrDefault(name, name))
                    .toList();
            boolean ours = table.rows().stream()
                    .anyMatch(row -> OURS.matcher(row.get(0)).matches());
            String method = table.rows().stream()
                    .map(row -> THEIRS.matcher(row.get(0)))
                    .filter(Matcher::matches)
                    .filter(theirs -> theirs.group(2).equals("paper"))
                    .map(theirs -> theirs.group(1))
                    .reduce((before, last) -> last)
                    .orElse("");
            for (List<String> row : table.rows()) {
                rows.add(named(row, ours, method));
            }
            repeated();
        }

        private Named named(List<String> row, boolean anyOurs, String method) {
            String name = row.get(0);
            List<String> cells = row.subList(1, row.size());
            Matcher baseline = BASELINE.matcher(name);
            if (baseline.matches()) {
                return new Named(
                        Kind.BASELINE,
                        baseline.group(1) + orEmpty(baseline.group(3)),
                        false,
                        orEmpty(baseline.group(2)),
                        cells);
            }
            Matcher ours = OURS.matcher(name);
            if (ours.matches()) {
                return new Named(
                        kind(ours.group(1), method),
                        ours.group(1),
                        ours.group(2) != null,
                        orEmpty(ours.group(3)),
                        cells);
            }
            Matcher theirs = THEIRS.matcher(name);
            if (anyOurs && theirs.matches()) {
                return new Named(
                        theirs.group(2).equals("paper") ? Kind.PAPER : Kind.PUBLISHED,
                        theirs.group(1),
                        false,
                        "",
                        cells);
            }
            int comma = name.lastIndexOf(", ");
            boolean byCategory = byCategory() && comma > 0;
            String alone = byCategory ? name.substring(0, comma) : name;
            return new Named(kind(alone, method), alone, false, byCategory ? name.substring(comma + 2) : "", cells);
        }

        private Kind kind(String name, String method) {
            boolean untrained = name.equals(ComposerConfig.Kind.SUM.title())
                    || all.stream()
                            .flatMap(some -> some.notes().stream())
                            .anyMatch(note -> note.startsWith(name + " (ours")
                                    && note.replaceFirst("; data: .*", "")
                                            .matches("(?s).*(untrained|nothing trained).*"));
            if (untrained) {
                return Kind.START;
            }
            Predicate<String> is = known -> name.equals(known) || name.startsWith(known + ", ");
            return (method.isEmpty() ? MAIN.stream().anyMatch(is) : is.test(method)) ? Kind.METHOD : Kind.OURS;
        }

        private boolean byCategory() {
            return columns.get(0).equals("Method, category");
        }

        /** Columns whose every figure another table of the result gives in the same row say nothing new. */
        private void repeated() {
            if (!byCategory()) {
                return;
            }
            for (int c = 1; c < columns.size(); c++) {
                int column = c;
                boolean known = all.stream()
                        .filter(other -> other.columns().get(0).equals("Method"))
                        .anyMatch(other -> table.rows().stream().allMatch(row -> told(row, column, other)));
                if (known) {
                    for (int i = 0; i < rows.size(); i++) {
                        Named row = rows.get(i);
                        List<String> cells = new ArrayList<>(row.cells());
                        cells.set(column - 1, Table.NONE);
                        rows.set(i, new Named(row.kind(), row.name(), row.smallData(), row.variant(), cells));
                    }
                }
            }
        }

        private boolean told(List<String> row, int column, Table other) {
            String[] names = row.get(0).split(", (?=[^,]*$)");
            int there = names.length < 2
                    ? -1
                    : IntStream.range(1, other.columns().size())
                            .filter(c -> other.columns().get(c).equalsIgnoreCase(names[1] + " " + columns.get(column)))
                            .findFirst()
                            .orElse(-1);
            return there > 0
                    && other.rows().stream()
                            .anyMatch(known -> known.get(0).equals(names[0] + " (ours)")
                                    && known.get(there).equals(row.get(column)));
        }

        List<ResultTable> tables() {
            List<ResultTable> tables = new ArrayList<>();
            List<Named> here = rows.stream().filter(row -> row.kind().here()).toList();
            List<Named> paper =
                    rows.stream().filter(row -> row.kind() == Kind.PAPER).toList();
            List<Named> published =
                    rows.stream().filter(row -> row.kind() == Kind.PUBLISHED).toList();
            boolean apart = !here.isEmpty() && !paper.isEmpty() && !shares(here, paper);
            printedMeans(paper);
            List<String> ofPaper = table.notes().stream()
                    .filter(note -> note.startsWith("Paper: ") || note.matches("(?s).+ \\(paper\\): .+"))
                    .collect(Collectors.toCollection(ArrayList::new));
            ofPaper.addAll(notes);
            List<String> general = table.notes().stream()
                    .filter(note -> !ofPaper.contains(note))
                    .filter(note -> !PEER_NOTE.matcher(note).matches())
                    .toList();
            List<String> own = new ArrayList<>(common(general));
            if (!apart) {
                own.addAll(ofPaper);
            }
            columns.stream()
                    .filter(column -> !table.columns().contains(column))
                    .map(column -> ONE_NAME.entrySet().stream()
                            .filter(name -> name.getValue().equals(column))
                            .map(name -> column + " is what the paper's table calls " + name.getKey())
                            .findFirst()
                            .orElseThrow())
                    .forEach(own::add);
            List<Group> groups = grouped(here);
            if (!apart && !paper.isEmpty()) {
                groups.add(new Group("The paper's rows", marked(paper)));
            }
            tables.add(shown(title, groups, own));
            if (apart) {
                ofPaper.add(0, "Other photos and other queries than ours: the figures of both tables do not compare");
                tables.add(shown("The paper's rows, on its own data", List.of(new Group("", marked(paper))), ofPaper));
            }
            if (!published.isEmpty()) {
                tables.add(peers(published));
            }
            return tables;
        }

        /** Whether rows of both have a figure in a column that is more than a mean over columns of their own. */
        private boolean shares(List<Named> here, List<Named> paper) {
            return IntStream.range(1, columns.size())
                    .filter(c -> !AVERAGE.matcher(columns.get(c)).matches()
                            && !columns.get(c).startsWith(PRINTED))
                    .anyMatch(c -> filled(here, c) && filled(paper, c));
        }

        private boolean filled(List<Named> some, int column) {
            return some.stream().anyMatch(row -> filled(row, column));
        }

        private static boolean filled(Named row, int column) {
            String cell = row.cells().get(column - 1);
            return !cell.isEmpty() && !cell.equals(Table.NONE);
        }

        /** What the paper prints as a mean is a note where its own figures have another. */
        private void printedMeans(List<Named> paper) {
            for (int c = 1; c < columns.size(); c++) {
                String name = columns.get(c);
                int computed = columns.indexOf(
                        name.startsWith(PRINTED + "mean") ? "Mean" : name.replaceFirst("^" + PRINTED, ""));
                if (!name.startsWith(PRINTED) || computed < 0) {
                    continue;
                }
                for (Named row : paper) {
                    String printed = row.cells().get(c - 1);
                    String own = row.cells().get(computed - 1);
                    if (filled(row, c)
                            && !printed.equals(own)
                            && table.notes().stream()
                                    .noneMatch(note -> note.startsWith(row.name() + " (paper): its"))) {
                        notes.add(row.name() + " (paper): its " + columns.get(computed) + " is printed as " + printed
                                + "; its own figures average " + own);
                    }
                }
            }
        }

        /** What all rows' notes say alike is said once. */
        private static List<String> common(List<String> notes) {
            List<String> alone = gathered(notes);
            List<Matcher> ofRows = alone.stream()
                    .map(ROW_NOTE::matcher)
                    .filter(Matcher::matches)
                    .toList();
            if (ofRows.size() < 2) {
                return alone;
            }
            Optional<String> data = alike(ofRows, 4);
            Optional<String> protocol = alike(ofRows, 5);
            List<String> shown = new ArrayList<>();
            for (String note : alone) {
                Matcher row = ROW_NOTE.matcher(note);
                if (!row.matches()) {
                    shown.add(note);
                    continue;
                }
                shown.add(row.group(1) + ": weights: " + row.group(3)
                        + (data.isPresent() ? "" : "; data: " + row.group(4))
                        + (protocol.isPresent() ? "" : "; protocol: " + row.group(5)));
            }
            protocol.ifPresent(text -> shown.add(0, "All rows of ours: protocol: " + text));
            data.ifPresent(text -> shown.add(0, "All rows of ours: data: " + text));
            return shown;
        }

        /** Further notes on rows of ours that say the same of each. */
        private static List<String> gathered(List<String> notes) {
            Map<String, Long> rests = notes.stream()
                    .map(OUR_NOTE::matcher)
                    .filter(Matcher::matches)
                    .collect(Collectors.groupingBy(note -> note.group(1), Collectors.counting()));
            List<String> gathered = new ArrayList<>();
            for (String note : notes) {
                Matcher ours = OUR_NOTE.matcher(note);
                boolean several = ours.matches() && rests.get(ours.group(1)) > 1;
                String shown = several ? "All rows of ours: " + ours.group(1) : note;
                if (!gathered.contains(shown)) {
                    gathered.add(shown);
                }
            }
            return gathered;
        }

        private static Optional<String> alike(List<Matcher> notes, int part) {
            Set<String> all = notes.stream().map(note -> note.group(part)).collect(Collectors.toSet());
            return all.size() == 1 ? all.stream().findFirst() : Optional.empty();
        }

        /** A group a variant, ours above the baselines in each. */
        private List<Group> grouped(List<Named> here) {
            Map<String, List<Named>> variants = new LinkedHashMap<>();
            here.forEach(row -> variants.computeIfAbsent(row.variant(), fresh -> new ArrayList<>())
                    .add(row));
            List<Group> groups = new ArrayList<>();
            variants.forEach((variant, some) -> {
                List<Named> ordered = Stream.of(
                                some.stream().filter(row -> !row.kind().baseline()),
                                some.stream().filter(row -> row.kind() == Kind.START),
                                some.stream().filter(row -> row.kind() == Kind.BASELINE))
                        .flatMap(part -> part)
                        .toList();
                groups.add(new Group(variant.isEmpty() ? HERE : capital(variant), marked(ordered)));
            });
            return groups;
        }

        private List<Row> marked(List<Named> some) {
            List<Row> marked = new ArrayList<>();
            for (Named row : some) {
                List<Cell> cells = new ArrayList<>();
                for (int c = 1; c < columns.size(); c++) {
                    String text = row.cells().get(c - 1);
                    cells.add(new Cell(text, best(text, c, some)));
                }
                marked.add(new Row(row.kind(), row.name(), row.smallData(), cells));
            }
            return marked;
        }

        private boolean best(String cell, int column, List<Named> among) {
            if (!compares(table) || NOT_COMPARED.matcher(columns.get(column)).matches()) {
                return false;
            }
            List<Double> all = among.stream()
                    .map(row -> Amount.of(row.cells().get(column - 1)))
                    .flatMap(Optional::stream)
                    .map(Amount::mean)
                    .toList();
            Optional<Double> own = Amount.of(cell).map(Amount::mean);
            boolean lower = columns.get(column).toLowerCase(Locale.ROOT).contains("rank");
            return all.size() > 1
                    && all.stream().distinct().count() > 1
                    && own.filter(value -> all.stream().allMatch(other -> lower ? value <= other : value >= other))
                            .isPresent();
        }

        /** Without columns that are empty, that repeat a mean, or that say the same in every row; the last is a note. */
        private ResultTable shown(String title, List<Group> groups, List<String> notes) {
            List<Row> all =
                    groups.stream().flatMap(group -> group.rows().stream()).toList();
            List<String> below = new ArrayList<>(notes);
            List<Integer> kept = new ArrayList<>();
            List<String> same = new ArrayList<>();
            for (int c = 1; c < columns.size(); c++) {
                int place = c - 1;
                List<String> cells =
                        all.stream().map(row -> row.cells().get(place).text()).toList();
                if (columns.get(c).startsWith(PRINTED)
                        || cells.stream().allMatch(cell -> cell.isEmpty() || cell.equals(Table.NONE))
                        || repeatsMean(c, all)) {
                    continue;
                }
                if (all.size() > 1
                        && columns.get(c).matches("Queries|Gallery|Right|Seeds")
                        && Set.copyOf(cells).size() == 1) {
                    same.add(columns.get(c).toLowerCase(Locale.ROOT) + " " + cells.get(0));
                    continue;
                }
                kept.add(c);
            }
            if (!same.isEmpty()) {
                below.add(0, "In every row: " + String.join(", ", same));
            }
            List<String> headings = new ArrayList<>(List.of(byCategory() ? "Method" : columns.get(0)));
            kept.forEach(c -> headings.add(columns.get(c)));
            List<Group> cut = groups.stream()
                    .map(group -> new Group(
                            groups.size() == 1 && (group.title().equals(HERE) || byCategory()) ? "" : group.title(),
                            group.rows().stream()
                                    .map(row -> new Row(
                                            row.kind(),
                                            row.name(),
                                            row.smallData(),
                                            kept.stream()
                                                    .map(c -> row.cells().get(c - 1))
                                                    .toList()))
                                    .toList()))
                    .toList();
            return new ResultTable(title, headings, cut, below);
        }

        /** Where there is one category only, its column is the mean's. */
        private boolean repeatsMean(int column, List<Row> all) {
            String name = columns.get(column);
            int at = name.lastIndexOf(' ');
            int mean = columns.indexOf("Average" + (at < 0 ? "" : name.substring(at)));
            return mean > column
                    && all.stream()
                            .allMatch(row -> row.cells()
                                    .get(column - 1)
                                    .text()
                                    .equals(row.cells().get(mean - 1).text()));
        }

        /** Others' publications, with what each says of itself beside its figures. */
        private ResultTable peers(List<Named> published) {
            Map<String, Matcher> said = new LinkedHashMap<>();
            table.notes().stream()
                    .map(PEER_NOTE::matcher)
                    .filter(Matcher::matches)
                    .forEach(note -> said.put(note.group(1), note));
            List<Integer> kept = IntStream.range(1, columns.size())
                    .filter(c -> filled(published, c))
                    .boxed()
                    .toList();
            List<String> headings = new ArrayList<>(List.of("Method"));
            kept.forEach(c -> headings.add(columns.get(c).replaceFirst("^" + PRINTED, "")));
            boolean explained = published.stream().allMatch(row -> said.containsKey(row.name()));
            if (explained) {
                headings.addAll(List.of("Weights", "Protocol", "Source"));
            }
            List<Row> shown = marked(published).stream()
                    .map(row -> {
                        List<Cell> cells = new ArrayList<>();
                        kept.forEach(
                                c -> cells.add(new Cell(row.cells().get(c - 1).text(), false)));
                        if (explained) {
                            for (int part = 2; part <= 4; part++) {
                                cells.add(new Cell(said.get(row.name()).group(part), false));
                            }
                        }
                        return new Row(row.kind(), row.name(), false, cells);
                    })
                    .toList();
            return new ResultTable(
                    "What others have published, not measured here",
                    headings,
                    List.of(new Group("", shown)),
                    List.of("Other weights and, in part, other protocols than ours and the paper's"));
        }
    }

    /** The same with shares in percent, which the heading says where other columns have another unit. */
    static Table inPercent(Table table) {
        Set<Integer> shares = new LinkedHashSet<>();
        boolean others = false;
        for (int c = 1; c < table.columns().size(); c++) {
            int column = c;
            boolean share = table.rows().stream().anyMatch(row -> Amount.isShare(row.get(column)));
            boolean other = table.rows().stream()
                    .map(row -> row.get(column))
                    .anyMatch(cell -> !cell.isEmpty() && !cell.equals(Table.NONE) && !Amount.isShare(cell));
            if (share && !other) {
                shares.add(c);
            }
            others |= other;
        }
        boolean named = others;
        return new Table(
                table.title(),
                IntStream.range(0, table.columns().size())
                        .mapToObj(c -> table.columns().get(c) + (named && shares.contains(c) ? ", %" : ""))
                        .toList(),
                table.rows().stream()
                        .map(row -> IntStream.range(0, row.size())
                                .mapToObj(c -> shares.contains(c) ? Amount.percent(row.get(c)) : row.get(c))
                                .toList())
                        .toList(),
                table.notes().stream().map(TableReader::sharesOfNote).toList());
    }

    /** Notes say what the paper prints and what its figures average. */
    private static String sharesOfNote(String note) {
        Matcher matcher =
                Pattern.compile("(?<=(?:printed as|average) )[01]\\.\\d{4}").matcher(note);
        return matcher.replaceAll(share -> Amount.percent(share.group()));
    }

    private static String capital(String text) {
        return text.substring(0, 1).toUpperCase(Locale.ROOT) + text.substring(1);
    }

    private static String orEmpty(String text) {
        return text == null ? "" : text;
    }
}
