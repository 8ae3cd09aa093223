package org.rafclip.search.serve;

import io.javalin.http.Context;
import io.javalin.http.HttpResponseException;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeoutException;
import java.util.function.BiConsumer;
import lombok.RequiredArgsConstructor;
import org.rafclip.search.Busy;
import org.rafclip.search.query.LostPhotoException;
import org.rafclip.search.query.QueryException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Writes answers, and the reasons why there is none. */
@RequiredArgsConstructor
final class Replies {

    static final String JSON = "application/json";
    static final String JPEG = "image/jpeg";

    /** Seconds. */
    static final String RETRY_AFTER = "1";

    private static final String NO_STORE = "no-store";
    private static final int INTERNAL_ERROR = 500;
    private static final int NOT_MODIFIED = 304;

    private static final int METHOD_NOT_ALLOWED = 405;
    private static final Logger LOG = LoggerFactory.getLogger(Replies.class);

    private final Json json;

    void json(Context context, int status, Object message) {
        context.status(status)
                .contentType(JSON)
                .header("Cache-Control", NO_STORE)
                .result(json.write(message));
    }

    /** Content that is kept by browsers for a while, and asked for again by its tag. */
    void content(Context context, byte[] content, String type, String tag, String cache) {
        context.header("ETag", tag).header("Cache-Control", cache);
        if (Tags.match(context.header("If-None-Match"), tag)) {
            context.status(NOT_MODIFIED);
        } else {
            context.contentType(type).result(content);
        }
    }

    /** Answers when something is done. */
    <T> void when(Context context, CompletableFuture<T> answer, BiConsumer<Context, T> write) {
        context.future(() -> answer.handle((value, failure) -> {
            if (failure != null) {
                refuse(context, failure);
            } else {
                try {
                    write.accept(context, value);
                } catch (RuntimeException e) {
                    refuse(context, e);
                }
            }
            return null;
        }));
    }

    void refuse(Context context, Throwable failure) {
        Throwable e = failure;
        while (e instanceof CompletionException && e.getCause() != null) {
            e = e.getCause();
        }
        if (e instanceof HttpResponseException http && http.getStatus() == METHOD_NOT_ALLOWED) {
            context.header("Allow", String.join(", ", http.getDetails().values()));
        }
        ApiException told = told(context, e);
        if (told.status() == ApiException.BUSY) {
            context.header("Retry-After", RETRY_AFTER);
        }
        json(context, told.status(), new Messages.Error(told.getMessage(), told.field()));
    }

    private static ApiException told(Context context, Throwable e) {
        if (e instanceof ApiException api) {
            return api;
        } else if (e instanceof QueryException query) {
            return new ApiException(ApiException.CANNOT_BE_ANSWERED, query.field(), query.getMessage());
        } else if (e instanceof Busy) {
            return ApiException.busy(e.getMessage());
        } else if (e instanceof LostPhotoException lost) {
            LOG.warn("{}", lost.getMessage());
            return new ApiException(
                    ApiException.NOT_FOUND, null, "the photo itself cannot be read where it was when it was indexed");
        } else if (e instanceof HttpResponseException http && http.getStatus() < INTERNAL_ERROR) {
            return new ApiException(http.getStatus(), null, reason(http.getStatus()));
        } else if (e instanceof IOException || e instanceof TimeoutException) {
            return new ApiException(ApiException.BAD_REQUEST, null, "the request ended before its end");
        } else if (e instanceof OutOfMemoryError) {
            LOG.error("out of memory answering {} {}", context.method(), context.path());
            return ApiException.busy("too little memory at the moment; ask again later");
        }
        LOG.error("{} {}", context.method(), context.path(), e);
        return new ApiException(INTERNAL_ERROR, null, "a fault of the server; its log says more");
    }

    private static String reason(int status) {
        return switch (status) {
            case 404 -> "there is nothing at this address; see /openapi.json";
            case 405 -> "this address does not take this method; see /openapi.json";
            case 413 -> "the body is too large";
            default -> "the request cannot be read";
        };
    }
}
