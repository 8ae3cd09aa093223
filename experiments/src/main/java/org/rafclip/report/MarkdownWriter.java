package org.rafclip.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.rafclip.eval.Table;

/** A page as Markdown, with its pictures in a folder beside it. */
final class MarkdownWriter {

    /** Characters of a bar that reaches the end of the scale. */
    private static final int BAR = 30;

    private final String pictures;
    private final StringBuilder out = new StringBuilder();

    private MarkdownWriter(String pictures) {
        this.pictures = pictures;
    }

    /**
     * The file's text.
     *
     * @param pictures name of the folder that {@link Page#pictures} are written into
     */
    static String write(Page page, String pictures) {
        MarkdownWriter writer = new MarkdownWriter(pictures);
        writer.paragraph("# " + escape(page.title()));
        writer.paragraph(escape(page.lead()));
        for (Page.Section section : page.sections()) {
            writer.paragraph("## " + escape(section.title()));
            section.blocks().forEach(writer::block);
        }
        return writer.out.toString();
    }

    private void paragraph(String text) {
        out.append(text).append("\n\n");
    }

    private void block(Page.Block block) {
        if (block instanceof Page.Heading heading) {
            paragraph("### " + escape(heading.text()));
        } else if (block instanceof Page.Text text) {
            paragraph(escape(text.text()));
        } else if (block instanceof Page.Note note) {
            paragraph("> **" + note.kind().word() + ":** " + escape(note.text()));
        } else if (block instanceof Page.Finding finding) {
            paragraph("**" + escape(finding.subject()) + ".** " + escape(String.join(" ", finding.sentences())));
        } else if (block instanceof Page.Standings standings) {
            standings(standings);
        } else if (block instanceof Page.Results results) {
            results(results.table());
        } else if (block instanceof Page.Figures figures) {
            paragraph(escaped(figures.table()).toMarkdown().stripTrailing());
        } else if (block instanceof Page.Facts facts) {
            paragraph(facts.facts().entrySet().stream()
                    .map(fact -> "- **" + escape(fact.getKey()) + ":** " + escape(fact.getValue()))
                    .collect(Collectors.joining("\n")));
        } else if (block instanceof Page.Listing listing) {
            paragraph("### " + escape(listing.title()));
            paragraph(listing.text()
                    .stripTrailing()
                    .lines()
                    .map(line -> "    " + line)
                    .collect(Collectors.joining("\n")));
        } else if (block instanceof Page.Chart chart) {
            paragraph(image(chart.light(), chart.description()));
            paragraph("*" + escape(chart.caption()) + "*");
        } else if (block instanceof Page.Confusions confusions) {
            confusions.matrices().forEach(matrix -> paragraph(confusion(confusions.title(), matrix)));
        } else if (block instanceof Page.Gallery gallery) {
            gallery(gallery);
        } else {
            throw new IllegalStateException("no form for " + block.getClass());
        }
    }

    /** Bars of block characters, which any viewer shows in a line. */
    private void standings(Page.Standings standings) {
        paragraph("### " + escape(standings.title()));
        for (Page.Panel panel : standings.panels()) {
            StringBuilder table = new StringBuilder();
            row(table, List.of(escape(panel.title()), "percent", "0 to " + standings.most()));
            table.append("|---|---:|---|\n");
            for (Page.Bar bar : panel.bars()) {
                long length = Math.round(BAR * bar.amount().mean() / standings.most());
                row(
                        table,
                        List.of(
                                name(bar.kind(), bar.name()),
                                bar.amount().toString(),
                                (bar.kind().baseline() ? "░" : bar.kind().here() ? "█" : "▒").repeat((int) length)));
            }
            paragraph(table.toString().stripTrailing());
        }
        paragraph("*" + escape(standings.caption()) + "*");
    }

    /** The method stands out, baselines lean back. */
    private static String name(ResultTable.Kind kind, String name) {
        String escaped = escape(name);
        return switch (kind) {
            case METHOD -> "**" + escaped + "**";
            case OURS -> escaped;
            case START -> "*" + escaped + "* (" + kind.word() + ")";
            case BASELINE -> "*" + escaped + "*";
            case PAPER, PUBLISHED -> escaped + " (" + kind.word() + ")";
        };
    }

    private void results(ResultTable results) {
        List<List<String>> rows = new ArrayList<>();
        for (ResultTable.Group group : results.groups()) {
            if (!group.title().isEmpty()) {
                List<String> heading = new ArrayList<>(List.of("*" + escape(group.title()) + ":*"));
                results.columns().stream().skip(1).forEach(column -> heading.add(""));
                rows.add(heading);
            }
            for (ResultTable.Row row : group.rows()) {
                List<String> cells =
                        new ArrayList<>(List.of(row.kind().here() ? name(row.kind(), row.name()) : escape(row.name())));
                row.cells()
                        .forEach(cell ->
                                cells.add(cell.best() ? "**" + escape(cell.text()) + "**" : escape(cell.text())));
                rows.add(cells);
            }
        }
        List<String> notes = new ArrayList<>(
                results.notes().stream().map(MarkdownWriter::escape).toList());
        results.bold().map(MarkdownWriter::escape).ifPresent(bold -> notes.add(0, bold));
        paragraph(new Table(
                        escape(results.title()),
                        results.columns().stream().map(MarkdownWriter::escape).toList(),
                        rows,
                        notes)
                .toMarkdown()
                .stripTrailing());
    }

