package org.rafclip.sweep;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.knowm.xchart.AnnotationText;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.XYSeries.XYSeriesRenderStyle;
import org.knowm.xchart.style.XYStyler;
import org.knowm.xchart.style.markers.SeriesMarkers;
import org.rafclip.io.AtomicFiles;

/** A sweep's scores as pictures: over each key, and all keys side by side. */
final class SweepPictures {

    private static final int SCALE = 2;
    private static final int SMALL_WIDTH = 340;
    private static final int SMALL_HEIGHT = 260;
    private static final int HEIGHT = 420;
    private static final int BESIDE = 3;
    private static final Font FONT = new Font(Font.SANS_SERIF, Font.PLAIN, 11);
    private static final Color INK = new Color(0x333333);
    private static final Color GRID = new Color(0xdddddd);
    private static final Color WORST = new Color(0xb9c4d0);
    private static final BasicStroke DASHES =
            new BasicStroke(1.2f, BasicStroke.CAP_BUTT, BasicStroke.JOIN_ROUND, 1, new float[] {4, 4}, 0);
    private static final Color FAILED = new Color(0x8a6fa8);
    private static final Color BEST = new Color(0xc4410c);

    private final SweepConfig config;
    private final List<SweepResult.Row> scored;
    private final List<SweepResult.Row> failed;
    private final Map<String, String> names;

    /** @param result with at least one score */
    SweepPictures(SweepConfig config, SweepResult result) {
        this.config = config;
        this.scored = result.scored();
        this.failed =
                result.trials().stream().filter(row -> row.score() == null).toList();
        this.names = SweepResult.shortNames(List.copyOf(config.spaces().keySet()));
    }

    /** One plot a key: the score over the values. */
    void writeScatter(Path file) throws IOException {
        List<String> keys = List.copyOf(config.spaces().keySet());
        int columns = Math.min(BESIDE, keys.size());
        int rows = (keys.size() + columns - 1) / columns;
        BufferedImage image = image(columns * SMALL_WIDTH, rows * SMALL_HEIGHT);
        for (int i = 0; i < keys.size(); i++) {
            paint(image, scatter(keys.get(i)), i % columns * SMALL_WIDTH, i / columns * SMALL_HEIGHT);
        }
        write(image, file);
    }

    private XYChart scatter(String key) {
        SweepConfig.Space space = config.spaces().get(key);
        XYChart chart = new XYChart(SMALL_WIDTH, SMALL_HEIGHT);
        chart.setXAxisTitle(names.get(key));
        chart.setYAxisTitle(shortMetric());
        XYStyler style = style(chart);
        style.setDefaultSeriesRenderStyle(XYSeriesRenderStyle.Scatter);
        style.setMarkerSize(7);
        style.setYAxisDecimalPattern("0.###");
        double low = scored.stream().mapToDouble(SweepResult.Row::score).min().orElseThrow();
        double high = scored.stream().mapToDouble(SweepResult.Row::score).max().orElseThrow();
        double margin = high > low ? 0.08 * (high - low) : 0.01 + 0.08 * Math.abs(high);
        boolean choices = config.spaces().values().stream().anyMatch(one -> one.choice() != null);
        style.setYAxisMin(low - (choices ? 3 : 1) * margin);
        style.setYAxisMax(high + margin);
        if (space.choice() != null) {
            style.setXAxisMin(-0.5);
            style.setXAxisMax(space.choice().size() - 0.5);
            style.setXAxisTicksVisible(false);
            style.setPlotGridVerticalLinesVisible(false);
            for (int i = 0; i < space.choice().size(); i++) {
                label(chart, SweepResult.text(space.choice().get(i)), i, low - 2.4 * margin);
            }
        } else {
            style.setXAxisLogarithmic(space.logUniform() != null);
            style.setXAxisMin(range(space)[0]);
            style.setXAxisMax(range(space)[1]);
            style.setXAxisMaxLabelCount(5);
            style.setXAxisTickLabelsFormattingFunction(SweepResult::text);
        }
        for (int i = scored.size() - 1; i >= 0; i--) {
            SweepResult.Row row = scored.get(i);
            XYSeries point = chart.addSeries(
                    "trial " + row.number(), new double[] {place(key, row)}, new double[] {row.score()});
            point.setMarker(SeriesMarkers.CIRCLE);
            point.setMarkerColor(color(i));
        }
        return chart;
    }

