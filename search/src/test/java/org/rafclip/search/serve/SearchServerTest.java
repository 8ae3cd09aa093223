package org.rafclip.search.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.awt.Color;
import java.awt.image.BufferedImage;
import java.awt.image.DataBufferByte;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.StreamSupport;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.DataException;
import org.rafclip.search.WordVectors;
import org.rafclip.search.index.PhotoIndex;
import org.rafclip.search.query.Searcher;
import org.rafclip.search.serve.SearchServer.Settings;

/** The API by a real client; {@link Client} holds every answer against openapi.json. */
class SearchServerTest {

    private static final int PHOTOS = 30;

    @TempDir
    static Path dir;

    private static PhotoIndex index;
    private static Searcher searcher;
    private static SearchServer server;
    private static Client client;

    @BeforeAll
    static void start() throws IOException {
        index = Shop.in(dir, PHOTOS);
        searcher = new Searcher(WordVectors.model(), index);
        server = SearchServer.start(searcher, Settings.local("shop", 0));
        client = new Client(server.address());
    }

    @AfterAll
    static void stop() {
        server.close();
        index.close();
    }

    private static JsonNode ok(HttpResponse<byte[]> response) throws IOException {
        assertThat(response.statusCode())
                .as(new String(response.body(), StandardCharsets.UTF_8))
                .isBetween(200, 299);
        return Client.json(response);
    }

    private static List<String> ids(JsonNode answer) {
        return StreamSupport.stream(answer.path("hits").spliterator(), false)
                .map(hit -> hit.path("id").asText())
                .toList();
    }

    private static void assertRefused(HttpResponse<byte[]> response, int status, String field, String... words)
            throws IOException {
        JsonNode error = Client.json(response);
        assertThat(response.statusCode()).as(error.toString()).isEqualTo(status);
        assertThat(error.path("field").asText(null)).isEqualTo(field);
        assertThat(error.path("error").asText()).contains(words.length == 0 ? new String[] {" "} : words);
    }

    @Test
    void theIndexIntroducesItself() throws Exception {
        JsonNode info = ok(client.get("/api/index"));
        assertThat(info.path("name").asText()).isEqualTo("shop");
        assertThat(info.path("model").asText()).isEqualTo("fake");
        assertThat(info.path("composer").asText()).isEqualTo("sum of words");
        assertThat(info.path("photos").asInt()).isEqualTo(PHOTOS);
        assertThat(info.path("facets").path(1).path("name").asText()).isEqualTo("color");
        assertThat(info.path("facets")
                        .path(1)
                        .path("words")
                        .path(0)
                        .path("count")
                        .asInt())
                .isEqualTo(10);
        Set<String> examples = new TreeSet<>();
        info.path("examples").forEach(id -> examples.add(id.asText()));
        assertThat(examples).hasSize(12);
        assertThat(info.path("suggestions")).isNotEmpty();
        for (JsonNode text : info.path("suggestions")) {
            JsonNode answer = ok(
                    client.post("/api/search", "{\"parts\": [{\"text\": \"" + text.asText() + "\"}], \"limit\": 1}"));
            assertThat(answer.path("hits").path(0).path("why"))
                    .as(text.asText())
                    .hasSize(2);
        }
    }

