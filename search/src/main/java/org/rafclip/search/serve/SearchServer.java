package org.rafclip.search.serve;

import io.javalin.Javalin;
import io.javalin.compression.CompressionStrategy;
import io.javalin.config.JavalinConfig;
import io.javalin.http.Context;
import io.javalin.http.Handler;
import io.javalin.http.HttpResponseException;
import io.javalin.util.JavalinException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import lombok.With;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.UriCompliance;
import org.eclipse.jetty.http.UriCompliance.Violation;
import org.eclipse.jetty.io.ArrayByteBufferPool;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.NetworkConnectionLimit;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.handler.EagerContentHandler;
import org.eclipse.jetty.server.handler.GracefulHandler;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.rafclip.data.DataException;
import org.rafclip.search.query.Searcher;

/**
 * Serves an index by HTTP: a page and a JSON API, which {@code /openapi.json} describes.
 *
 * <p>Strangers' bytes are read in bounded amounts, an id is looked up and never becomes a path, and no answer says where
 * anything lies on this machine. Threads wait for no client: bodies are read before, and answers written after a thread has
 * to do with them.
 */
public final class SearchServer implements AutoCloseable {

    private static final Map<String, String> SECURITY_HEADERS = Map.of(
            "Content-Security-Policy",
                    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
                            + " connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
            "X-Content-Type-Options", "nosniff",
            "X-Frame-Options", "DENY",
            "Referrer-Policy", "no-referrer",
            "Cross-Origin-Opener-Policy", "same-origin",
            "Cross-Origin-Resource-Policy", "same-origin",
            "Permissions-Policy", "geolocation=(), microphone=()");

    private static final Set<String> LOOPBACK_NAMES = Set.of("localhost", "127.0.0.1", "[::1]");

    private static final long MESSAGE_BYTES = 1 << 20;
    private static final int UPLOADS_AT_ONCE = 8;
    private static final int CONNECTIONS = 1024;
    private static final int THREADS = 32;
    private static final int LOOKUPS = 8;
    private static final int MOST_LOOKUPS = 1024;
    private static final int ANSWER_BYTES = 1 << 19;

    /** What keeping a piece of a body costs beside its bytes; pieces can be as small as a packet. */
    private static final int PACKET_BYTES = 512;

    /** Beyond the time that an answer may take, in which a connection is silent. */
    private static final Duration IDLE = Duration.ofSeconds(5);

    private static final Duration STOPPING = Duration.ofSeconds(5);

    private final Javalin javalin;
    private final Work work;
    private final Work lookups;
    private final URI address;

    /**
     * How it serves.
     *
     * @param name of the index, for people
     * @param host to listen at
     * @param port to listen at, 0 for one that is free
     * @param names further host names that requests may be for
     * @param token that every request must bring, empty for none; demanded where the host is not this machine alone
     */
    @With
    public record Settings(
            String name, String host, int port, Set<String> names, Optional<String> token, Limits limits) {

        /** This machine alone. */
        public static Settings local(String name, int port) {
            return new Settings(name, "127.0.0.1", port, Set.of(), Optional.empty(), Limits.DEFAULT);
        }
    }

    /**
     * What is taken at most.
     *
     * @param uploadBytes of a photo
     * @param pixels of a photo
     * @param decoded pixels of all photos that are decoded at once
     * @param kept bytes of all uploads that are kept
     * @param words to recognise at once
     * @param results the last hit of a ranking that can be asked for
     * @param working requests at once
     * @param waiting requests that wait for that
     * @param answer time from a request to its answer
     * @param sending time that a request's body may take
     */
    @With
    public record Limits(
            int uploadBytes,
            long pixels,
            long decoded,
            long kept,
            int words,
            int results,
            int working,
            int waiting,
            Duration answer,
            Duration sending) {

        public static final Limits DEFAULT = new Limits(
                16 << 20,
                50_000_000,
                150_000_000,
                256L << 20,
                32,
                1000,
                32,
                64,
                Duration.ofSeconds(30),
                Duration.ofMinutes(1));
    }

    /**
     * Starts to serve.
     *
     * @param searcher not closed by this
     * @throws DataException if it cannot listen there, or should without a token
     */
    public static SearchServer start(Searcher searcher, Settings settings) {
        return new SearchServer(searcher, settings);
    }

