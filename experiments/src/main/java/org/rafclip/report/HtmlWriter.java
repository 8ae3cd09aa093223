package org.rafclip.report;

import static j2html.TagCreator.a;
import static j2html.TagCreator.body;
import static j2html.TagCreator.caption;
import static j2html.TagCreator.dd;
import static j2html.TagCreator.details;
import static j2html.TagCreator.div;
import static j2html.TagCreator.dl;
import static j2html.TagCreator.document;
import static j2html.TagCreator.dt;
import static j2html.TagCreator.each;
import static j2html.TagCreator.figcaption;
import static j2html.TagCreator.figure;
import static j2html.TagCreator.h1;
import static j2html.TagCreator.h2;
import static j2html.TagCreator.h3;
import static j2html.TagCreator.head;
import static j2html.TagCreator.header;
import static j2html.TagCreator.html;
import static j2html.TagCreator.iff;
import static j2html.TagCreator.img;
import static j2html.TagCreator.li;
import static j2html.TagCreator.main;
import static j2html.TagCreator.meta;
import static j2html.TagCreator.nav;
import static j2html.TagCreator.ol;
import static j2html.TagCreator.p;
import static j2html.TagCreator.picture;
import static j2html.TagCreator.pre;
import static j2html.TagCreator.rawHtml;
import static j2html.TagCreator.section;
import static j2html.TagCreator.small;
import static j2html.TagCreator.source;
import static j2html.TagCreator.span;
import static j2html.TagCreator.strong;
import static j2html.TagCreator.style;
import static j2html.TagCreator.summary;
import static j2html.TagCreator.table;
import static j2html.TagCreator.tbody;
import static j2html.TagCreator.td;
import static j2html.TagCreator.text;
import static j2html.TagCreator.th;
import static j2html.TagCreator.thead;
import static j2html.TagCreator.title;
import static j2html.TagCreator.tr;
import static j2html.TagCreator.ul;

import j2html.tags.DomContent;
import j2html.tags.specialized.DetailsTag;
import j2html.tags.specialized.ImgTag;
import j2html.tags.specialized.TdTag;
import j2html.tags.specialized.ThTag;
import j2html.tags.specialized.TheadTag;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.rafclip.eval.Table;

/** A page as one HTML file: style and pictures inside, no script, nothing fetched. */
final class HtmlWriter {

    /** What the page may do in a browser: show what it holds. */
    private static final String POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

    /** From this share on a cell's number is written in the light color. */
    private static final double STRONG = 0.55;

    /** What stands behind a group's name in a column's. */
    private static final Pattern AT_K = Pattern.compile(" \\S+@\\d+$");

    /** Tables of so few columns are not stretched over the page. */
    private static final int SLIM = 5;

    private static final String SMALL_DATA = "Small data: trained on fewer images than the paper's row and from other"
            + " weights; it shows what the method learns from these and does not reproduce that row.";
    private static final String COMPARABLE =
            "Rows compare only where weights, data and protocol are the same; the notes say what differs from the"
                    + " paper.";

    private HtmlWriter() {}

    /** The file's text. */
    static String write(Page page) {
        return document(html(
                        head(
                                meta().withCharset("utf-8"),
                                meta().withName("viewport").withContent("width=device-width, initial-scale=1"),
                                meta().withName("color-scheme").withContent("light dark"),
                                meta().attr("http-equiv", "Content-Security-Policy")
                                        .withContent(POLICY),
                                title(page.title()),
                                style(rawHtml(css()))),
                        body(
                                header(h1(page.title()), p(page.lead()).withClass("lead")),
                                nav(ol(each(
                                                page.sections(),
                                                part -> li(a(part.title()).withHref("#" + part.id())))))
                                        .attr("aria-label", "Contents"),
                                main(each(page.sections(), HtmlWriter::part))))
                .withLang("en"));
    }