    @Test
    void textsPhotosAndWeightsFind() throws Exception {
        JsonNode red = ok(client.post("/api/search", "{\"parts\": [{\"text\": \"red dress\"}], \"limit\": 5}"));
        assertThat(red.path("hits"))
                .hasSize(5)
                .allSatisfy(hit -> assertThat(hit.path("why").toString()).contains("red", "dress"));
        assertThat(red.path("total").asInt()).isEqualTo(PHOTOS);
        assertThat(red.path("facets")).hasSize(2);

        JsonNode like = ok(client.post(
                "/api/search",
                "{\"parts\": [{\"id\": \"img/12.jpg\"}, {\"text\": \"blue\", \"weight\": -0.5}],"
                        + " \"without\": [\"img/12.jpg\"], \"limit\": 30, \"facets\": false}"));
        assertThat(ids(like)).hasSize(PHOTOS - 1).doesNotContain("img/12.jpg");
        assertThat(like.path("how").asText()).contains("1 photo and 1 text", "negative");
        assertThat(like.path("facets").isNull()).isTrue();

        JsonNode filtered = ok(client.post(
                "/api/search",
                "{\"parts\": [{\"text\": \"red dress\"}], \"filter\": {\"words\": {\"color\": [\"blue\", \"green\"]},"
                        + " \"boxed\": true}, \"limit\": 30}"));
        assertThat(filtered.path("total").asInt()).isEqualTo(10);
        assertThat(filtered.path("hits")).hasSize(10).allSatisfy(hit -> {
            assertThat(hit.path("labels").path("color").path(0).asText()).isIn("blue", "green");
            assertThat(hit.path("box").path("width").asInt()).isEqualTo(36);
            assertThat(hit.path("width").asInt()).isBetween(60, 66);
            assertThat(hit.path("height").asInt()).isEqualTo(80);
        });
        // the facet that is filtered by still counts its other words
        assertThat(filtered.path("facets").path(1).path("words")).hasSize(3);

        List<String> pages = new ArrayList<>();
        for (int offset = 0; offset < PHOTOS; offset += 7) {
            pages.addAll(ids(ok(client.post(
                    "/api/search", "{\"parts\": [{\"text\": \"green\"}], \"offset\": " + offset + ", \"limit\": 7}"))));
        }
        assertThat(pages)
                .isEqualTo(ids(ok(client.post("/api/search", "{\"parts\": [{\"text\": \"green\"}], \"limit\": 30}"))))
                .hasSize(PHOTOS);
    }

    @Test
    void aPhotoOfOnesOwnIsSentAskedChangedAndRecognised() throws Exception {
        for (String format : List.of("png", "jpg", "gif", "bmp")) {
            byte[] photo = Shop.picture(50, 70, Color.BLUE, format);
            HttpResponse<byte[]> sent = client.upload("image/" + (format.equals("jpg") ? "jpeg" : format), photo);
            assertThat(sent.statusCode()).isEqualTo(201);
            JsonNode upload = ok(sent);
            String id = upload.path("id").asText();
            assertThat(upload.path("width").asInt()).isEqualTo(50);
            assertThat(ok(client.upload("image/" + (format.equals("jpg") ? "jpeg" : format), photo))
                            .path("id")
                            .asText())
                    .isEqualTo(id);

            JsonNode blue = ok(client.post("/api/search", "{\"parts\": [{\"id\": \"" + id + "\"}], \"limit\": 3}"));
            assertThat(blue.path("hits"))
                    .allSatisfy(hit -> assertThat(
                                    hit.path("labels").path("color").path(0).asText())
                            .isEqualTo("blue"));
            JsonNode changed = ok(client.post(
                    "/api/search",
                    "{\"parts\": [{\"id\": \"" + id
                            + "\", \"box\": {\"x\": 0, \"y\": 0, \"width\": 9, \"height\": 9}}],"
                            + " \"change\": \"shirt shirt shirt\", \"limit\": 3}"));
            assertThat(changed.path("how").asText()).isEqualTo("sum of words");
            assertThat(changed.path("gates").path("text").asDouble()).isEqualTo(0.75);
            assertThat(changed.path("hits"))
                    .allSatisfy(hit -> assertThat(
                                    hit.path("labels").path("category").path(0).asText())
                            .isEqualTo("shirt"));

            JsonNode seen = ok(client.post("/api/recognise", "{\"id\": \"" + id + "\", \"words\": [\"puff sleeve\"]}"));
            assertThat(seen.path("color").asText()).isEqualTo("blue");
            assertThat(seen.path("groups")
                            .path(1)
                            .path("candidates")
                            .path(0)
                            .path("word")
                            .asText())
                    .isEqualTo("puff sleeve");
            assertThat(ok(client.get("/api/photos/" + Client.encoded(id)))
                            .path("height")
                            .asInt())
                    .isEqualTo(70);
            HttpResponse<byte[]> image = client.get("/api/photos/" + Client.encoded(id) + "/image");
            assertThat(ImageIO.read(new ByteArrayInputStream(image.body())).getWidth())
                    .isEqualTo(50);
        }
    }