    private SearchServer(Searcher searcher, Settings settings) {
        boolean everywhere = requireSafe(settings);
        Limits limits = settings.limits();
        Metrics metrics = new Metrics();
        Json json = new Json();
        Replies replies = new Replies(json);
        Uploads uploads = new Uploads(limits.kept());
        Gallery gallery = new Gallery(
                searcher,
                uploads,
                limits.pixels(),
                limits.decoded(),
                limits.answer().toSeconds());
        this.work = new Work(limits.working(), limits.waiting(), limits.answer(), STOPPING);
        this.lookups = new Work(LOOKUPS, MOST_LOOKUPS, limits.answer(), STOPPING);
        metrics.watch(
                        "rafclip_index_photos",
                        "Garments in the index.",
                        () -> searcher.index().info().entries())
                .watch("rafclip_requests_working", "Requests that are worked on.", work::working)
                .watch("rafclip_requests_waiting", "Requests that wait to be worked on.", work::waiting)
                .watch("rafclip_uploads", "Uploaded photos in memory.", uploads::count)
                .watch("rafclip_uploads_bytes", "Bytes of the uploaded photos in memory.", uploads::bytes);
        Api api = new Api(
                settings.name(),
                searcher,
                gallery,
                work,
                lookups,
                replies,
                json,
                new Messages.Limits(limits.uploadBytes(), limits.pixels(), limits.words(), limits.results()));
        Guard guard = new Guard(
                new Guard.Settings(
                        everywhere ? Set.of() : hosts(settings),
                        settings.token(),
                        limits.uploadBytes(),
                        MESSAGE_BYTES,
                        UPLOADS_AT_ONCE,
                        limits.sending()),
                json,
                metrics);
        this.javalin = Javalin.create(config -> {
            quiet(config);
            jetty(config, settings, guard, json);
            routes(config, api, new Page(), metrics, replies);
            config.requestLogger.http((context, millis) -> metrics.count(
                    Metrics.method(context.req().getMethod()),
                    Optional.ofNullable(context.<String>attribute(ROUTE)).orElse("none"),
                    context.statusCode(),
                    millis / 1e3));
        });
        try {
            javalin.start();
        } catch (RuntimeException e) {
            work.close();
            lookups.close();
            throw cannotListen(settings, e);
        }
        String shown = settings.host().contains(":") ? "[" + settings.host() + "]" : settings.host();
        this.address = URI.create("http://" + shown + ":" + javalin.port());
    }

    private static final String ROUTE = "route";

    /** Whether it listens at every address of this machine. */
    private static boolean requireSafe(Settings settings) {
        InetAddress host;
        try {
            host = InetAddress.getByName(settings.host());
        } catch (UnknownHostException e) {
            throw new DataException("there is no host '" + settings.host() + "'; name an address of this machine", e);
        }
        if (!host.isLoopbackAddress() && settings.token().isEmpty()) {
            throw new DataException("others can reach " + settings.host() + ", which needs a token");
        }
        return host.isAnyLocalAddress();
    }

    private static Set<String> hosts(Settings settings) {
        Set<String> hosts = new HashSet<>(LOOPBACK_NAMES);
        String host = settings.host().toLowerCase(Locale.ROOT);
        hosts.add(host.contains(":") ? "[" + host + "]" : host);
        settings.names().forEach(name -> hosts.add(name.toLowerCase(Locale.ROOT)));
        return hosts;
    }

