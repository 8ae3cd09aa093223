package org.rafclip.search.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.awt.Color;
import java.io.IOException;
import java.net.ConnectException;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.search.WordVectors;
import org.rafclip.search.index.PhotoIndex;
import org.rafclip.search.query.Searcher;
import org.rafclip.search.serve.SearchServer.Limits;
import org.rafclip.search.serve.SearchServer.Settings;

/** More than a server can take, and what becomes of it. {@code bench serve} does the same for longer, with a model. */
class LoadTest {

    private static final int WORKING = 4;
    private static final int WAITING = 8;
    /** Fewer than are taken: an answer can be there before its thread has taken up the next question. */
    private static final int CLIENTS = 8;

    private static final int THINKING_MILLIS = 5;

    @TempDir
    static Path dir;

    private static PhotoIndex index;

    @BeforeAll
    static void open() throws IOException {
        index = Shop.in(dir, 30);
    }

    @AfterAll
    static void close() {
        index.close();
    }

    private static SearchServer server(int millis, Limits limits) {
        return SearchServer.start(
                new Searcher(WordVectors.model().thinking(millis), index),
                Settings.local("shop", 0).withLimits(limits));
    }

    private static String question(int number) {
        return "{\"parts\": [{\"text\": \"red dress " + number + "\"}], \"limit\": 5}";
    }

    @Test
    void tooManyAreRefusedAndTheRestIsServedAsBefore() {
        try (SearchServer server =
                server(THINKING_MILLIS, Limits.DEFAULT.withWorking(WORKING).withWaiting(WAITING))) {
            Load load = new Load(server.address(), Optional.empty(), LoadTest::question);
            load.run(WORKING, Duration.ofSeconds(1));

            Load.Result before = load.run(CLIENTS, Duration.ofSeconds(2));
            assertThat(before.faults()).as(before.toString()).isZero();
            assertThat(before.refused()).as(before.toString()).isZero();
            assertThat(before.answered()).isGreaterThan(50);

            Load.Result over = load.run(10 * CLIENTS, Duration.ofSeconds(2));
            assertThat(over.faults()).as(over.toString()).isZero();
            assertThat(over.refused()).as(over.toString()).isGreaterThan(50);
            assertThat(over.answered()).as(over.toString()).isGreaterThan(50);

            Load.Result after = load.run(CLIENTS, Duration.ofSeconds(2));
            assertThat(after.faults() + after.refused()).as(after.toString()).isZero();
            // the processor is shared by whatever else runs: not the last millisecond
            assertThat(after.p50()).as(before + " " + after).isLessThan(3 * before.p50() + 50);
        }
    }

    @Test
    void whoWaitsTooLongIsToldSo() throws Exception {
        Limits limits = Limits.DEFAULT.withWorking(1).withWaiting(4).withAnswer(Duration.ofSeconds(1));
        try (SearchServer server = server(1500, limits)) {
            Client client = new Client(server.address());
            HttpResponse<byte[]> late = client.post("/api/search", question(0));
            assertThat(late.statusCode()).isEqualTo(503);
            assertThat(Client.json(late).path("error").asText()).contains("1 s");
            // found in the meantime
            Thread.sleep(1000);
            assertThat(client.post("/api/search", question(0)).statusCode()).isEqualTo(200);
        }
    }

    @Test
    void whoDoesNotFinishSendingIsLetGo() throws Exception {
        byte[] photo = Shop.picture(20, 20, Color.RED, "png");
        try (SearchServer server = server(0, Limits.DEFAULT.withSending(Duration.ofSeconds(3)))) {
            List<Socket> stalled = new ArrayList<>();
            try {
                for (int i = 0; i < 8; i++) {
                    Socket socket = new Socket(
                            server.address().getHost(), server.address().getPort());
                    socket.getOutputStream()
                            .write(("POST /api/uploads HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
                                            + "Content-Length: 1000\r\n\r\nx")
                                    .getBytes(StandardCharsets.US_ASCII));
                    stalled.add(socket);
                }
                Thread.sleep(500);
                Client client = new Client(server.address());
                assertThat(client.upload("image/png", photo).statusCode()).isEqualTo(503);
                Thread.sleep(4000);
                assertThat(client.upload("image/png", photo).statusCode()).isEqualTo(201);
            } finally {
                for (Socket socket : stalled) {
                    socket.close();
                }
            }
        }
    }

    @Test
    void whatWasAskedIsAnsweredBeforeItStops() throws Exception {
        SearchServer server = server(1000, Limits.DEFAULT);
        Client client = new Client(server.address());
        client.get("/healthz");
        CompletableFuture<Integer> asked = CompletableFuture.supplyAsync(() -> {
            try {
                return client.post("/api/search", question(0)).statusCode();
            } catch (IOException | InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        Thread.sleep(400);
        server.close();
        assertThat(asked.get(5, TimeUnit.SECONDS)).isEqualTo(200);
        assertThatThrownBy(() -> client.get("/healthz")).isInstanceOf(ConnectException.class);
    }
}
