package org.rafclip.cluster.opensearch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.search.index.Entry;

/** A server that takes what the test lets it take. */
class BulkTest {

    /** An answer: its status, and of a bulk request each item's. */
    private record Reply(int status, List<Integer> items, String reason) {

        static Reply of(Integer... items) {
            return new Reply(200, List.of(items), "rejected execution");
        }

        String json() {
            return status != 200
                    ? "{\"error\": {\"reason\": \"" + reason + "\"}}"
                    : items.stream()
                            .map(item -> "{\"index\": {\"status\": " + item
                                    + (item < 300 ? "}}" : ", \"error\": {\"reason\": \"" + reason + "\"}}}"))
                            .collect(Collectors.joining(", ", "{\"items\": [", "]}"));
        }
    }

    private final List<List<String>> asked = Collections.synchronizedList(new ArrayList<>());
    private HttpServer server;
    private Function<Integer, Reply> replies;

    @BeforeEach
    void serve() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> {
            String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
            asked.add(ids(body));
            Reply reply = replies.apply(asked.size() - 1);
            byte[] json = reply.json().getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(reply.status(), json.length);
            exchange.getResponseBody().write(json);
            exchange.close();
        });
        server.start();
    }

    @AfterEach
    void stop() {
        server.stop(0);
    }

    private static List<String> ids(String lines) throws IOException {
        List<String> ids = new ArrayList<>();
        List<String> all = Arrays.asList(lines.split("\n"));
        for (int i = 1; i < all.size(); i += 2) {
            ids.add(Cluster.JSON.readTree(all.get(i)).path("id").asText());
        }
        return ids;
    }

    private Cluster cluster() {
        String place = "opensearch:http://127.0.0.1:" + server.getAddress().getPort() + "/shop";
        return new Cluster(Address.parse(place, Map.of()), Duration.ofMillis(300));
    }

    private void write(int entries) {
        try (Bulk bulk =
                new Bulk(cluster(), "shop-1", false, TimeUnit.MILLISECONDS.toNanos(300), Progress.NONE, entries)) {
            IntStream.range(0, entries)
                    .forEach(i -> bulk.add(new Entry(
                            "id" + i, "a.jpg", "0", Optional.empty(), Map.of(), new float[] {1, 0}, new byte[0])));
            bulk.finish();
        }
    }

    @Test
    void whatThereWasNoRoomForIsSentAgainAndNothingElse() {
        replies = n -> List.of(Reply.of(201, 429, 201, 503), Reply.of(429, 201), Reply.of(201))
                .get(n);
        write(4);
        assertThat(asked).containsExactly(List.of("id0", "id1", "id2", "id3"), List.of("id1", "id3"), List.of("id1"));
    }

    @Test
    void aServerThatHasTooMuchToDoIsAskedAgain() {
        replies = n -> n < 2 ? new Reply(n == 0 ? 429 : 503, List.of(), "too many requests") : Reply.of(201);
        write(1);
        assertThat(asked).hasSize(3);
    }

    @Test
    void patienceEndsInOneLine() {
        replies = n -> new Reply(503, List.of(), "no cluster manager");
        assertThatThrownBy(() -> write(1))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("503 no cluster manager")
                .hasMessageContaining("do the same again");
        replies = n -> Reply.of(429);
        assertThatThrownBy(() -> write(1))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("took no more garments")
                .hasMessageContaining("rejected execution");
    }

    @Test
    void whatWaitingDoesNotMendIsSaidAtOnce() {
        replies = n -> new Reply(200, List.of(201, 400), "failed to parse");
        assertThatThrownBy(() -> write(2))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("'id1' is refused (400 failed to parse)");
        replies = n -> new Reply(200, List.of(429), "disk usage exceeded flood-stage watermark");
        assertThatThrownBy(() -> write(1)).isInstanceOf(DataException.class).hasMessageContaining("disks are full");
        assertThat(asked).hasSize(2);
    }

    @Test
    void aWrongPasswordIsSaidInOneLine() {
        replies = n -> new Reply(401, List.of(), "Unauthorized");
        String place = "127.0.0.1:" + server.getAddress().getPort() + "/shop";
        Cluster ann = new Cluster(Address.parse("opensearch:http://ann:wrong@" + place, Map.of()));
        assertThatThrownBy(ann::meet)
                .isInstanceOf(DataException.class)
                .hasMessage("opensearch:http://" + place + ": the user 'ann' is refused, or the password is.");
        Cluster nobody = new Cluster(Address.parse("opensearch:http://" + place, Map.of()));
        assertThatThrownBy(nobody::meet)
                .isInstanceOf(DataException.class)
                .hasMessageContaining("asks who you are")
                .hasMessageContaining("OPENSEARCH_PASSWORD");
    }

    @Test
    void aWrongHostIsSaidAtOnce() {
        server.stop(0);
        assertThatThrownBy(cluster()::meet)
                .isInstanceOf(DataException.class)
                .hasMessageContaining("nobody answers there");
        Cluster unknown = new Cluster(Address.parse("opensearch:http://no-such-host.invalid:9200/shop", Map.of()));
        assertThatThrownBy(unknown::meet)
                .isInstanceOf(DataException.class)
                .hasMessageContaining("there is no such host");
    }

    @Test
    void whoSaysNothingIsNotWaitedFor() throws IOException {
        try (ServerSocket silent = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            String place = "opensearch:http://127.0.0.1:" + silent.getLocalPort() + "/shop";
            Cluster cluster = new Cluster(Address.parse(place, Map.of()), Duration.ofMillis(300));
            assertThatThrownBy(cluster::meet)
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining(place + ": somebody is there, but gives no answer");
        }
    }
}
