package org.rafclip.report;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.internal.chartpart.Chart;
import org.knowm.xchart.style.AxesChartStyler;
import org.knowm.xchart.style.Styler.LegendLayout;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.markers.Marker;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** Plots as PNG, in a light and a dark form, at twice the size they are shown at. */
final class Charts {

    private static final int WIDTH = 740;
    private static final int HEIGHT = 320;
    private static final int SCALE = 2;

    /** On narrow screens; entries of a legend stand below each other there. */
    private static final int NARROW_WIDTH = 370;

    private static final int NARROW_HEIGHT = 260;
    private static final int ENTRY_HEIGHT = 24;

    /** Points of a curve at most; longer ones are averaged. */
    private static final int POINTS = 240;

    /** Characters of a legend's line, and how many of them an entry's sign and spaces take. */
    private static final int LINE = 100;

    private static final int ENTRY = 9;

    /** Told apart by strokes and markers too, not by color alone. */
    private static final BasicStroke[] STROKES = {
        stroke(2.2f),
        stroke(2.2f, 8, 5),
        stroke(2.2f, 2, 4),
        stroke(2.2f, 10, 4, 2, 4),
        stroke(1.4f),
        stroke(1.4f, 6, 4)
    };

    private static final Marker[] MARKERS = {
        SeriesMarkers.CIRCLE,
        SeriesMarkers.SQUARE,
        SeriesMarkers.TRIANGLE_UP,
        SeriesMarkers.DIAMOND,
        SeriesMarkers.CROSS,
        SeriesMarkers.TRIANGLE_DOWN
    };

    private Charts() {}

    /**
     * A curve.
     *
     * @param x ascending
     * @param y one a place
     */
    record Curve(String name, double[] x, double[] y) {

        /** The same with equally many neighbours averaged, so that there are {@value Charts#POINTS} at most. */
        Curve thinned() {
            int step = (x.length + POINTS - 1) / POINTS;
            if (step <= 1) {
                return this;
            }
            int points = (x.length + step - 1) / step;
            double[] thinX = new double[points];
            double[] thinY = new double[points];
            for (int i = 0; i < points; i++) {
                int from = i * step;
                int to = Math.min(x.length, from + step);
                thinX[i] = Arrays.stream(x, from, to).average().orElseThrow();
                thinY[i] = Arrays.stream(y, from, to).average().orElseThrow();
            }
            return new Curve(name, thinX, thinY);
        }

        /** How many neighbours {@link #thinned} takes together. */
        int averaged() {
            return (x.length + POINTS - 1) / POINTS;
        }
    }

    /** The colors of a medium. */
    private enum Scheme {
        LIGHT(
                new Color(0xffffff),
                new Color(0x1d232b),
                new Color(0x5a6572),
                new Color(0xe3e6ea),
                new Color(0x1f5fa8),
                new Color(0xc4660c),
                new Color(0x1a7f3c),
                new Color(0x8a3fa0),
                new Color(0x54606e),
                new Color(0xb3322a)),
        DARK(
                new Color(0x14181d),
                new Color(0xe4e8ed),
                new Color(0x9aa5b1),
                new Color(0x2b323c),
                new Color(0x7db4f0),
                new Color(0xf0a050),
                new Color(0x4cc274),
                new Color(0xc890dc),
                new Color(0xa8b4c2),
                new Color(0xf0776d));

        private final Color paper;
        private final Color ink;
        private final Color quiet;
        private final Color grid;
        private final Color[] series;

        Scheme(Color paper, Color ink, Color quiet, Color grid, Color... series) {
            this.paper = paper;
            this.ink = ink;
            this.quiet = quiet;
            this.grid = grid;
            this.series = series;
        }
    }

    /**
     * Curves over one axis.
     *
     * @param name of the picture's file without an ending, unique on the page
     * @param curves at least one, each with at least one place
     * @param description for those who cannot see it
     */
    static Page.Chart curves(
            String name, String xTitle, String yTitle, List<Curve> curves, String description, String caption) {
        boolean markers = curves.stream().allMatch(curve -> curve.x().length <= 60);
        return chart(
                name,
                curves.size(),
                (scheme, narrow) -> xy(xTitle, yTitle, curves, markers, scheme, narrow),
                description,
                caption);
    }

    /** Draws in a scheme, for a wide or a narrow screen. */
    private interface Drawing {
        Chart<?, ?> of(Scheme scheme, boolean narrow);
    }

    private static Page.Chart chart(String name, int series, Drawing drawing, String description, String caption) {
        int height = NARROW_HEIGHT + (series > 1 ? series * ENTRY_HEIGHT : 0);
        return new Page.Chart(
                picture(name, drawing.of(Scheme.LIGHT, false), WIDTH, HEIGHT),
                picture(name + "-dark", drawing.of(Scheme.DARK, false), WIDTH, HEIGHT),
                List.of(
                        picture(name + "-narrow", drawing.of(Scheme.LIGHT, true), NARROW_WIDTH, height),
                        picture(name + "-narrow-dark", drawing.of(Scheme.DARK, true), NARROW_WIDTH, height)),
                description,
                caption);
    }

