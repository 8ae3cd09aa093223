package org.rafclip.search.serve;

import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.DoubleSupplier;

/** Counts of requests and how long they took, with whatever else is to be watched, in Prometheus's text format. */
final class Metrics {

    /** The format's version that {@link #text} writes. */
    static final String CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

    private static final Set<String> METHODS = Set.of("GET", "HEAD", "POST");

    private static final double[] SECONDS = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};

    private final Map<String, LongAdder> requests = new ConcurrentHashMap<>();
    private final Map<String, Durations> durations = new ConcurrentHashMap<>();
    private final Map<String, Gauge> gauges = new TreeMap<>();

    private record Gauge(String help, DoubleSupplier value) {}

    private static final class Durations {
        private final LongAdder[] within = new LongAdder[SECONDS.length + 1];
        private final LongAdder nanos = new LongAdder();

        private Durations() {
            for (int i = 0; i < within.length; i++) {
                within[i] = new LongAdder();
            }
        }
    }

    /** A value that is asked for when the metrics are read. */
    Metrics watch(String name, String help, DoubleSupplier value) {
        gauges.put(name, new Gauge(help, value));
        return this;
    }

    /** A method as a label: strangers make up methods, which make no series of their own. */
    static String method(String name) {
        return METHODS.contains(name) ? name : "other";
    }

    /** @param route the path's pattern, so that ids make no series of their own */
    void count(String method, String route, int status, double seconds) {
        requests.computeIfAbsent(
                        "method=\"" + method + "\",route=\"" + route + "\",status=\"" + status + "\"",
                        labels -> new LongAdder())
                .increment();
        Durations known = durations.computeIfAbsent("route=\"" + route + "\"", labels -> new Durations());
        int bucket = 0;
        while (bucket < SECONDS.length && seconds > SECONDS[bucket]) {
            bucket++;
        }
        known.within[bucket].increment();
        known.nanos.add((long) (seconds * 1e9));
    }

    String text() {
        StringBuilder text = new StringBuilder();
        head(text, "rafclip_requests_total", "counter", "Requests answered.");
        new TreeMap<>(requests).forEach((labels, count) -> line(text, "rafclip_requests_total", labels, count.sum()));
        head(text, "rafclip_request_seconds", "histogram", "From a request's first line to its answer.");
        new TreeMap<>(durations).forEach((labels, known) -> {
            long sum = 0;
            for (int i = 0; i < known.within.length; i++) {
                sum += known.within[i].sum();
                String most = i < SECONDS.length ? Double.toString(SECONDS[i]) : "+Inf";
                line(text, "rafclip_request_seconds_bucket", labels + ",le=\"" + most + "\"", sum);
            }
            line(text, "rafclip_request_seconds_sum", labels, known.nanos.sum() / 1e9);
            line(text, "rafclip_request_seconds_count", labels, sum);
        });
        gauges.forEach((name, gauge) -> {
            head(text, name, "gauge", gauge.help());
            line(text, name, "", gauge.value().getAsDouble());
        });
        return text.toString();
    }

    private static void head(StringBuilder text, String name, String type, String help) {
        text.append("# HELP ").append(name).append(' ').append(help).append('\n');
        text.append("# TYPE ").append(name).append(' ').append(type).append('\n');
    }

    private static void line(StringBuilder text, String name, String labels, double value) {
        text.append(name);
        if (!labels.isEmpty()) {
            text.append('{').append(labels).append('}');
        }
        text.append(' ').append(number(value)).append('\n');
    }

    private static String number(double value) {
        return value == Math.rint(value) && Math.abs(value) < 1e15
                ? Long.toString((long) value)
                : String.format(Locale.ROOT, "%.6f", value);
    }
}
