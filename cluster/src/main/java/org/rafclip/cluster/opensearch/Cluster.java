package org.rafclip.cluster.opensearch;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.UnknownHostException;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import javax.net.ssl.SSLException;
import org.rafclip.data.DataException;

/**
 * Asks an OpenSearch cluster. Everything asked can be asked twice: where a node does not answer or has too much to do,
 * another is asked, and again, until {@link #PATIENCE} is over. Safe for many threads.
 */
final class Cluster {

    static final ObjectMapper JSON = new ObjectMapper();

    private static final Duration CONNECT = Duration.ofSeconds(5);
    private static final Duration ANSWER = Duration.ofMinutes(5);

    /** Of who is asked for the first time. */
    private static final Duration FIRST_ANSWER = Duration.ofSeconds(20);

    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final long FIRST_WAIT = 50;
    private static final long LONGEST_WAIT = 5_000;

    private static final Set<Integer> LATER = Set.of(429, 502, 503, 504);
    private static final int UNAUTHORIZED = 401;
    private static final int FORBIDDEN = 403;
    private static final int NOT_FOUND = 404;
    private static final int FIRST_FAULT = 400;

    private final Address address;
    private final HttpClient http;
    private final Duration patience;
    private volatile List<URI> nodes;

    Cluster(Address address) {
        this(address, PATIENCE);
    }

    /** @param patience with nodes that do not answer */
    Cluster(Address address, Duration patience) {
        this.address = address;
        this.patience = patience;
        this.http = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .connectTimeout(CONNECT)
                .build();
        this.nodes = List.of(address.node());
    }

    Address address() {
        return address;
    }

    /**
     * Learns of the cluster's other nodes, which are asked where one does not answer.
     *
     * @throws DataException if nobody answers at the address, or refuses to
     */
    void meet() {
        List<URI> all = new ArrayList<>(List.of(address.node()));
        // At once or not at all: a wrong address is not waited for.
        JsonNode met = once("GET", "/_nodes/http?filter_path=nodes.*.http.publish_address", null);
        for (JsonNode node : met.path("nodes")) {
            String published = node.path("http").path("publish_address").asText();
            URI uri = URI.create(address.node().getScheme() + "://" + published.substring(published.indexOf('/') + 1));
            if (uri.getHost() != null && uri.getPort() > 0 && !all.contains(uri)) {
                all.add(uri);
            }
        }
        nodes = List.copyOf(all);
    }

    /**
     * Asks until there is an answer.
     *
     * @param body JSON, null for none
     * @return missing where what is asked for is not there
     * @throws DataException in a line, if it is refused, or nobody answers
     */
    JsonNode ask(String method, String path, Object body) {
        byte[] bytes = body == null ? null : bytes(body);
        return patiently(method, path, bytes, "application/json");
    }

    /** {@link #ask} with lines of JSON. */
    JsonNode askLines(String path, byte[] lines) {
        return patiently("POST", path, lines, "application/x-ndjson");
    }

    private JsonNode patiently(String method, String path, byte[] body, String type) {
        long begin = System.nanoTime();
        for (int attempt = 0; ; attempt++) {
            List<URI> all = nodes;
            URI node = all.get(attempt % all.size());
            String fault;
            Exception cause = null;
            try {
                HttpResponse<byte[]> response = send(node, method, path, body, type, ANSWER);
                if (!LATER.contains(response.statusCode())) {
                    prefer(node);
                    return read(response);
                }
                fault = reason(response);
            } catch (IOException e) {
                fault = words(e);
                cause = e;
            }
            if (System.nanoTime() - begin > patience.toNanos()) {
                throw new DataException(
                        address + ": no answer within " + patience.toSeconds() + " s, last " + node + ": " + fault
                                + ". Look whether the cluster runs, then do the same again: what was kept is not lost.",
                        cause);
            }
            pause(attempt / all.size());
        }
    }

    private JsonNode once(String method, String path, byte[] body) {
        try {
            Duration first = patience.compareTo(FIRST_ANSWER) < 0 ? patience : FIRST_ANSWER;
            HttpResponse<byte[]> response = send(address.node(), method, path, body, "application/json", first);
            return read(response);
        } catch (IOException e) {
            throw new DataException(
                    address + ": " + words(e)
                            + ". Name a node of a cluster that runs, as opensearch:http://HOST:9200/NAME.",
                    e);
        }
    }

    private HttpResponse<byte[]> send(URI node, String method, String path, byte[] body, String type, Duration answer)
            throws IOException {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(node + path))
                .timeout(answer)
                .header("Content-Type", type)
                .method(
                        method,
                        body == null
                                ? HttpRequest.BodyPublishers.noBody()
                                : HttpRequest.BodyPublishers.ofByteArray(body));
        address.credentials().ifPresent(credentials -> request.header("Authorization", credentials));
        try {
            return http.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }

    private JsonNode read(HttpResponse<byte[]> response) {
        int status = response.statusCode();
        if (status == UNAUTHORIZED || status == FORBIDDEN) {
            throw new DataException(address + ": "
                    + address.user()
                            .map(user -> "the user '" + user + "' is refused"
                                    + (status == FORBIDDEN ? " this" : ", or the password is"))
                            .orElse(
                                    "the server asks who you are; write USER@ before the host and put the password into the"
                                            + " environment as " + Address.PASSWORD)
                    + ".");
        }
        if (status == NOT_FOUND) {
            return MissingNode.getInstance();
        }
        if (status >= FIRST_FAULT) {
            throw new DataException(address + ": refused (" + reason(response) + ")");
        }
        try {
            return response.body().length == 0 ? MissingNode.getInstance() : JSON.readTree(response.body());
        } catch (IOException e) {
            throw new DataException(
                    address + ": the server does not speak OpenSearch's JSON. Name another host or port.", e);
        }
    }

    /** The one that answered is asked first next time. */
    private void prefer(URI node) {
        List<URI> all = nodes;
        if (!all.get(0).equals(node)) {
            List<URI> next = new ArrayList<>(all);
            next.remove(node);
            next.add(0, node);
            nodes = List.copyOf(next);
        }
    }

    static void pause(int attempt) {
        try {
            Thread.sleep(Math.min(LONGEST_WAIT, FIRST_WAIT << Math.min(attempt, 10)));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }

    private static String reason(HttpResponse<byte[]> response) {
        String text = new String(response.body(), StandardCharsets.UTF_8);
        try {
            JsonNode error = JSON.readTree(text).path("error");
            JsonNode cause = error.path("root_cause").path(0);
            text = (cause.isMissingNode() ? error : cause).path("reason").asText(text);
        } catch (JsonProcessingException e) {
            // Then what it says stands for itself.
        }
        String line = text.strip().replaceAll("\\s+", " ");
        return response.statusCode() + " " + (line.length() > 300 ? line.substring(0, 300) + "…" : line);
    }

    private static String words(IOException e) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            if (cause instanceof UnresolvedAddressException || cause instanceof UnknownHostException) {
                return "there is no such host";
            }
            if (cause instanceof SSLException) {
                return "the server's certificate or its TLS is not accepted (" + cause.getMessage()
                        + "); name a trust store by RAFCLIP_JAVA_OPTS=-Djavax.net.ssl.trustStore=FILE";
            }
        }
        if (e instanceof HttpConnectTimeoutException || e instanceof ConnectException) {
            return "nobody answers there";
        }
        if (e instanceof HttpTimeoutException) {
            return "somebody is there, but gives no answer";
        }
        return "the connection broke (" + (e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage())
                + ")";
    }

    private static byte[] bytes(Object body) {
        try {
            return JSON.writeValueAsBytes(body);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }
}