    private static XYChart xy(
            String xTitle, String yTitle, List<Curve> curves, boolean markers, Scheme scheme, boolean narrow) {
        XYChart chart = new XYChart(WIDTH, HEIGHT);
        chart.setXAxisTitle(xTitle);
        chart.setYAxisTitle(yTitle);
        style(chart.getStyler(), scheme, curves.stream().map(Curve::name).toList(), narrow);
        chart.getStyler().setMarkerSize(6);
        chart.getStyler().setXAxisMin(0.0);
        chart.getStyler().setXAxisTickMarkSpacingHint(90);
        Set<String> taken = new TreeSet<>();
        for (int i = 0; i < curves.size(); i++) {
            Curve curve = curves.get(i);
            XYSeries series = chart.addSeries(unique(curve.name(), taken), curve.x(), curve.y());
            series.setLineColor(scheme.series[i % scheme.series.length]);
            series.setLineStyle(STROKES[i / scheme.series.length % STROKES.length]);
            series.setMarkerColor(scheme.series[i % scheme.series.length]);
            series.setMarker(markers ? MARKERS[i % MARKERS.length] : SeriesMarkers.NONE);
            if (!markers) {
                series.setLineStyle(STROKES[i % STROKES.length]);
            }
        }
        return chart;
    }

    /**
     * Shares of equal bins between 0 and 1, side by side.
     *
     * @param names one a list of values
     * @param values each between 0 and 1
     * @see #curves
     */
    static Page.Chart histogram(
            String name,
            String xTitle,
            List<String> names,
            List<List<Integer>> counts,
            String description,
            String caption) {
        int bins = counts.get(0).size();
        List<String> labels = new ArrayList<>();
        for (int bin = 0; bin < bins; bin++) {
            labels.add(String.format(Locale.ROOT, "%.2f", (double) bin / bins));
        }
        List<double[]> shares = counts.stream().map(Charts::percent).toList();
        return chart(
                name,
                names.size(),
                (scheme, narrow) -> bars(xTitle, names, labels, shares, scheme, narrow),
                description,
                caption);
    }

    private static double[] percent(List<Integer> counts) {
        double all = counts.stream().mapToInt(Integer::intValue).sum();
        return counts.stream().mapToDouble(count -> 100 * count / all).toArray();
    }

    private static CategoryChart bars(
            String xTitle,
            List<String> names,
            List<String> labels,
            List<double[]> shares,
            Scheme scheme,
            boolean narrow) {
        CategoryChart chart = new CategoryChart(WIDTH, HEIGHT);
        chart.setXAxisTitle(xTitle);
        chart.setYAxisTitle("percent of queries");
        style(chart.getStyler(), scheme, names, narrow);
        chart.getStyler().setXAxisMaxLabelCount(narrow ? 5 : 10);
        chart.getStyler().setAvailableSpaceFill(0.85);
        Set<String> taken = new TreeSet<>();
        for (int i = 0; i < names.size(); i++) {
            List<Double> heights = Arrays.stream(shares.get(i)).boxed().toList();
            chart.addSeries(unique(names.get(i), taken), labels, heights)
                    .setFillColor(scheme.series[i % scheme.series.length]);
        }
        return chart;
    }

    private static String unique(String name, Set<String> taken) {
        String unique = name;
        for (int i = 2; !taken.add(unique); i++) {
            unique = name + " (" + i + ")";
        }
        return unique;
    }

    private static void style(AxesChartStyler style, Scheme scheme, List<String> names, boolean narrow) {
        Font font = new Font(Font.SANS_SERIF, Font.PLAIN, 12);
        style.setChartBackgroundColor(scheme.paper);
        style.setChartFontColor(scheme.ink);
        style.setChartTitleVisible(false);
        style.setPlotBackgroundColor(scheme.paper);
        style.setPlotBorderVisible(false);
        style.setLegendVisible(names.size() > 1);
        style.setLegendBackgroundColor(scheme.paper);
        style.setLegendBorderColor(scheme.paper);
        boolean fits = names.stream().mapToInt(name -> name.length() + ENTRY).sum() <= LINE;
        style.setLegendPosition(fits || narrow ? LegendPosition.OutsideS : LegendPosition.OutsideE);
        style.setLegendLayout(fits && !narrow ? LegendLayout.Horizontal : LegendLayout.Vertical);
        style.setLegendFont(font);
        style.setBaseFont(font);
        style.setAxisTitleFont(font);
        style.setAxisTickLabelsFont(font);
        style.setAxisTickLabelsColor(scheme.quiet);
        style.setXAxisTitleColor(scheme.quiet);
        style.setYAxisTitleColor(scheme.quiet);
        style.setAxisTickMarksColor(scheme.grid);
        style.setPlotGridVerticalLinesVisible(false);
        style.setPlotGridLinesColor(scheme.grid);
        style.setPlotGridLinesStroke(new BasicStroke(1));
        style.setAntiAlias(true);
        style.setLocale(Locale.ROOT);
        style.setXAxisDecimalPattern("#,##0.##");
        style.setYAxisDecimalPattern("#,##0.##");
    }

    private static PageImage picture(String name, Chart<?, ?> chart, int width, int height) {
        BufferedImage image = new BufferedImage(width * SCALE, height * SCALE, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = image.createGraphics();
        try {
            graphics.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
            graphics.scale(SCALE, SCALE);
            chart.paint(graphics, width, height);
        } finally {
            graphics.dispose();
        }
        return new PageImage(name + ".png", width, height, Photos.png(image));
    }

    private static BasicStroke stroke(float width, float... dashes) {
        return new BasicStroke(
                width, BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND, 1, dashes.length == 0 ? null : dashes, 0);
    }
}