    private String image(PageImage picture, String description) {
        return "![" + escape(description) + "](" + pictures + "/" + picture.name() + ")";
    }

    private static Table escaped(Table table) {
        return new Table(
                escape(table.title()),
                table.columns().stream().map(MarkdownWriter::escape).toList(),
                table.rows().stream()
                        .map(row -> row.stream().map(MarkdownWriter::escape).toList())
                        .toList(),
                table.notes().stream().map(MarkdownWriter::escape).toList());
    }

    private static String confusion(String title, Page.Confusion confusion) {
        List<String> columns = new ArrayList<>(List.of("Label"));
        columns.addAll(confusion.attributes());
        columns.add("Sum");
        List<List<String>> rows = new ArrayList<>();
        for (int label = 0; label < confusion.attributes().size(); label++) {
            List<String> cells = new ArrayList<>(List.of(confusion.attributes().get(label)));
            int[] counts = confusion.counts()[label];
            IntStream.of(counts).forEach(count -> cells.add(number(count)));
            cells.add(number(IntStream.of(counts).sum()));
            rows.add(cells);
        }
        return escaped(new Table(title + ", " + confusion.title(), columns, rows, List.of()))
                .toMarkdown()
                .stripTrailing();
    }

    private static String number(int count) {
        return String.format(Locale.ROOT, "%,d", count);
    }

    private void gallery(Page.Gallery gallery) {
        if (!gallery.title().isEmpty()) {
            paragraph("### " + escape(gallery.title()));
        }
        paragraph("*" + escape(gallery.caption()) + "*");
        for (Page.Ranking ranking : gallery.rankings()) {
            List<String> asked = new ArrayList<>();
            if (!ranking.method().isEmpty()) {
                asked.add("**" + escape(ranking.method()) + "**");
            }
            if (ranking.text() != null) {
                asked.add("“" + escape(ranking.text()) + "”");
            }
            if (ranking.wanted() != null) {
                asked.add("right: " + escape(ranking.wanted()));
            }
            for (Map.Entry<String, String> measure : ranking.measures().entrySet()) {
                asked.add(escape(measure.getKey()) + " " + escape(measure.getValue()));
            }
            if (!ranking.words().isEmpty()) {
                asked.add(ranking.words().stream()
                        .map(word ->
                                escape(word.text()) + String.format(Locale.ROOT, " (%.0f %%)", 100 * word.weight()))
                        .collect(Collectors.joining(" ")));
            }
            paragraph(String.join(" · ", asked));
            answers(ranking);
        }
        if (!gallery.notes().isEmpty()) {
            paragraph(gallery.notes().stream().map(note -> "- " + escape(note)).collect(Collectors.joining("\n")));
        }
    }

    /** One row of heads, one of pictures, one of words. */
    private void answers(Page.Ranking ranking) {
        List<String> heads = new ArrayList<>();
        List<String> shown = new ArrayList<>();
        List<String> words = new ArrayList<>();
        if (ranking.picture() != null || !ranking.labels().isEmpty()) {
            heads.add("query");
            shown.add(cell(ranking.picture(), "The query's picture"));
            words.add(escape(ranking.labels()));
        }
        if (ranking.overlay() != null) {
            heads.add("attention");
            shown.add(cell(ranking.overlay(), "Where the text looks"));
            words.add("");
        }
        for (Page.Answer answer : ranking.answers()) {
            String verdict = answer.right() ? "✓ right" : "✗ wrong";
            heads.add((ranking.ranked() ? answer.rank() + " " : "")
                    + verdict
                    + (answer.score().isEmpty() ? "" : " " + answer.score()));
            shown.add(cell(answer.picture(), "Answer " + answer.rank() + ", " + verdict));
            words.add(escape(answer.text())
                    + (answer.expected() == null ? "" : " (right: " + escape(answer.expected()) + ")"));
        }
        StringBuilder table = new StringBuilder();
        row(table, heads);
        row(table, heads.stream().map(head -> "---").toList());
        if (shown.stream().anyMatch(cell -> !cell.isEmpty())) {
            row(table, shown);
        }
        row(table, words);
        paragraph(table.toString().stripTrailing());
    }

    private String cell(PageImage picture, String description) {
        return picture == null ? "" : image(picture, description);
    }

    private static void row(StringBuilder table, List<String> cells) {
        table.append("| ")
                .append(cells.stream().map(cell -> cell.replace("|", "\\|")).collect(Collectors.joining(" | ")))
                .append(" |\n");
    }

    /** Text that stays text: neither markup of Markdown nor of HTML, and on one line. */
    static String escape(String text) {
        StringBuilder escaped = new StringBuilder();
        for (char c : text.replaceAll("\\s+", " ").toCharArray()) {
            switch (c) {
                case '<' -> escaped.append("&lt;");
                case '>' -> escaped.append("&gt;");
                case '&' -> escaped.append("&amp;");
                case '\\', '`', '*', '_', '[', ']', '#', '!' ->
                    escaped.append('\\').append(c);
                default -> escaped.append(c);
            }
        }
        return escaped.toString();
    }
}
