package org.rafclip.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.rafclip.eval.Table;

/** Tables of a result as blocks of a page. */
final class TableBlocks {

    private TableBlocks() {}

    /**
     * Tables of a result as the page shows them.
     *
     * @param read takes those that compare trainings
     */
    static List<Page.Block> of(String heading, List<Table> tables, List<ResultTable> read) {
        List<Page.Block> blocks = new ArrayList<>();
        for (Table table : tables) {
            String below = TableReader.below(heading, table.title());
            String title = below.isEmpty() ? table.title() : below;
            if (!TableReader.compares(table)) {
                plain(title, TableReader.inPercent(table)).ifPresent(blocks::add);
                continue;
            }
            List<ResultTable> shown = TableReader.read(title, table, tables);
            shown.forEach(part -> blocks.add(new Page.Results(part)));
            read.addAll(shown);
        }
        return blocks;
    }

    /** A table without the columns that are empty; none where only names are left. */
    private static Optional<Page.Block> plain(String title, Table table) {
        List<Integer> kept = IntStream.range(0, table.columns().size())
                .filter(c -> c == 0
                        || table.rows().stream()
                                .anyMatch(row ->
                                        !row.get(c).isEmpty() && !row.get(c).equals(Table.NONE)))
                .boxed()
                .toList();
        return kept.size() < 2
                ? Optional.empty()
                : Optional.of(new Page.Figures(new Table(
                        title,
                        kept.stream().map(table.columns()::get).toList(),
                        table.rows().stream()
                                .map(row -> kept.stream().map(row::get).toList())
                                .toList(),
                        table.notes())));
    }
}