    @Test
    void anIdIsNeverAPath() throws Exception {
        Files.writeString(dir.resolve("secret.txt"), "secret");
        for (int i = 0; i < Shop.STRANGE_IDS.size(); i++) {
            String id = Shop.STRANGE_IDS.get(i);
            String path = "/api/photos/" + Client.encoded(id);
            if (!id.equals("..")) {
                assertThat(ok(client.get(path)).path("id").asText()).isEqualTo(id);
                for (String picture : List.of("/thumbnail", "/image")) {
                    HttpResponse<byte[]> jpeg = client.get(path + picture);
                    assertThat(jpeg.statusCode()).as(path + picture).isEqualTo(200);
                    assertThat(ImageIO.read(new ByteArrayInputStream(jpeg.body())))
                            .isNotNull();
                }
            }
            String quoted = id.replace("\\", "\\\\");
            JsonNode answer =
                    ok(client.post("/api/search", "{\"parts\": [{\"id\": \"" + quoted + "\"}], \"limit\": 1}"));
            assertThat(ids(answer)).containsExactly(id);
        }
        for (String id :
                List.of("../secret.txt", dir.resolve("secret.txt").toString(), "0.png", "%00", "upload:../x")) {
            for (String picture : List.of("", "/thumbnail", "/image")) {
                HttpResponse<byte[]> none = client.get("/api/photos/" + Client.encoded(id) + picture);
                assertThat(none.statusCode()).as(id + picture).isEqualTo(404);
            }
        }
        for (String path : List.of(
                "/assets/..%2f..%2fopenapi.json",
                "/assets/%2e%2e%2findex.html",
                "/assets/Page.class",
                "/assets/.hidden",
                "/../../etc/passwd",
                "/assets//etc/passwd",
                "/page/index.html",
                "/WEB-INF/web.xml")) {
            assertThat(client.raw("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
                    .as(path)
                    .matches(text -> text.startsWith("HTTP/1.1 404") || text.startsWith("HTTP/1.1 400"))
                    .doesNotContain("root:");
        }
    }

    @Test
    void picturesAreKeptByTheirContent() throws Exception {
        String path = "/api/photos/" + Client.encoded("img/20.jpg");
        for (String picture : List.of(path + "/thumbnail", path + "/image", "/", "/openapi.json")) {
            HttpResponse<byte[]> first = client.get(picture);
            assertThat(first.statusCode()).isEqualTo(200);
            String tag = first.headers().firstValue("ETag").orElseThrow();
            assertThat(first.headers().firstValue("Cache-Control").orElseThrow())
                    .isNotEqualTo("no-store");
            assertThat(client.send(client.to(picture).header("If-None-Match", "\"x\", " + tag))
                            .statusCode())
                    .isIn(304);
            assertThat(client.send(client.to(picture).header("If-None-Match", "\"x\""))
                            .body())
                    .isEqualTo(first.body());
        }
    }

    @Test
    void whatIsAskedWronglyIsRefusedWithItsReason() throws Exception {
        assertRefused(client.post("/api/search", "{"), 400, null, "no JSON");
        assertRefused(client.post("/api/search", "null"), 400, null, "null");
        assertRefused(client.post("/api/search", "[1]"), 400, null);
        assertRefused(client.post("/api/search", "{}"), 400, "parts", "empty");
        assertRefused(client.post("/api/search", "{\"parts\": [], \"parts\": []}"), 400, null);
        assertRefused(client.post("/api/search", "{\"part\": []}"), 400, "part", "no such field");
        assertRefused(client.post("/api/search", "{\"parts\": [null]}"), 400, "parts[0]");
        assertRefused(client.post("/api/search", "{\"parts\": [{}]}"), 400, "parts[0]", "text or an id");
        assertRefused(client.post("/api/search", "{\"parts\": [{\"text\": \"a\", \"id\": \"b\"}]}"), 400, "parts[0]");
        assertRefused(client.post("/api/search", "{\"parts\": [{\"text\": 5}]}"), 400, "parts[0].text");
        assertRefused(
                client.post("/api/search", "{\"parts\": [{\"text\": \"a\", \"weight\": \"1\"}]}"),
                400,
                "parts[0].weight");
        assertRefused(
                client.post("/api/search", "{\"parts\": [{\"text\": \"" + "a".repeat(1001) + "\"}]}"),
                400,
                "parts[0].text",
                "1000");
        assertRefused(
                client.post("/api/search", "{\"parts\": [{\"id\": \"..\", \"box\": {\"x\": 1}}]}"),
                400,
                "parts[0].box");
        assertRefused(client.post("/api/search", "{\"parts\": [{\"text\": \"a\"}], \"limit\": 101}"), 400, "limit");
        assertRefused(
                client.post("/api/search", "{\"parts\": [{\"text\": \"a\"}], \"offset\": 2147483647}"), 400, "offset");
        assertRefused(
                client.post(
                        "/api/search", "{\"parts\": [{\"text\": \"a\"}], \"filter\": {\"words\": {\"color\": null}}}"),
                400,
                "filter.words.color");
        assertRefused(
                client.post("/api/search", "{\"parts\": " + "[".repeat(5000) + "]".repeat(5000) + "}"),
                400,
                "parts[0]");
        assertRefused(client.post("/api/search", "{\"parts\": [{\"text\": \" \"}]}"), 422, "parts[0].text", "empty");
        assertRefused(
                client.post("/api/search", "{\"parts\": [{\"text\": \"a\", \"weight\": 0}]}"), 422, "parts[0].weight");
        assertRefused(
                client.post(
                        "/api/search",
                        "{\"parts\": [{\"text\": \"a\"}], \"filter\": {\"words\": {\"size\": [\"M\"]}}}"),
                422,
                "filter.words",
                "size");
        assertRefused(client.post("/api/search", "{\"parts\": [{\"text\": \"a\"}], \"change\": \"b\"}"), 422, "change");
        assertRefused(client.post("/api/search", "{\"parts\": [{\"id\": \"none\"}]}"), 404, "parts[0].id");
        assertRefused(
                client.post("/api/search", "{\"parts\": [{\"id\": \"upload:0123\"}]}"), 404, "parts[0].id", "upload");
        for (String id : List.of("x".repeat(100_000), "\\ud800", "\\u0000", "%")) {
            assertRefused(client.post("/api/search", "{\"parts\": [{\"id\": \"" + id + "\"}]}"), 404, "parts[0].id");
        }
        assertRefused(client.post("/api/recognise", "{}"), 400, "id");
        assertRefused(client.post("/api/recognise", "{\"id\": \"..\", \"words\": [\"\"]}"), 400, "words[0]");
        assertRefused(
                client.post(
                        "/api/recognise",
                        "{\"id\": \"..\", \"box\": {\"x\": 500, \"y\": 0, \"width\": 5, \"height\": 5}}"),
                422,
                "box");
        assertRefused(client.get("/nothing"), 404, null, "openapi");
        HttpResponse<byte[]> wrongMethod = client.send(client.to("/api/search").GET());
        assertRefused(wrongMethod, 405, null, "method");
        assertRefused(
                client.send(client.to("/api/index").method("DELETE", BodyPublishers.noBody())), 405, null, "method");
    }

    @Test
    void hostileUploadsAreRefusedAndHarmless() throws Exception {
        byte[] jpeg = Shop.picture(300, 300, Color.RED, "jpg");
        byte[] png = Shop.picture(300, 300, Color.RED, "png");
        assertRefused(client.upload("image/png", jpeg), 415, null, "image/jpeg");
        assertRefused(client.upload("image/svg+xml", "<svg/>".getBytes(StandardCharsets.UTF_8)), 415, null);
        assertRefused(client.upload("text/html", jpeg), 415, null);
        assertRefused(client.upload("image/png", new byte[0]), 415, null);
        assertRefused(client.upload("image/png", Arrays.copyOf(png, png.length / 2)), 422, null, "cut short");
        assertRefused(client.upload("image/jpeg", Arrays.copyOf(jpeg, 20)), 422, null);
        Random random = new Random(5);
        for (String magic :
                List.of("\u00ff\u00d8\u00ff", "\u0089PNG\r\n\u001a\n", "GIF89a", "BM", "RIFF1234WEBPVP8 ")) {
            for (int i = 0; i < 6; i++) {
                byte[] garbage = new byte[64 + random.nextInt(4000)];
                random.nextBytes(garbage);
                byte[] head = magic.getBytes(StandardCharsets.ISO_8859_1);
                System.arraycopy(head, 0, garbage, 0, head.length);
                HttpResponse<byte[]> answer = client.upload(UploadType.of(garbage), garbage);
                assertThat(answer.statusCode()).as(magic).isIn(201, 422);
            }
        }
        // a bomb: 60,000 x 60,000 pixels in a few bytes
        byte[] bomb = png.clone();
        bomb[16] = bomb[17] = 0;
        bomb[18] = (byte) 0xea;
        bomb[19] = 0x60;
        System.arraycopy(bomb, 16, bomb, 20, 4);
        assertRefused(client.upload("image/png", bomb), 422, null, "cap");
        assertRefused(client.upload("image/jpeg", new byte[(16 << 20) + 1]), 413, null, "more than");

        // another program's file behind the photo's end is never sent back
        ByteArrayOutputStream polyglot = new ByteArrayOutputStream();
        polyglot.write(jpeg);
        polyglot.write("PK\3\4<script>alert(1)</script>".getBytes(StandardCharsets.ISO_8859_1));
        polyglot.write(new byte[] {(byte) 0xff, (byte) 0xd9});
        String id = ok(client.upload("image/jpeg", polyglot.toByteArray()))
                .path("id")
                .asText();
        for (String picture : List.of("/thumbnail", "/image")) {
            HttpResponse<byte[]> image = client.get("/api/photos/" + Client.encoded(id) + picture);
            assertThat(image.headers().firstValue("Content-Type")).contains("image/jpeg");
            assertThat(new String(image.body(), StandardCharsets.ISO_8859_1)).doesNotContain("script", "PK\3\4");
            BufferedImage shown = ImageIO.read(new ByteArrayInputStream(image.body()));
            assertThat(shown.getWidth()).isEqualTo(300);
        }
        assertThat(client.get("/healthz").statusCode()).isEqualTo(200);
    }

    @Test
    void otherSitesAndOtherNamesAreRefused() throws Exception {
        String body = "{\"parts\": [{\"text\": \"red\"}]}";
        String own = server.address().getHost() + ":" + server.address().getPort();
        for (String header : List.of(
                "Origin: http://evil.example",
                "Origin: null",
                "Origin: https://" + own + ".evil.example",
                "Sec-Fetch-Site: cross-site",
                "Sec-Fetch-Site: same-site")) {
            assertThat(raw(own, header, "application/json", body)).as(header).startsWith("HTTP/1.1 403");
        }
        assertThat(raw(own, "Origin: http://" + own, "application/json", body)).startsWith("HTTP/1.1 200");
        assertThat(raw(own, "Sec-Fetch-Site: same-origin", "application/json", body))
                .startsWith("HTTP/1.1 200");
        // a form cannot send JSON's type
        for (String type : List.of("text/plain", "application/x-www-form-urlencoded", "multipart/form-data")) {
            assertThat(raw(own, "X: y", type, body)).as(type).startsWith("HTTP/1.1 415");
        }
        for (String host :
                List.of("evil.example", "evil.example:" + server.address().getPort(), "localhost.evil.example", "")) {
            assertThat(raw(host, "X: y", "application/json", body))
                    .as(host)
                    .matches(text -> text.startsWith("HTTP/1.1 403") || text.startsWith("HTTP/1.1 400"));
        }
        for (String host : List.of("localhost", "LOCALHOST:1", "[::1]:8080")) {
            assertThat(raw(host, "X: y", "application/json", body)).as(host).startsWith("HTTP/1.1 200");
        }
        assertThat(client.raw("POST /api/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                        + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n"))
                .startsWith("HTTP/1.1 411");
        assertThat(client.raw("GARBAGE\r\n\r\n"))
                .startsWith("HTTP/1.1 400")
                .contains("\"error\"")
                .doesNotContain("Jetty");
        assertThat(client.raw("GET /" + "a".repeat(20_000) + " HTTP/1.1\r\nHost: localhost\r\n\r\n"))
                .startsWith("HTTP/1.1 4");
    }

    private static String raw(String host, String header, String type, String body) throws IOException {
        return client.raw("POST /api/search HTTP/1.1\r\nHost: " + host + "\r\n" + header + "\r\nContent-Type: " + type
                + "\r\nContent-Length: " + body.length() + "\r\nConnection: close\r\n\r\n" + body);
    }

    @Test
    void whoReadsOrSendsSlowlyHoldsNobodyUp() throws Exception {
        List<Socket> slow = new ArrayList<>();
        try {
            for (int i = 0; i < 80; i++) {
                Socket socket = new Socket();
                socket.setReceiveBufferSize(1024);
                socket.connect(new InetSocketAddress(
                        server.address().getHost(), server.address().getPort()));
                String request = i % 2 == 0
                        ? "GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(20)
                        : "POST /api/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                                + "Content-Length: 1000\r\n\r\n{";
                socket.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
                socket.getOutputStream().flush();
                slow.add(socket);
            }
            Thread.sleep(500);
            long begin = System.nanoTime();
            for (int i = 0; i < 20; i++) {
                ok(client.post("/api/search", "{\"parts\": [{\"text\": \"red\"}]}"));
            }
            assertThat((System.nanoTime() - begin) / 1e9).isLessThan(5);
        } finally {
            for (Socket socket : slow) {
                socket.close();
            }
        }
    }

    @Test
    void aBodyWithoutEndIsNotWaitedForWhateverTheMethod() throws Exception {
        for (String method : List.of("GET", "PUT", "DELETE", "POST")) {
            try (Socket socket =
                    new Socket(server.address().getHost(), server.address().getPort())) {
                socket.setSoTimeout(5000);
                String request = method + " /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                        + "Transfer-Encoding: chunked\r\n\r\n";
                socket.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
                socket.getOutputStream().flush();
                byte[] status = socket.getInputStream().readNBytes("HTTP/1.1 4".length());
                assertThat(new String(status, StandardCharsets.ISO_8859_1))
                        .as(method)
                        .isEqualTo("HTTP/1.1 4");
            }
        }
    }

    @Test
    void anEmptyIndexIsServedToo() throws Exception {
        try (PhotoIndex nothing = Shop.in(dir.resolve("empty"), 0);
                SearchServer empty =
                        SearchServer.start(new Searcher(WordVectors.model(), nothing), Settings.local("empty", 0))) {
            Client asking = new Client(empty.address());
            assertThat(ok(asking.get("/api/index")).path("examples")).isEmpty();
            assertThat(ok(asking.post("/api/search", "{\"parts\": [{\"text\": \"red\"}]}"))
                            .path("hits"))
                    .isEmpty();
        }
    }

    @Test
    void metricsCountRequests() throws Exception {
        ok(client.post("/api/search", "{\"parts\": [{\"text\": \"red\"}]}"));
        client.get("/api/photos/none");
        String metrics = new String(client.get("/metrics").body(), StandardCharsets.UTF_8);
        assertThat(metrics)
                .contains("rafclip_index_photos " + PHOTOS)
                .contains("route=\"/api/photos/{id}\",status=\"404\"")
                .containsPattern("rafclip_requests_total\\{method=\"POST\",route=\"/api/search\",status=\"200\"} [1-9]")
                .containsPattern("rafclip_request_seconds_bucket\\{route=\"/api/search\",le=\"\\+Inf\"} [1-9]")
                .contains("rafclip_requests_waiting 0");
        // every line is a comment or a name, labels and a number
        assertThat(metrics.lines())
                .allMatch(
                        line -> line.matches("# (HELP|TYPE) .+|[a-z_]+(\\{[^}]*(\\{\\w+})?[^}]*})? -?\\d+(\\.\\d+)?"));
    }

    @Test
    void everythingDescribedIsServed() throws Exception {
        for (var described : client.description().path("paths").properties()) {
            String path = described.getKey().replaceAll("\\{\\w+}", "x");
            boolean post = described.getValue().has("post");
            HttpResponse<byte[]> answer = post
                    ? client.send(client.to(path)
                            .header("Content-Type", path.endsWith("uploads") ? "image/png" : "application/json")
                            .POST(BodyPublishers.ofString("x")))
                    : client.get(path);
            assertThat(answer.statusCode()).as(path).isIn(200, 400, 404, 415);
            if (answer.statusCode() == 404) {
                assertThat(Client.json(answer).path("error").asText()).doesNotContain("/openapi.json");
            }
        }
    }

    @Test
    void othersNeedTheToken() throws Exception {
        assertThatThrownBy(() ->
                        SearchServer.start(searcher, Settings.local("shop", 0).withHost("0.0.0.0")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("token");
        try (SearchServer open = SearchServer.start(
                searcher, Settings.local("shop", 0).withHost("0.0.0.0").withToken(Optional.of("0123456789abcdef")))) {
            URI local = URI.create("http://127.0.0.1:" + open.address().getPort());
            Client stranger = new Client(local);
            assertThat(stranger.get("/healthz").statusCode()).isEqualTo(200);
            for (String path : List.of(
                    "/",
                    "/?token=wrong",
                    "/api/index",
                    "/metrics",
                    "/assets/x.js",
                    "/api/index?token=0123456789abcdef")) {
                HttpResponse<byte[]> answer = stranger.get(path);
                assertThat(answer.statusCode()).as(path).isEqualTo(401);
                assertThat(answer.headers().firstValue("WWW-Authenticate")).contains("Bearer");
            }
            assertThat(stranger.send(stranger.to("/api/index").header("Authorization", "Bearer 0123456789abcdef"))
                            .statusCode())
                    .isEqualTo(200);
            assertThat(stranger.send(stranger.to("/api/index").header("Authorization", "Bearer 0123456789abcdeg"))
                            .statusCode())
                    .isEqualTo(401);
            String opened =
                    stranger.raw("GET /?token=0123456789abcdef HTTP/1.1\r\nHost: my.name\r\nConnection: close\r\n\r\n");
            assertThat(opened).startsWith("HTTP/1.1 303").contains("Location: /\r\n");
            assertThat(opened).containsPattern("(?i)Set-Cookie: [^\r]*HttpOnly").containsPattern("(?i)SameSite=Strict");
            assertThat(opened).containsPattern("(?i)Set-Cookie: rafclip-token-[0-9a-f]{8}=");
            String cookie = opened.replaceAll("(?s).*Set-Cookie: ([^;\r]*).*", "$1");
            assertThat(stranger.send(stranger.to("/api/index").header("Cookie", cookie))
                            .statusCode())
                    .isEqualTo(200);
        }
    }

    @Test
    void aLargePhotoIsTakenToTheLastByteThatIsAllowed() throws Exception {
        byte[] png = noise(2300, 2300);
        assertThat(png.length).isBetween(12 << 20, 16 << 20);
        assertThat(client.upload("image/png", png).statusCode()).isEqualTo(201);
        assertThat(client.upload("image/jpeg", png).statusCode())
                .as("its type is looked at, whether it is known or not")
                .isEqualTo(415);
    }

    /** Pixels that no compression makes smaller. */
    private static byte[] noise(int width, int height) throws IOException {
        BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_3BYTE_BGR);
        new Random(3).nextBytes(((DataBufferByte) image.getRaster().getDataBuffer()).getData());
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ImageIO.write(image, "png", bytes);
        return bytes.toByteArray();
    }

    @Test
    void aQuestionOfMorePixelsThanThereIsRoomForIsRefused() throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ImageIO.write(new BufferedImage(7000, 7000, BufferedImage.TYPE_BYTE_GRAY), "png", bytes);
        String id =
                ok(client.upload("image/png", bytes.toByteArray())).path("id").asText();
        String part = "{\"id\": \"" + id + "\"}";
        assertRefused(
                client.post("/api/search", "{\"parts\": [" + String.join(",", Collections.nCopies(16, part)) + "]}"),
                422,
                null,
                "megapixels together");
        ok(client.post("/api/search", "{\"parts\": [" + part + "], \"limit\": 1}"));
    }

    @Test
    void whatAnAddressTakesIsSaidWhereItDoesNotTakeSomething() throws Exception {
        HttpResponse<byte[]> answer = client.get("/api/search");
        assertThat(answer.statusCode()).isEqualTo(405);
        assertThat(answer.headers().firstValue("Allow")).contains("POST");
    }

    @Test
    void headIsAnsweredLikeGet() throws Exception {
        for (String path : List.of("/", "/api/index", "/api/photos/nope")) {
            HttpResponse<byte[]> get = client.get(path);
            HttpResponse<byte[]> head = client.send(client.to(path).method("HEAD", BodyPublishers.noBody()));
            assertThat(head.statusCode()).as(path).isEqualTo(get.statusCode());
            assertThat(head.headers().firstValue("Content-Type"))
                    .isEqualTo(get.headers().firstValue("Content-Type"));
            assertThat(head.body()).isEmpty();
        }
    }

    @Test
    void whatIsMeantIsSaidInWordsOfThisServer() throws Exception {
        assertRefused(client.post("/api/search", "{\"parts\": 3}"), 400, "parts", "a list is meant here");
        assertRefused(
                client.post("/api/search", "{\"parts\": [{\"text\": \"x\"}], \"limit\": \"9\"}"),
                400,
                "limit",
                "a whole number is meant here");
        assertRefused(client.post("/api/search", ""), 400, null, "the body is empty");
        assertRefused(client.post("/api/search", "{\"parts\": [,]}"), 400, null, "is no JSON, line 1");
        assertRefused(
                client.post("/api/search", "{\"parts\": [{\"text\": \"x\"}], \"offset\": -1}"),
                400,
                "offset",
                "counted from 0");
        assertRefused(
                client.post("/api/search", "{\"parts\": [{\"text\": \"\\ud800\"}]}"), 400, "parts[0].text", "the text");
    }

    @Test
    void aTakenPortIsOneLine() {
        assertThatThrownBy(() -> SearchServer.start(
                        searcher, Settings.local("shop", server.address().getPort())))
                .isInstanceOf(DataException.class)
                .hasMessageMatching(".*:" + server.address().getPort() + ": another program serves there[^\n]*");
        assertThatThrownBy(() -> SearchServer.start(
                        searcher,
                        Settings.local("shop", 0).withHost("203.0.113.9").withToken(Optional.of("0123456789abcdef"))))
                .isInstanceOf(DataException.class);
    }
}
