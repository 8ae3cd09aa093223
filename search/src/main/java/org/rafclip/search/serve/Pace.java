package org.rafclip.search.serve;

import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.thread.Scheduler;

/**
 * Gives up an answer that is taken more slowly than some bytes a second, after a while that every answer has. (Jetty's
 * {@code MinimumDataRateHandler} gives an answer of 15 bytes some milliseconds, which a busy machine needs for itself.) How long
 * a body may take is {@link Guard}'s.
 */
final class Pace extends Handler.Wrapper {

    /** Bytes a second. */
    private static final long SLOWEST = 2048;

    private static final long LEAST_MILLIS = 5000;

    Pace(Handler handler) {
        super(handler);
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) throws Exception {
        return super.handle(
                request,
                new Response.Wrapper(request, response) {
                    @Override
                    public void write(boolean last, ByteBuffer content, Callback written) {
                        long bytes = content == null ? 0 : content.remaining();
                        Scheduler.Task late = request.getComponents()
                                .getScheduler()
                                .schedule(
                                        () -> written.failed(new TimeoutException("the answer is taken too slowly")),
                                        LEAST_MILLIS + 1000 * bytes / SLOWEST,
                                        TimeUnit.MILLISECONDS);
                        super.write(last, content, Callback.from(late::cancel, written));
                    }
                },
                callback);
    }
}