    /** Where a trial's value stands on the scatter's axis; a choice's places are its indices. */
    private double place(String key, SweepResult.Row row) {
        SweepConfig.Space space = config.spaces().get(key);
        Object value = row.values().get(key);
        return space.choice() != null ? space.choice().indexOf(value) : ((Number) value).doubleValue();
    }

    private static double[] range(SweepConfig.Space space) {
        List<? extends Number> range = space.logUniform() != null
                ? space.logUniform()
                : space.uniform() != null ? space.uniform() : space.integer();
        return new double[] {range.get(0).doubleValue(), range.get(1).doubleValue()};
    }

    /** Parallel coordinates: an axis a key and one for the score, a line a trial; those that failed end before the score. */
    void writeParallel(Path file) throws IOException {
        List<String> keys = List.copyOf(config.spaces().keySet());
        int width = Math.max(480, 150 * (keys.size() + 1));
        XYChart chart = new XYChart(width, HEIGHT);
        XYStyler style = style(chart);
        style.setDefaultSeriesRenderStyle(XYSeriesRenderStyle.Line);
        style.setAxisTicksVisible(false);
        style.setPlotGridLinesVisible(false);
        style.setChartTitleVisible(true);
        style.setChartTitleBoxVisible(false);
        style.setChartTitleFont(FONT);
        chart.setTitle(String.format(
                Locale.ROOT,
                "%d trials; the thick line is the best, trial %d%s",
                scored.size() + failed.size(),
                scored.get(0).number(),
                failed.isEmpty() ? "" : "; " + failed.size() + " failed: dashed, without a score"));
        style.setXAxisMin(-0.35);
        style.setXAxisMax(keys.size() + 0.35);
        style.setYAxisMin(-0.16);
        style.setYAxisMax(1.1);
        double low = scored.stream().mapToDouble(SweepResult.Row::score).min().orElseThrow();
        double high = scored.stream().mapToDouble(SweepResult.Row::score).max().orElseThrow();
        for (int axis = 0; axis <= keys.size(); axis++) {
            XYSeries line = chart.addSeries("axis " + axis, new double[] {axis, axis}, new double[] {0, 1});
            line.setMarker(SeriesMarkers.NONE);
            line.setLineColor(INK);
            line.setLineStyle(new BasicStroke(1));
        }
        for (SweepResult.Row row : failed) {
            line(chart, row, heights(row), FAILED, DASHES);
        }
        for (int i = scored.size() - 1; i >= 0; i--) {
            SweepResult.Row row = scored.get(i);
            double[] heights = heights(row);
            double[] y = Arrays.copyOf(heights, heights.length + 1);
            y[heights.length] = high > low ? (row.score() - low) / (high - low) : 0.5;
            line(chart, row, y, color(i), new BasicStroke(i == 0 ? 3 : 1.4f));
        }
        for (int axis = 0; axis < keys.size(); axis++) {
            label(chart, names.get(keys.get(axis)), axis, -0.12);
            SweepConfig.Space space = config.spaces().get(keys.get(axis));
            if (space.choice() != null) {
                for (Object choice : space.choice()) {
                    double height = height(space, choice);
                    label(chart, SweepResult.text(choice), axis, height == 0 ? -0.04 : height + 0.04);
                }
            } else {
                boolean whole = space.integer() != null;
                label(chart, end(range(space)[0], whole), axis, -0.04);
                label(chart, end(range(space)[1], whole), axis, 1.04);
            }
        }
        label(chart, shortMetric(), keys.size(), -0.12);
        label(chart, String.format(Locale.ROOT, "%.4f", low), keys.size(), -0.04);
        label(chart, String.format(Locale.ROOT, "%.4f", high), keys.size(), 1.04);
        BufferedImage image = image(width, HEIGHT);
        paint(image, chart, 0, 0);
        write(image, file);
    }

