package org.rafclip.search.serve;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntFunction;

/** Clients that ask a server one question after the other, all at once, to see what it bears. */
public final class Load {

    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final int OK = 200;
    private static final int EXAMPLES = 3;

    private final URI server;
    private final Optional<String> token;
    private final IntFunction<String> questions;
    private final HttpClient http = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(Duration.ofSeconds(30))
            .build();
    private final AtomicInteger asked = new AtomicInteger();

    /**
     * What happened.
     *
     * @param seconds it took
     * @param answered questions
     * @param refused by 503 with Retry-After, which the client then waited for
     * @param faults everything else: other refusals, broken connections
     * @param examples what some of them were
     * @param p50 milliseconds in which half of the answers came; NaN where none did
     * @param p99 milliseconds in which 99 of 100 came
     * @param refusedP99 milliseconds in which 99 of 100 refusals came
     */
    public record Result(
            int clients,
            double seconds,
            int answered,
            int refused,
            int faults,
            List<String> examples,
            double p50,
            double p99,
            double refusedP99) {}

    /**
     * @param token the server's, empty where it demands none
     * @param questions bodies of {@code /api/search}, by number; each is asked once
     */
    public Load(URI server, Optional<String> token, IntFunction<String> questions) {
        this.server = server;
        this.token = token;
        this.questions = questions;
    }

    /** A run's tally. */
    private static final class Tally {
        private final ConcurrentLinkedQueue<Double> answers = new ConcurrentLinkedQueue<>();
        private final ConcurrentLinkedQueue<Double> refusals = new ConcurrentLinkedQueue<>();
        private final ConcurrentLinkedQueue<String> faults = new ConcurrentLinkedQueue<>();
    }

    /** Lets clients ask for a while; what was asked by then is still waited for. */
    public Result run(int clients, Duration time) {
        Tally tally = new Tally();
        long begin = System.nanoTime();
        long end = begin + time.toNanos();
        List<CompletableFuture<Void>> all = new ArrayList<>();
        for (int i = 0; i < clients; i++) {
            all.add(ask(end, tally));
        }
        all.forEach(CompletableFuture::join);
        double[] answers = sorted(tally.answers);
        return new Result(
                clients,
                (System.nanoTime() - begin) / 1e9,
                answers.length,
                tally.refusals.size(),
                tally.faults.size(),
                tally.faults.stream().distinct().limit(EXAMPLES).toList(),
                quantile(answers, 0.5),
                quantile(answers, 0.99),
                quantile(sorted(tally.refusals), 0.99));
    }

    private CompletableFuture<Void> ask(long end, Tally tally) {
        if (System.nanoTime() >= end) {
            return CompletableFuture.completedFuture(null);
        }
        HttpRequest.Builder request = HttpRequest.newBuilder(server.resolve("/api/search"))
                .timeout(PATIENCE)
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString(questions.apply(asked.getAndIncrement())));
        token.ifPresent(some -> request.header("Authorization", "Bearer " + some));
        long sent = System.nanoTime();
        return http.sendAsync(request.build(), BodyHandlers.ofString())
                .handle((response, failure) -> {
                    double millis = (System.nanoTime() - sent) / 1e6;
                    if (failure != null) {
                        tally.faults.add(failure.toString());
                        return 1;
                    }
                    return tell(response, millis, tally);
                })
                .thenCompose(pause -> CompletableFuture.supplyAsync(
                                () -> null, CompletableFuture.delayedExecutor(pause, TimeUnit.SECONDS))
                        .thenCompose(nothing -> ask(end, tally)));
    }

    /** Seconds to wait before the next question. */
    private static int tell(HttpResponse<String> response, double millis, Tally tally) {
        Optional<String> later = response.headers().firstValue("Retry-After");
        if (response.statusCode() == OK) {
            tally.answers.add(millis);
            return 0;
        } else if (response.statusCode() == ApiException.BUSY && later.isPresent()) {
            tally.refusals.add(millis);
            return Integer.parseInt(later.get());
        }
        tally.faults.add(response.statusCode() + " " + response.body());
        return 1;
    }

    private static double[] sorted(ConcurrentLinkedQueue<Double> millis) {
        double[] sorted = millis.stream().mapToDouble(Double::doubleValue).toArray();
        Arrays.sort(sorted);
        return sorted;
    }

    private static double quantile(double[] sorted, double share) {
        return sorted.length == 0
                ? Double.NaN
                : sorted[Math.min(sorted.length - 1, (int) Math.ceil(share * sorted.length) - 1)];
    }
}
