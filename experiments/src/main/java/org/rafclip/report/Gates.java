package org.rafclip.report;

import java.util.List;
import java.util.Locale;
import org.rafclip.eval.Table;
import org.rafclip.measure.GateSummary;

/** How a composer's gates weigh its branches, as a chart and a table. */
final class Gates {

    private Gates() {}

    /** @param name of the chart's file */
    static List<Page.Block> blocks(GateSummary gates, String name) {
        Page.Chart chart = Charts.histogram(
                name,
                "weight, lower end of each bin",
                List.of("a, of the image branch", "b, of the text branch"),
                List.of(gates.image().counts(), gates.text().counts()),
                String.format(
                        Locale.ROOT,
                        "Histogram of both gates over %,d queries; a is %.3f on average, b %.3f.",
                        gates.queries(),
                        gates.image().mean(),
                        gates.text().mean()),
                "How the gates of Eq. 12 weigh the branches over all queries, in bins of 0.05; of vector gates the mean"
                        + " over their elements.");
        return List.of(chart, new Page.Figures(table(gates)));
    }

    private static Table table(GateSummary gates) {
        return new Table(
                "Mean weights by what the text changes",
                List.of("Kind of change", "Queries", "a, image branch", "b, text branch"),
                gates.kinds().stream()
                        .map(kind -> List.of(
                                kind.name(),
                                String.format(Locale.ROOT, "%,d", kind.queries()),
                                spread(kind.queries(), kind.imageMean(), kind.imageDeviation()),
                                spread(kind.queries(), kind.textMean(), kind.textDeviation())))
                        .toList(),
                List.of(
                        "Mean ± standard deviation over queries; a query that changes several attributes counts for"
                                + " each",
                        "The paper gives no such figures"));
    }

    private static String spread(int queries, double mean, double deviation) {
        return queries == 0 ? Table.NONE : String.format(Locale.ROOT, "%.3f ± %.3f", mean, deviation);
    }
}
