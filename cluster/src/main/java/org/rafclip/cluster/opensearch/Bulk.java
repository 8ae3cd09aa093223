package org.rafclip.cluster.opensearch;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.search.index.Entry;

/**
 * Entries into an index, many at once. Who adds waits while {@link #REQUESTS} are under way, so that memory is bounded and the
 * cluster sets the pace; what it has no room for at the moment is sent again, later and later.
 */
final class Bulk implements AutoCloseable {

    private static final int REQUESTS = 2;
    private static final int BYTES = 4 << 20;
    private static final int TOO_MANY = 429;
    private static final int UNAVAILABLE = 503;
    private static final int FIRST_FAULT = 300;

    private final Cluster cluster;
    private final String index;
    private final boolean resumed;
    private final long patience;
    private final Progress progress;
    private final int total;
    private final Semaphore places = new Semaphore(REQUESTS);
    private final ExecutorService sending = Executors.newFixedThreadPool(REQUESTS, task -> {
        Thread thread = new Thread(task, "bulk");
        thread.setDaemon(true);
        return thread;
    });
    private final AtomicReference<RuntimeException> failure = new AtomicReference<>();
    private List<Line> lines = new ArrayList<>();
    private int size;
    private int done;

    /** A document with its command, as the bulk API reads it. */
    private record Line(String key, String id, byte[] bytes) {}

    /**
     * @param resumed whether some of the entries may be there already; they are not sent again then
     * @param patience nanoseconds in which something has to be taken
     * @param total entries there will be
     */
    Bulk(Cluster cluster, String index, boolean resumed, long patience, Progress progress, int total) {
        this.cluster = cluster;
        this.index = index;
        this.resumed = resumed;
        this.patience = patience;
        this.progress = progress;
        this.total = total;
    }

    /**
     * Adds an entry; waits while too much is under way. For one thread.
     *
     * @throws DataException if an earlier one could not be written
     */
    void add(Entry entry) {
        Line line = line(entry);
        if (size + line.bytes().length > BYTES && !lines.isEmpty()) {
            flush();
        }
        lines.add(line);
        size += line.bytes().length;
    }

    private static Line line(Entry entry) {
        String key = Garments.key(entry.id());
        ObjectNode command = Cluster.JSON.createObjectNode();
        command.putObject("index").put("_id", key);
        try {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            bytes.writeBytes(Cluster.JSON.writeValueAsBytes(command));
            bytes.write('\n');
            bytes.writeBytes(Cluster.JSON.writeValueAsBytes(Garments.document(entry)));
            bytes.write('\n');
            return new Line(key, entry.id(), bytes.toByteArray());
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    private void flush() {
        List<Line> some = lines;
        lines = new ArrayList<>();
        size = 0;
        places.acquireUninterruptibly();
        RuntimeException failed = failure.get();
        if (failed != null) {
            places.release();
            throw failed;
        }
        sending.execute(() -> {
            try {
                write(resumed ? missing(some) : some);
                advance(some.size());
            } catch (RuntimeException e) {
                failure.compareAndSet(null, e);
            } finally {
                places.release();
            }
        });
    }

    private synchronized void advance(int more) {
        done += more;
        progress.update(done, total);
    }

    private List<Line> missing(List<Line> some) {
        ObjectNode body = Cluster.JSON.createObjectNode();
        ArrayNode keys = body.putArray("ids");
        some.forEach(line -> keys.add(line.key()));
        Set<String> there = new HashSet<>();
        for (JsonNode document :
                cluster.ask("POST", "/" + index + "/_mget?_source=false", body).path("docs")) {
            if (document.path("found").asBoolean()) {
                there.add(document.path("_id").asText());
            }
        }
        return some.stream().filter(line -> !there.contains(line.key())).toList();
    }

    private void write(List<Line> some) {
        List<Line> rest = some;
        long begin = System.nanoTime();
        for (int attempt = 0; !rest.isEmpty(); attempt++) {
            ByteArrayOutputStream body = new ByteArrayOutputStream();
            rest.forEach(line -> body.writeBytes(line.bytes()));
            JsonNode items = cluster.askLines(
                            "/" + index + "/_bulk?filter_path=items.*.status,items.*.error", body.toByteArray())
                    .path("items");
            List<Line> later = new ArrayList<>();
            String reason = "";
            for (int i = 0; i < rest.size(); i++) {
                JsonNode item = items.path(i).path("index");
                int status = item.path("status").asInt(TOO_MANY);
                if (status >= FIRST_FAULT) {
                    reason = item.path("error").path("reason").asText("no answer");
                    requirePassing(rest.get(i), status, reason);
                    later.add(rest.get(i));
                }
            }
            if (later.size() < rest.size()) {
                begin = System.nanoTime();
                attempt = 0;
            } else if (System.nanoTime() - begin > patience) {
                throw new DataException(cluster.address() + ": took no more garments for "
                        + TimeUnit.NANOSECONDS.toSeconds(patience) + " s (" + reason
                        + "). Look at the cluster's health, then do the same again: it goes on where it was.");
            }
            rest = later;
            if (!rest.isEmpty()) {
                Cluster.pause(attempt);
            }
        }
    }

    /** @throws DataException if waiting does not help */
    private void requirePassing(Line line, int status, String reason) {
        if (reason.contains("flood-stage") || reason.contains("No space left")) {
            throw new DataException(cluster.address() + ": the cluster's disks are full (" + reason
                    + "). Make room or add a node, then do the same again: it goes on where it was.");
        }
        if (status != TOO_MANY && status != UNAVAILABLE) {
            throw new DataException(
                    cluster.address() + ": '" + line.id() + "' is refused (" + status + " " + reason + ")");
        }
    }

    /**
     * Waits until everything is written.
     *
     * @throws DataException if something could not be
     */
    void finish() {
        if (!lines.isEmpty()) {
            flush();
        }
        places.acquireUninterruptibly(REQUESTS);
        places.release(REQUESTS);
        RuntimeException failed = failure.get();
        if (failed != null) {
            throw failed;
        }
    }

    @Override
    public void close() {
        sending.shutdownNow();
    }
}