    private static String css() {
        try (InputStream in = HtmlWriter.class.getResourceAsStream("report.css")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static DomContent part(Page.Section part) {
        return section(h2(part.title()), each(part.blocks(), HtmlWriter::block)).withId(part.id());
    }

    private static DomContent block(Page.Block block) {
        if (block instanceof Page.Heading heading) {
            return h3(heading.text());
        } else if (block instanceof Page.Text text) {
            return p(text.text());
        } else if (block instanceof Page.Note note) {
            return p(strong(note.kind().word() + ": "), span(note.text()))
                    .withClasses("note", note.kind().word().toLowerCase(Locale.ROOT));
        } else if (block instanceof Page.Finding finding) {
            return p(
                            strong(a(finding.subject()).withHref("#" + finding.id())),
                            text(" " + String.join(" ", finding.sentences())))
                    .withClass("finding");
        } else if (block instanceof Page.Standings standings) {
            return standings(standings);
        } else if (block instanceof Page.Results results) {
            return results(results.table());
        } else if (block instanceof Page.Figures figures) {
            return figures(figures.table());
        } else if (block instanceof Page.Facts facts) {
            return dl(each(facts.facts(), (name, value) -> div(dt(name), dd(value))))
                    .withClass("facts");
        } else if (block instanceof Page.Listing listing) {
            return details(summary(listing.title()), pre(listing.text()));
        } else if (block instanceof Page.Chart chart) {
            return chart(chart);
        } else if (block instanceof Page.Confusions confusions) {
            DetailsTag folded = details(
                            summary(h3(confusions.title())),
                            div(each(confusions.matrices(), HtmlWriter::confusion))
                                    .withClass("matrices"))
                    .withClass("folded");
            return confusions.open() ? folded.attr("open") : folded;
        } else if (block instanceof Page.Gallery gallery) {
            return gallery(gallery);
        }
        throw new IllegalStateException("no form for " + block.getClass());
    }

    private static DomContent figures(Table figures) {
        List<String> kinds = IntStream.range(0, figures.columns().size())
                .mapToObj(column -> kind(figures.rows().stream().map(row -> row.get(column))))
                .toList();
        return figure(
                        scrolled(
                                figures.title(),
                                table(
                                                caption(span(figures.title())),
                                                headings(figures.columns(), kinds),
                                                tbody(each(
                                                        figures.rows(),
                                                        cells -> tr(
                                                                th(cells.get(0)).attr("scope", "row"),
                                                                each(
                                                                        places(1, cells.size()),
                                                                        column -> value(cells.get(column))
                                                                                .withClass(kinds.get(column)))))))
                                        .withClasses(
                                                "figures", figures.columns().size() <= SLIM ? "slim" : "")),
                        iff(
                                !figures.notes().isEmpty(),
                                figcaption(ul(each(figures.notes(), note -> li(note)))
                                        .withClass("plain"))))
                .withClass("table");
    }

    /** Scrolls by itself where it is wider than the page. */
    private static DomContent scrolled(String name, DomContent content) {
        return div(content)
                .withClass("wide")
                .attr("tabindex", "0")
                .attr("role", "region")
                .attr("aria-label", name);
    }

    private static List<Integer> places(int from, int to) {
        return IntStream.range(from, to).boxed().toList();
    }

    private static DomContent results(ResultTable results) {
        List<String> kinds = IntStream.range(0, results.columns().size())
                .mapToObj(column -> column == 0
                        ? "word"
                        : kind(results.rows()
                                .map(row -> row.cells().get(column - 1).text())))
                .toList();
        return figure(
                        scrolled(
                                results.title(),
                                table(
                                                caption(span(results.title())),
                                                headings(results.columns(), kinds),
                                                each(
                                                        results.groups(),
                                                        group -> tbody(
                                                                iff(
                                                                        !group.title()
                                                                                .isEmpty(),
                                                                        tr(th(group.title())
                                                                                        .attr("scope", "rowgroup")
                                                                                        .attr(
                                                                                                "colspan",
                                                                                                results.columns()
                                                                                                        .size()))
                                                                                .withClass("group")),
                                                                each(group.rows(), row -> row(row, kinds)))))
                                        .withClasses(
                                                "figures",
                                                "results",
                                                results.columns().size() <= SLIM ? "slim" : "")),
                        notes(results))
                .withClass("table");
    }

    private static DomContent row(ResultTable.Row row, List<String> kinds) {
        return tr(
                        th(row.name()).attr("scope", "row"),
                        each(places(0, row.cells().size()), i -> {
                            ResultTable.Cell cell = row.cells().get(i);
                            return value(cell.text(), cell.best()).withClass(kinds.get(i + 1));
                        }))
                .withClass(row.kind().style());
    }

    /** Neighbours that differ only in their {@code @k}, as {@code Dress R@10} and {@code Dress R@50}, share a heading. */
    private static TheadTag headings(List<String> columns, List<String> kinds) {
        List<String> groups = columns.stream()
                .map(name -> AT_K.matcher(name).replaceFirst(""))
                .toList();
        List<ThTag> upper = new ArrayList<>();
        List<ThTag> lower = new ArrayList<>();
        for (int from = 0, to; from < columns.size(); from = to) {
            String group = groups.get(from);
            to = from + 1;
            while (to < columns.size() && groups.get(to).equals(group)) {
                to++;
            }
            if (to == from + 1) {
                upper.add(th(columns.get(from))
                        .attr("scope", "col")
                        .attr("rowspan", 2)
                        .withClass(kinds.get(from)));
                continue;
            }
            upper.add(th(group)
                    .attr("scope", "colgroup")
                    .attr("colspan", to - from)
                    .withClass("group"));
            for (int i = from; i < to; i++) {
                lower.add(th(columns.get(i).substring(group.length() + 1))
                        .attr("scope", "col")
                        .withClass(kinds.get(i)));
            }
        }
        if (lower.isEmpty()) {
            upper.forEach(heading -> heading.attr("rowspan", 1));
        }
        return thead(tr(each(upper, heading -> heading)), iff(!lower.isEmpty(), tr(each(lower, heading -> heading))));
    }

    /** Figures are set flush right, words are not. */
    private static String kind(Stream<String> cells) {
        return cells.allMatch(cell -> cell.matches("[\\d.,:+−–\\- ±%]*( s)?")) ? "number" : "word";
    }

    /** The deviation may go below the mean, but does not break itself. */
    private static TdTag value(String cell, boolean best) {
        int deviation = cell.indexOf(" ±");
        String mean = deviation < 0 ? cell : cell.substring(0, deviation);
        return td(
                best ? strong(mean) : text(mean),
                deviation < 0 ? text("") : text(" "),
                iff(deviation >= 0, span(cell.substring(deviation + 1))));
    }

    private static TdTag value(String cell) {
        return value(cell, false);
    }

    private static DomContent notes(ResultTable results) {
        boolean small = results.rows().anyMatch(ResultTable.Row::smallData);
        boolean paper = results.rows().anyMatch(row -> row.kind() == ResultTable.Kind.PAPER)
                && results.rows().anyMatch(row -> row.kind().here());
        return figcaption(
                text(results.bold().map(bold -> bold + " ").orElse("")
                        + (small && paper ? SMALL_DATA + " " : "")
                        + (paper ? COMPARABLE : "")),
                iff(
                        !results.notes().isEmpty(),
                        details(summary("Weights, data and protocol"), ul(each(results.notes(), note -> li(note))))));
    }

    /** A table whose middle column is drawn: every figure can be read, and read out. */
    private static DomContent standings(Page.Standings standings) {
        double most = standings.most();
        return figure(
                        table(
                                        caption(standings.title()),
                                        thead(tr(
                                                th("Method").attr("scope", "col"),
                                                th(span("0"), span(Integer.toString(standings.most())))
                                                        .withClass("axis")
                                                        .attr("aria-hidden", "true"),
                                                th("Percent").attr("scope", "col"))),
                                        each(
                                                standings.panels(),
                                                panel -> tbody(
                                                        tr(th(panel.title())
                                                                        .attr("scope", "rowgroup")
                                                                        .attr("colspan", 3))
                                                                .withClass("group"),
                                                        each(panel.bars(), bar -> bar(bar, most)))))
                                .withClass("standings"),
                        figcaption(standings.caption()))
                .withClass("chart");
    }

    private static DomContent bar(Page.Bar bar, double most) {
        Amount amount = bar.amount();
        String lengths = length("bar", amount.mean() / most)
                + (amount.deviation() == null
                        ? ""
                        : length("low", Math.max(0, amount.mean() - amount.deviation()) / most)
                                + length("wide", 2 * amount.deviation() / most));
        return tr(
                        th(
                                        text(bar.name() + " "),
                                        iff(
                                                bar.kind() == ResultTable.Kind.START
                                                        || !bar.kind().here(),
                                                small(bar.kind().word())))
                                .attr("scope", "row"),
                        td(span(span().withClass("bar"), iff(amount.deviation() != null, span().withClass("spread")))
                                        .withClass("track")
                                        .withStyle(lengths))
                                .attr("aria-hidden", "true"),
                        value(amount.toString()))
                .withClasses(bar.kind().style(), bar.kind() == ResultTable.Kind.START ? "start" : "");
    }

    private static String length(String name, double share) {
        return String.format(Locale.ROOT, "--%s:%.2f%%;", name, 100 * share);
    }

    private static DomContent chart(Page.Chart chart) {
        return figure(
                        picture(
                                source().attr("srcset", chart.narrow().get(1).dataUri())
                                        .withMedia("(max-width: 520px) and (prefers-color-scheme: dark)"),
                                source().attr("srcset", chart.narrow().get(0).dataUri())
                                        .withMedia("(max-width: 520px)"),
                                source().attr("srcset", chart.dark().dataUri())
                                        .withMedia("(prefers-color-scheme: dark)"),
                                image(chart.light(), chart.description())),
                        figcaption(chart.caption()))
                .withClass("chart");
    }

    private static ImgTag image(PageImage picture, String alt) {
        return img().withSrc(picture.dataUri())
                .withAlt(alt)
                .attr("width", picture.width())
                .attr("height", picture.height());
    }

    private static DomContent confusion(Page.Confusion confusion) {
        List<String> names = confusion.attributes();
        return scrolled(
                confusion.title(),
                table(
                                caption(confusion.title()),
                                thead(tr(
                                        th("Label").attr("scope", "col"),
                                        each(names, name -> th(span(name)).attr("scope", "col")),
                                        th(span("Sum")).attr("scope", "col"))),
                                tbody(each(
                                        IntStream.range(0, names.size()).boxed().toList(),
                                        label -> tr(
                                                th(names.get(label)).attr("scope", "row"),
                                                each(
                                                        IntStream.range(0, names.size())
                                                                .boxed()
                                                                .toList(),
                                                        answer -> cell(confusion.counts()[label], label, answer)),
                                                td(count(sum(confusion.counts()[label])))
                                                        .withClass("sum")))))
                        .withClass("confusion"));
    }

    private static TdTag cell(int[] row, int label, int answer) {
        double share = sum(row) == 0 ? 0 : (double) row[answer] / sum(row);
        return td(count(row[answer]))
                .withClasses(label == answer ? "right" : "", share >= STRONG ? "strong" : "")
                .withStyle(String.format(Locale.ROOT, "--share:%.3f", share));
    }

    private static int sum(int[] counts) {
        return IntStream.of(counts).sum();
    }

    private static String count(int n) {
        return String.format(Locale.ROOT, "%,d", n);
    }

    private static DomContent gallery(Page.Gallery gallery) {
        return div(
                        iff(!gallery.title().isEmpty(), h3(gallery.title())),
                        p(gallery.caption()).withClass("caption"),
                        each(gallery.rankings(), HtmlWriter::ranking),
                        iff(
                                !gallery.notes().isEmpty(),
                                ul(each(gallery.notes(), note -> li(note))).withClass("remarks")))
                .withClass("gallery");
    }

    private static DomContent ranking(Page.Ranking ranking) {
        return div(
                        div(
                                        iff(
                                                !ranking.method().isEmpty(),
                                                p(ranking.method()).withClass("method")),
                                        iff(
                                                ranking.text() != null,
                                                p("“" + ranking.text() + "”").withClass("asked")),
                                        iff(
                                                ranking.picture() != null || ranking.overlay() != null,
                                                div(
                                                                shown(ranking.picture(), queryAlt(ranking), "query"),
                                                                shown(
                                                                        ranking.overlay(),
                                                                        "The same picture; the brighter a patch, the"
                                                                                + " more the text attends to it.",
                                                                        "attention: bright is where the text looks"))
                                                        .withClass("pair")),
                                        iff(
                                                !ranking.labels().isEmpty(),
                                                p(ranking.labels()).withClass("labels")),
                                        iff(
                                                ranking.wanted() != null,
                                                p("right: " + ranking.wanted()).withClass("wanted")),
                                        iff(!ranking.words().isEmpty(), words(ranking.words())),
                                        iff(
                                                !ranking.measures().isEmpty(),
                                                dl(each(ranking.measures(), (name, value) -> div(dt(name), dd(value))))
                                                        .withClass("measures")))
                                .withClass("query"),
                        ol(each(ranking.answers(), answer -> answer(answer, ranking.ranked())))
                                .withClasses(
                                        "answers",
                                        ranking.answers().stream().allMatch(answer -> answer.picture() == null)
                                                ? "texts"
                                                : ""))
                .withClass("ranking");
    }

    private static String queryAlt(Page.Ranking ranking) {
        return "The query's picture" + (ranking.labels().isEmpty() ? "" : ": " + ranking.labels());
    }

    private static DomContent shown(PageImage picture, String alt, String caption) {
        return picture == null ? text("") : figure(image(picture, alt), figcaption(caption));
    }

    private static DomContent words(List<Page.Word> words) {
        double most = words.stream().mapToDouble(Page.Word::weight).max().orElse(1);
        return p(each(
                        words,
                        word -> each(
                                span(word.text())
                                        .withStyle(String.format(Locale.ROOT, "--share:%.3f", word.weight() / most))
                                        .withTitle(String.format(Locale.ROOT, "%.1f %%", 100 * word.weight())),
                                text(" "))))
                .withClass("words");
    }

    private static DomContent answer(Page.Answer answer, boolean ranked) {
        String verdict = answer.right() ? "right" : "wrong";
        return li(
                        answer.picture() == null
                                ? text("")
                                : image(
                                        answer.picture(),
                                        "Answer " + answer.rank() + ", " + verdict
                                                + (answer.text().isEmpty() ? "" : ": " + answer.text())),
                        p(
                                        span(answer.right() ? "✓" : "✗")
                                                .withClass("sign")
                                                .attr("aria-hidden", "true"),
                                        text(" "),
                                        span((ranked ? answer.rank() + " " : "") + verdict)
                                                .withClass("verdict"),
                                        text(" "),
                                        span(answer.score()).withClass("score"))
                                .withClass("head"),
                        iff(!answer.text().isEmpty(), p(answer.text()).withClass("labels")),
                        iff(
                                answer.expected() != null,
                                p("right: " + answer.expected()).withClass("expected")))
                .withClass(verdict);
    }
}