    private static DataException cannotListen(Settings settings, RuntimeException e) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            if (cause instanceof BindException) {
                boolean taken = String.valueOf(cause.getMessage()).contains("in use");
                return new DataException(
                        settings.host() + ":" + settings.port()
                                + (taken
                                        ? ": another program serves there; name another --port, or 0 for one that is free"
                                        : ": cannot be listened at (" + cause.getMessage()
                                                + "); --host is a name or an address of this machine, --port a number"),
                        e);
            }
        }
        throw e;
    }

    private static void quiet(JavalinConfig config) {
        config.startup.showJavalinBanner = false;
        config.startup.showOldJavalinVersionWarning = false;
        config.startup.startupWatcherEnabled = false;
    }

    private static void jetty(JavalinConfig config, Settings settings, Guard guard, Json json) {
        config.http.prefer405over404 = true;
        config.http.compressionStrategy = CompressionStrategy.NONE;
        config.http.maxRequestSize = Math.max(settings.limits().uploadBytes(), MESSAGE_BYTES);
        config.http.asyncTimeout = 0;
        QueuedThreadPool threads = new QueuedThreadPool(THREADS, 4);
        threads.setName("http");
        threads.setDaemon(true);
        config.jetty.threadPool = threads;
        config.jetty.modifyHttpConfiguration(SearchServer::http);
        config.jetty.addConnector((server, http) -> {
            ServerConnector connector = new ServerConnector(
                    server,
                    null,
                    null,
                    new ArrayByteBufferPool(-1, -1, ANSWER_BYTES),
                    1,
                    1,
                    new HttpConnectionFactory(http));
            connector.setHost(settings.host());
            connector.setPort(settings.port());
            connector.setAcceptQueueSize(CONNECTIONS);
            connector.setIdleTimeout(settings.limits().answer().plus(IDLE).toMillis());
            server.addBean(new NetworkConnectionLimit(CONNECTIONS, connector));
            return connector;
        });
        config.jetty.modifyServletContextHandler(
                context -> context.getServletHandler().setDecodeAmbiguousURIs(true));
        config.jetty.modifyServer(server -> {
            server.setStopTimeout(STOPPING.toMillis());
            server.setErrorHandler((request, response, callback) -> unreadable(json, request, response, callback));
            EagerContentHandler bodies = new EagerContentHandler(new EagerContentHandler.RetainedContentLoaderFactory(
                    2L * Math.max(settings.limits().uploadBytes(), MESSAGE_BYTES), PACKET_BYTES, true));
            bodies.setHandler(new Guard.Arrived());
            guard.setHandler(bodies);
            server.setHandler(new GracefulHandler(new Pace(guard)));
        });
    }

    private static void http(HttpConfiguration http) {
        http.setSendServerVersion(false);
        http.setSendXPoweredBy(false);
        // Answers are gathered before they are sent, so that no thread waits for who reads slowly.
        http.setOutputBufferSize(ANSWER_BYTES);
        http.setOutputAggregationSize(ANSWER_BYTES);
        http.setUseOutputDirectByteBuffers(false);
        // An id may hold anything, encoded; none becomes a path.
        http.setUriCompliance(UriCompliance.from(EnumSet.of(
                Violation.AMBIGUOUS_PATH_SEPARATOR,
                Violation.AMBIGUOUS_PATH_ENCODING,
                Violation.AMBIGUOUS_PATH_SEGMENT,
                Violation.AMBIGUOUS_PATH_PARAMETER,
                Violation.SUSPICIOUS_PATH_CHARACTERS)));
        http.addCustomizer((Request request, HttpFields.Mutable headers) -> {
            SECURITY_HEADERS.forEach(headers::put);
            return request;
        });
    }

    /** What is so wrong that no handler gets to see it. */
    private static boolean unreadable(Json json, Request request, Response response, Callback callback) {
        response.getHeaders().put(HttpHeader.CONTENT_TYPE, Replies.JSON);
        String reason = response.getStatus() == ApiException.BUSY ? "the server stops" : "the request cannot be read";
        response.write(true, ByteBuffer.wrap(json.write(new Messages.Error(reason, null))), callback);
        return true;
    }

    private static void routes(JavalinConfig config, Api api, Page page, Metrics metrics, Replies replies) {
        get(config, "/", context -> asset(replies, context, page.index()));
        get(config, "/openapi.json", context -> asset(replies, context, page.openApi()));
        get(
                config,
                "/assets/{name}",
                context -> asset(
                        replies,
                        context,
                        page.asset(context.pathParam("name"))
                                .orElseThrow(() ->
                                        new ApiException(ApiException.NOT_FOUND, null, "the page has no such file"))));
        get(config, "/healthz", context -> replies.json(context, 200, new Messages.Health("ok")));
        get(
                config,
                "/metrics",
                context -> context.contentType(Metrics.CONTENT_TYPE)
                        .header("Cache-Control", "no-store")
                        .result(metrics.text()));
        get(config, "/api/index", api::index);
        get(config, "/api/photos/{id}", api::photo);
        get(config, "/api/photos/{id}/thumbnail", api::thumbnail);
        get(config, "/api/photos/{id}/image", api::image);
        config.routes
                .post("/api/search", routed("/api/search", api::search))
                .post(Guard.UPLOADS, routed(Guard.UPLOADS, api::upload))
                .post("/api/recognise", routed("/api/recognise", api::recognise))
                .exception(HttpResponseException.class, (e, context) -> replies.refuse(context, e))
                .exception(Exception.class, (e, context) -> replies.refuse(context, e));
    }

    /** HEAD is answered like GET; Jetty leaves the content away. */
    private static void get(JavalinConfig config, String route, Handler handler) {
        config.routes.get(route, routed(route, handler)).head(route, routed(route, handler));
    }

    private static Handler routed(String route, Handler handler) {
        return context -> {
            context.attribute(ROUTE, route);
            handler.handle(context);
        };
    }

    private static void asset(Replies replies, Context context, Page.Asset asset) {
        replies.content(context, asset.content(), asset.type(), asset.tag(), "no-cache");
    }

    /** Where it listens. */
    public URI address() {
        return address;
    }

    /** Answers what has been asked already, for a few seconds, and stops. */
    @Override
    public void close() {
        try {
            javalin.stop();
        } catch (JavalinException e) {
            // Clients that do not take their answers are not waited for.
        }
        work.close();
        lookups.close();
    }
}