    /** Where a trial's values stand on the keys' axes. */
    private double[] heights(SweepResult.Row row) {
        return config.spaces().entrySet().stream()
                .mapToDouble(space -> height(space.getValue(), row.values().get(space.getKey())))
                .toArray();
    }

    private static void line(XYChart chart, SweepResult.Row row, double[] y, Color color, BasicStroke stroke) {
        XYSeries line = chart.addSeries(
                "trial " + row.number(),
                IntStream.range(0, y.length).asDoubleStream().toArray(),
                y);
        line.setMarker(SeriesMarkers.NONE);
        line.setLineColor(color);
        line.setLineStyle(stroke);
    }

    private static String end(double value, boolean whole) {
        return whole ? Long.toString(Math.round(value)) : SweepResult.text(value);
    }

    private static void label(XYChart chart, String text, double x, double y) {
        chart.addAnnotation(new AnnotationText(text, x, y, false));
    }

    /** A value's place on its axis, 0 to 1; for a range the share of draws that lie below. */
    static double height(SweepConfig.Space space, Object value) {
        if (space.choice() != null) {
            return space.choice().indexOf(value) / (space.choice().size() - 1.0);
        }
        double[] range = range(space);
        double number = ((Number) value).doubleValue();
        return space.logUniform() != null
                ? Math.log(number / range[0]) / Math.log(range[1] / range[0])
                : (number - range[0]) / (range[1] - range[0]);
    }

    /** @param rank from 0, the best */
    private Color color(int rank) {
        double good = scored.size() < 2 ? 1 : 1 - rank / (scored.size() - 1.0);
        return new Color(
                mix(WORST.getRed(), BEST.getRed(), good),
                mix(WORST.getGreen(), BEST.getGreen(), good),
                mix(WORST.getBlue(), BEST.getBlue(), good));
    }

    private static int mix(int from, int to, double share) {
        return (int) Math.round(from + (to - from) * share);
    }

    private String shortMetric() {
        return config.metric().substring(config.metric().lastIndexOf('/') + 1);
    }

    private static XYStyler style(XYChart chart) {
        XYStyler style = chart.getStyler();
        style.setChartBackgroundColor(Color.WHITE);
        style.setPlotBackgroundColor(Color.WHITE);
        style.setPlotBorderVisible(false);
        style.setPlotGridLinesColor(GRID);
        style.setPlotGridLinesStroke(new BasicStroke(1));
        style.setChartTitleVisible(false);
        style.setLegendVisible(false);
        style.setChartFontColor(INK);
        style.setAxisTitleFont(FONT);
        style.setAxisTickLabelsFont(FONT);
        style.setAnnotationTextFont(FONT);
        style.setAnnotationTextFontColor(INK);
        style.setLocale(Locale.ROOT);
        return style;
    }

    private static BufferedImage image(int width, int height) {
        BufferedImage image = new BufferedImage(width * SCALE, height * SCALE, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = image.createGraphics();
        graphics.setColor(Color.WHITE);
        graphics.fillRect(0, 0, image.getWidth(), image.getHeight());
        graphics.dispose();
        return image;
    }

    private static void paint(BufferedImage image, XYChart chart, int x, int y) {
        Graphics2D graphics = image.createGraphics();
        try {
            graphics.scale(SCALE, SCALE);
            graphics.translate(x, y);
            chart.paint(graphics, chart.getWidth(), chart.getHeight());
        } finally {
            graphics.dispose();
        }
    }

    private static void write(BufferedImage image, Path file) throws IOException {
        ByteArrayOutputStream png = new ByteArrayOutputStream();
        ImageIO.write(image, "png", png);
        ByteBuffer bytes = ByteBuffer.wrap(png.toByteArray());
        AtomicFiles.write(file, channel -> {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        });
    }
}
