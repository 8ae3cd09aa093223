package org.rafclip.search.serve;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.http.HttpCookie;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.Fields;
import org.eclipse.jetty.util.thread.Scheduler;
import org.rafclip.io.Sha256;

/**
 * Lets through what a request's first lines allow, before its body is read: its host is this one, it has the token, it is
 * not another site's, and its body is of a kind and size that its path takes.
 */
final class Guard extends Handler.Wrapper {

    static final String UPLOADS = "/api/uploads";
    private static final String HEALTH = "/healthz";

    private static final String LATE = Guard.class.getName() + ".late";

    private static final int UNAUTHORIZED = 401;
    private static final int FORBIDDEN = 403;
    private static final int LENGTH_REQUIRED = 411;
    private static final int SEE_OTHER = 303;

    /** Read and thrown away before a refusal, so that a client that is still sending gets to read it. */
    private static final long MOST_DISCARDED = 1L << 28;

    private final Settings settings;
    private final Json json;
    private final Metrics metrics;
    private final Semaphore uploading;

    /** In which a browser keeps the token: it sends it to every port of a host, where another server may have another. */
    private final String cookie;

    /**
     * @param hosts that a request may be for, in lower case, without ports; empty for any
     * @param token that a request must bring, empty where none is needed
     * @param uploadBytes of an upload's body
     * @param messageBytes of another body
     * @param uploads at once
     * @param sending time that a body may take
     */
    record Settings(
            Set<String> hosts,
            Optional<String> token,
            long uploadBytes,
            long messageBytes,
            int uploads,
            Duration sending) {}

    Guard(Settings settings, Json json, Metrics metrics) {
        this.settings = settings;
        this.json = json;
        this.metrics = metrics;
        this.uploading = new Semaphore(settings.uploads());
        this.cookie = "rafclip-token"
                + settings.token()
                        .map(token -> "-" + Sha256.of(token).substring(0, 8))
                        .orElse("");
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) throws Exception {
        String path = Request.getPathInContext(request);
        boolean body = request.getLength() > 0 || isOfUnknownLength(request);
        if (request.getMethod().equals("POST") || body) {
            bound(request);
        }
        try {
            requireHost(request);
            if (settings.token().isPresent() && !path.equals(HEALTH)) {
                if (path.equals("/") && opensPage(request, response)) {
                    callback.succeeded();
                    return true;
                }
                requireToken(request);
            }
            boolean upload = path.equals(UPLOADS);
            if (request.getMethod().equals("POST")) {
                requireSameSite(request);
                requireBody(request, upload);
                if (upload) {
                    takeTurn(request);
                }
            } else if (body) {
                throw new ApiException(ApiException.TOO_LARGE, null, "this method takes no body");
            }
        } catch (ApiException e) {
            discard(request, () -> refuse(e, request, response, callback));
            return true;
        }
        return super.handle(request, response, callback);
    }

    /** Jetty's idle timeout does not end a request whose body is being waited for: after a while there is no more body. */
    private void bound(Request request) {
        Object connection =
                request.getConnectionMetaData().getConnection().getEndPoint().getTransport();
        Scheduler.Task late = request.getComponents()
                .getScheduler()
                .schedule(() -> end(connection), settings.sending().toMillis(), TimeUnit.MILLISECONDS);
        request.setAttribute(LATE, late);
        Request.addCompletionListener(request, failure -> late.cancel());
    }

    private static void end(Object connection) {
        try {
            ((SocketChannel) connection).shutdownInput();
        } catch (IOException e) {
            // it has ended by itself
        }
    }

    /** Stands where bodies have arrived. */
    static final class Arrived extends Handler.Wrapper {

        @Override
        public boolean handle(Request request, Response response, Callback callback) throws Exception {
            if (request.getAttribute(LATE) instanceof Scheduler.Task late) {
                late.cancel();
            }
            return super.handle(request, response, callback);
        }
    }

    private void requireHost(Request request) {
        String host = request.getHeaders().get(HttpHeader.HOST);
        if (host == null || !settings.hosts().isEmpty() && !settings.hosts().contains(name(host))) {
            throw new ApiException(
                    FORBIDDEN, null, "this server goes by another name; start it with --name to add one");
        }
    }

    /** Without the port. */
    private static String name(String host) {
        int end = host.startsWith("[") ? host.indexOf(']') + 1 : host.indexOf(':');
        return (end > 0 ? host.substring(0, end) : host).toLowerCase(Locale.ROOT);
    }

