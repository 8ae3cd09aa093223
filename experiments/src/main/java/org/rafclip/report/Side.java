package org.rafclip.report;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.rafclip.eval.Spread;
import org.rafclip.eval.Table;
import org.rafclip.report.Amount.Gap;
import org.rafclip.report.ResultTable.Group;
import org.rafclip.report.ResultTable.Kind;
import org.rafclip.report.ResultTable.Row;

/**
 * One of several runs or suites that are compared: what it was measured to reach.
 *
 * @param label what the page calls it
 * @param figures in the order of its tables
 */
record Side(String label, Map<Place, Amount> figures) {

    private static final String SAME = "the same";
    private static final String UNKNOWN = "one seed each";

    /**
     * Where a figure stands.
     *
     * @param heading of the result, such as {@code Table 1. Attribute recognition}
     * @param table the caption below it
     * @param group of rows, empty where there is one
     * @param measure in words, where it sums its result up: the method's row in the column that stands for all; else null
     */
    record Place(String heading, String table, String group, String row, String column, String measure) {

        boolean main() {
            return measure != null;
        }
    }

    /** What tables give of our own rows, by their headings. */
    static Side of(String label, Map<String, List<ResultTable>> tables) {
        Map<Place, Amount> figures = new LinkedHashMap<>();
        tables.forEach((heading, all) -> {
            boolean first = true;
            for (ResultTable table : all) {
                int key = Findings.key(table);
                for (Group group : table.groups()) {
                    for (Row row : group.rows()) {
                        for (int c = 0; c < row.cells().size(); c++) {
                            boolean main = first && row.kind() == Kind.METHOD && c == key;
                            Place place = new Place(
                                    heading,
                                    table.title(),
                                    group.title(),
                                    row.name(),
                                    table.columns().get(c + 1),
                                    main ? Findings.measure(table, group, key) : null);
                            boolean ours = row.kind().here() && row.kind() != Kind.BASELINE;
                            Findings.value(row, c)
                                    .filter(amount -> ours)
                                    .ifPresent(amount -> figures.put(place, amount));
                        }
                    }
                    first = false;
                }
            }
        });
        return new Side(label, figures);
    }

    /** Trainings that differ in their seed alone, as one: means with deviations. */
    static Side merged(String label, List<Side> seeds) {
        Map<Place, Amount> figures = new LinkedHashMap<>();
        for (Place place : places(seeds)) {
            double[] values = seeds.stream()
                    .map(side -> side.figures().get(place))
                    .filter(amount -> amount != null)
                    .mapToDouble(Amount::mean)
                    .toArray();
            Spread spread = Spread.of(values);
            figures.put(place, new Amount(spread.mean(), spread.deviation()));
        }
        return new Side(label, figures);
    }

    private static Set<Place> places(List<Side> sides) {
        Set<Place> places = new LinkedHashSet<>();
        sides.forEach(side -> places.addAll(side.figures().keySet()));
        return places;
    }

    /**
     * Every figure that two sides or more have, with the differences from the first, a table a table of theirs.
     *
     * @return by heading
     */
    static Map<String, List<Table>> differences(List<Side> sides) {
        Map<String, Map<String, List<List<String>>>> rows = new LinkedHashMap<>();
        for (Place place : places(sides)) {
            if (sides.stream().filter(side -> side.figures().containsKey(place)).count() < 2) {
                continue;
            }
            List<String> cells = new ArrayList<>(List.of(
                    place.row()
                            + (place.group().isEmpty() || place.group().equals(TableReader.HERE)
                                    ? ""
                                    : ", " + place.group().toLowerCase(Locale.ROOT)),
                    place.column()));
            sides.forEach(side -> cells.add(Optional.ofNullable(side.figures().get(place))
                    .map(Amount::toString)
                    .orElse(Table.NONE)));
            for (Side other : sides.subList(1, sides.size())) {
                Optional<Gap> gap = gap(sides.get(0), other, place);
                cells.add(gap.map(Gap::signed).orElse(Table.NONE));
                cells.add(gap.map(some -> verdict(some, sides.get(0), other, place))
                        .orElse(Table.NONE));
            }
            rows.computeIfAbsent(place.heading(), fresh -> new LinkedHashMap<>())
                    .computeIfAbsent(place.table(), fresh -> new ArrayList<>())
                    .add(cells);
        }
        List<String> headings = new ArrayList<>(List.of("Method", "Figure"));
        sides.forEach(side -> headings.add(side.label()));
        sides.stream().skip(1).forEach(side -> {
            headings.add(side.label() + " − " + sides.get(0).label());
            headings.add(sides.size() == 2 ? "Beside seeds" : side.label() + ", beside seeds");
        });
        Map<String, List<Table>> tables = new LinkedHashMap<>();
        rows.forEach((heading, byTable) ->
                byTable.forEach((title, some) -> tables.computeIfAbsent(heading, fresh -> new ArrayList<>())
                        .add(new Table(title, headings, some, List.of()))));
        return tables;
    }

