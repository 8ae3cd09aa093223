package org.rafclip.search.serve;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.networknt.schema.Error;
import com.networknt.schema.SchemaLocation;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** A client that holds every answer against the server's own description. */
final class Client {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String DESCRIPTION = "https://rafclip.test/openapi.json";

    private final URI server;
    private final HttpClient http = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(Duration.ofSeconds(10))
            .build();
    private final JsonNode description;
    private final SchemaRegistry schemas;

    Client(URI server) throws IOException {
        this.server = server;
        try (InputStream in = SearchServer.class.getResourceAsStream("openapi.json")) {
            String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            this.description = JSON.readTree(text);
            this.schemas = SchemaRegistry.withDefaultDialect(
                    SpecificationVersion.DRAFT_2020_12, builder -> builder.schemas(Map.of(DESCRIPTION, text)));
        }
    }

    JsonNode description() {
        return description;
    }

    static String encoded(String id) {
        return URLEncoder.encode(id, StandardCharsets.UTF_8).replace("+", "%20");
    }

    HttpRequest.Builder to(String path) {
        return HttpRequest.newBuilder(server.resolve(path)).timeout(Duration.ofSeconds(60));
    }

    HttpResponse<byte[]> send(HttpRequest.Builder request) throws IOException, InterruptedException {
        HttpResponse<byte[]> response = http.send(request.build(), BodyHandlers.ofByteArray());
        check(response);
        return response;
    }

    HttpResponse<byte[]> get(String path) throws IOException, InterruptedException {
        return send(to(path));
    }

    HttpResponse<byte[]> post(String path, String json) throws IOException, InterruptedException {
        return send(to(path).header("Content-Type", "application/json").POST(BodyPublishers.ofString(json)));
    }

    HttpResponse<byte[]> upload(String type, byte[] content) throws IOException, InterruptedException {
        return send(to("/api/uploads").header("Content-Type", type).POST(BodyPublishers.ofByteArray(content)));
    }

    static JsonNode json(HttpResponse<byte[]> response) throws IOException {
        return JSON.readTree(response.body());
    }

    /** The answer's status and content are among those that the description names for its address. */
    private void check(HttpResponse<byte[]> response) throws IOException {
        String what = response.request().method() + " " + response.uri() + " " + response.statusCode();
        assertThat(response.headers().firstValue("Content-Security-Policy"))
                .as(what)
                .isPresent();
        assertThat(new String(response.body(), StandardCharsets.ISO_8859_1))
                .as(what)
                .doesNotContain("/tmp/", System.getProperty("java.io.tmpdir") + "/", "/nowhere", "Exception");
        String error = DESCRIPTION + "#/components/schemas/Error";
        String type = response.headers().firstValue("Content-Type").orElse("");
        if (response.request().method().equals("HEAD")) {
            // What GET answers, without its content.
            return;
        }
        JsonNode operation =
                operation(response.uri().getRawPath(), response.request().method());
        if (operation == null) {
            validate(what, response.body(), error);
            return;
        }
        JsonNode answer = operation.path("responses").path(String.valueOf(response.statusCode()));
        assertThat(answer.isMissingNode()).as(what + " is not described").isFalse();
        if (response.statusCode() >= 400) {
            validate(what, response.body(), error);
            if (response.statusCode() == 503) {
                assertThat(response.headers().firstValue("Retry-After")).isPresent();
            }
        } else if (answer.has("content")) {
            String described = answer.path("content").fieldNames().next();
            assertThat(type).as(what).startsWith(described);
            if (described.equals("application/json")) {
                JsonNode schema = answer.path("content").path(described).path("schema");
                if (schema.has("$ref")) {
                    validate(
                            what,
                            response.body(),
                            DESCRIPTION + schema.path("$ref").asText());
                }
            }
        }
    }

    private void validate(String what, byte[] body, String schema) throws IOException {
        List<Error> errors = schemas.getSchema(SchemaLocation.of(schema)).validate(JSON.readTree(body));
        assertThat(errors)
                .as(what + ": " + new String(body, StandardCharsets.UTF_8))
                .isEmpty();
    }

    private JsonNode operation(String path, String method) {
        for (Map.Entry<String, JsonNode> described : description.path("paths").properties()) {
            if (path.matches(described.getKey().replaceAll("\\{\\w+}", "[^/]+"))) {
                JsonNode operation = described.getValue().path(method.toLowerCase(Locale.ROOT));
                return operation.isMissingNode() ? null : operation;
            }
        }
        return null;
    }

    /** Sends bytes as they are, and gives what comes back until the server closes. */
    String raw(String request) throws IOException {
        try (Socket socket = new Socket(server.getHost(), server.getPort())) {
            socket.setSoTimeout(30_000);
            socket.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
            socket.getOutputStream().flush();
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
        }
    }
}