    /** A browser that brings the token in the address gets it as a cookie, and an address without it. */
    private boolean opensPage(Request request, Response response) {
        Fields.Field given = Request.extractQueryParameters(request).get("token");
        if (given == null || !isToken(given.getValue())) {
            return false;
        }
        Response.addCookie(
                response,
                HttpCookie.build(cookie, given.getValue())
                        .path("/")
                        .httpOnly(true)
                        .sameSite(HttpCookie.SameSite.STRICT)
                        .build());
        response.setStatus(SEE_OTHER);
        response.getHeaders().put(HttpHeader.LOCATION, "/");
        response.getHeaders().put(HttpHeader.CACHE_CONTROL, "no-store");
        return true;
    }

    private void requireToken(Request request) {
        String bearer = request.getHeaders().get(HttpHeader.AUTHORIZATION);
        boolean allowed = bearer != null
                && bearer.regionMatches(true, 0, "Bearer ", 0, 7)
                && isToken(bearer.substring(7).strip());
        for (HttpCookie cookie : Request.getCookies(request)) {
            allowed |= cookie.getName().equals(this.cookie) && isToken(cookie.getValue());
        }
        if (!allowed) {
            throw new ApiException(
                    UNAUTHORIZED,
                    null,
                    "a token is needed: open /?token=TOKEN once in a browser, or send Authorization: Bearer TOKEN");
        }
    }

    private boolean isToken(String given) {
        return MessageDigest.isEqual(
                given.getBytes(StandardCharsets.UTF_8),
                settings.token().orElseThrow().getBytes(StandardCharsets.UTF_8));
    }

    /** Browsers say where a request comes from; programs need not. */
    private static void requireSameSite(Request request) {
        HttpFields headers = request.getHeaders();
        String site = headers.get("Sec-Fetch-Site");
        if (site != null && !site.equals("same-origin") && !site.equals("none")) {
            throw new ApiException(FORBIDDEN, null, "another site's page may not ask this server");
        }
        String origin = headers.get(HttpHeader.ORIGIN);
        if (origin != null) {
            int scheme = origin.indexOf("://");
            if (scheme < 0 || !origin.substring(scheme + 3).equalsIgnoreCase(headers.get(HttpHeader.HOST))) {
                throw new ApiException(FORBIDDEN, null, "another site's page may not ask this server");
            }
        }
    }

    private void requireBody(Request request, boolean upload) {
        String type = request.getHeaders().get(HttpHeader.CONTENT_TYPE);
        String kind = type == null ? "" : type.split(";", 2)[0].strip().toLowerCase(Locale.ROOT);
        if (upload ? !UploadType.NAMES.contains(kind) : !kind.equals("application/json")) {
            throw new ApiException(
                    ApiException.WRONG_TYPE,
                    null,
                    "the Content-Type is to be " + (upload ? String.join(", ", UploadType.NAMES) : "application/json"));
        }
        long length = request.getLength();
        if (length < 0) {
            throw new ApiException(LENGTH_REQUIRED, null, "the request is to say its Content-Length");
        }
        long most = upload ? settings.uploadBytes() : settings.messageBytes();
        if (length > most) {
            throw new ApiException(
                    ApiException.TOO_LARGE,
                    null,
                    "the body has " + length + " bytes, more than the " + most + " taken here");
        }
    }

    private void takeTurn(Request request) {
        if (!uploading.tryAcquire()) {
            throw ApiException.busy("too many uploads at once; ask again in a moment");
        }
        Request.addCompletionListener(request, failure -> uploading.release());
    }

    private static boolean isOfUnknownLength(Request request) {
        return request.getHeaders().contains(HttpHeader.TRANSFER_ENCODING);
    }

    private static void discard(Request request, Runnable then) {
        // Who does not say how much comes is not waited for.
        if (request.getLength() > MOST_DISCARDED
                || request.getLength() < 0 && request.getMethod().equals("POST")
                || isOfUnknownLength(request)) {
            then.run();
        } else {
            Content.Source.consumeAll(request, Callback.from(then, failure -> then.run()));
        }
    }

    private void refuse(ApiException e, Request request, Response response, Callback callback) {
        metrics.count(Metrics.method(request.getMethod()), "refused", e.status(), 0);
        response.setStatus(e.status());
        if (e.status() == UNAUTHORIZED) {
            response.getHeaders().put(HttpHeader.WWW_AUTHENTICATE, "Bearer");
        }
        if (e.status() == ApiException.BUSY) {
            response.getHeaders().put(HttpHeader.RETRY_AFTER, Replies.RETRY_AFTER);
        }
        response.getHeaders().put(HttpHeader.CONTENT_TYPE, Replies.JSON);
        response.getHeaders().put(HttpHeader.CACHE_CONTROL, "no-store");
        byte[] body = json.write(new Messages.Error(e.getMessage(), e.field()));
        response.write(true, ByteBuffer.wrap(body), callback);
    }
}