    /** {@link #differences} as blocks of a page. */
    static List<Page.Block> blocks(List<Side> sides) {
        List<Page.Block> blocks = new ArrayList<>();
        differences(sides).forEach((heading, tables) -> {
            blocks.add(new Page.Heading(heading));
            tables.forEach(table -> blocks.add(new Page.Figures(table)));
        });
        if (!blocks.isEmpty()) {
            blocks.add(
                    0,
                    new Page.Text(
                            "Percent, and differences in points. A difference is within the spread where the ranges"
                                    + " mean ± deviation over seeds touch; of one seed each, nothing is known of it."));
        }
        return blocks;
    }

    private static Optional<Gap> gap(Side first, Side other, Place place) {
        Amount from = first.figures().get(place);
        Amount to = other.figures().get(place);
        return from == null || to == null ? Optional.empty() : Optional.of(to.over(from));
    }

    /**
     * What the comparison comes to: each method's figure that stands for all, with its difference.
     *
     * @param id of the section that shows the tables
     */
    static List<Page.Finding> findings(List<Side> sides, String id) {
        Map<String, List<String>> sentences = new LinkedHashMap<>();
        for (Place place : places(sides)) {
            if (!place.main()) {
                continue;
            }
            List<String> said = sentences.computeIfAbsent(place.heading(), fresh -> new ArrayList<>());
            for (Side other : sides.subList(1, sides.size())) {
                gap(sides.get(0), other, place).ifPresent(gap -> said.add(said(place, sides.get(0), other, gap)));
            }
        }
        List<Page.Finding> findings = new ArrayList<>();
        sentences.forEach((heading, said) -> {
            List<String> lacking = sides.stream()
                    .filter(side -> side.figures().keySet().stream()
                            .noneMatch(place -> place.main() && place.heading().equals(heading)))
                    .map(Side::label)
                    .toList();
            if (!lacking.isEmpty()) {
                said.add("There is no such result in " + Findings.listed(lacking) + ".");
            }
            findings.add(new Page.Finding(id, heading, said));
        });
        return findings;
    }

    private static String said(Place place, Side first, Side other, Gap gap) {
        String figures =
                place.row() + ", " + place.measure() + ": " + first.figures().get(place) + " in " + first.label() + ", "
                        + other.figures().get(place) + " in " + other.label();
        return figures
                + switch (verdict(gap, first, other, place)) {
                    case SAME -> ", the same.";
                    case UNKNOWN ->
                        String.format(", %s; with one seed each, that may be the seed's doing.", points(gap));
                    default ->
                        ", " + points(gap) + ", " + verdict(gap, first, other, place) + alone(first, other, place)
                                + ".";
                };
    }

    private static String points(Gap gap) {
        return gap.size() + " points " + (gap.points() > 0 ? "more" : "less");
    }

    /** What the spread of seeds says of a difference; where one side alone has several seeds, of which. */
    private static String verdict(Gap gap, Side first, Side other, Place place) {
        if (gap.points() == 0) {
            return SAME;
        }
        if (gap.spread() == null) {
            return UNKNOWN;
        }
        String range = (gap.within() ? "within" : "beyond") + " the spread of ";
        boolean firstHas = first.figures().get(place).deviation() != null;
        boolean otherHas = other.figures().get(place).deviation() != null;
        return range + (firstHas && otherHas ? "seeds" : (firstHas ? first : other).label() + "'s seeds");
    }

    /** Which of two has one seed where the other has several. */
    private static String alone(Side first, Side other, Place place) {
        for (Side side : List.of(first, other)) {
            if (side.figures().get(place).deviation() == null) {
                return "; " + side.label() + " has one seed";
            }
        }
        return "";
    }
}
