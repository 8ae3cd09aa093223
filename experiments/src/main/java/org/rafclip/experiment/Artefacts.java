package org.rafclip.experiment;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.rafclip.data.DataException;
import org.rafclip.io.AtomicFiles;
import org.rafclip.run.Configs;

/**
 * What was computed, each thing in a folder named by the SHA-256 of what it depends on: equal inputs find the artefact
 * that is there, changed ones do not find a stale one. An artefact is finished when its {@code done.yaml} is there, which
 * is written last and whole; what a kill left unfinished is gone on with, if its maker can, or made anew. For one process
 * at a time.
 */
public final class Artefacts {

    private static final String INPUTS = "inputs.yaml";
    private static final String DONE = "done.yaml";
    private static final String ELAPSED = "elapsed.yaml";
    private static final int HASH_DIGITS = 16;
    private static final Duration HEARTBEAT = Duration.ofSeconds(5);

    private final Path dir;
    private final Clock clock;
    private Stopwatch running;

    /** @param dir a folder for all of a suite's artefacts; made when the first is */
    public Artefacts(Path dir, Clock clock) {
        this.dir = dir;
        this.clock = clock;
    }

    /**
     * Everything that an artefact depends on.
     *
     * @param kind the first part of its folder's name
     * @param settings that change what comes out; no folders, no number of threads
     * @param from names by content of what it is made from: photos, other artefacts
     * @param version what of the program it depends on: its version, or the very code
     */
    public record Inputs(String kind, JsonNode settings, Map<String, String> from, String version) {

        public Inputs {
            from = new TreeMap<>(from);
        }

        /** The artefact's name: its kind and the beginning of its inputs' SHA-256. */
        public String name() {
            return kind + "-" + Configs.fingerprint(this).substring(0, HASH_DIGITS);
        }
    }

    /**
     * A finished artefact.
     *
     * @param folder it lies in
     * @param seconds that it took, over all attempts and without other artefacts that were made on the way
     * @param reused whether it was there before
     */
    public record Artefact(Path folder, double seconds, boolean reused) {}

    private record Done(String inputs, double seconds, String finished) {}

    private record Elapsed(double seconds) {}

    /** Fills an artefact's folder, in which an earlier attempt may have left a part. */
    public interface Maker {
        void make(Path folder) throws IOException, InterruptedException;
    }

    /** Where an artefact lies or will lie. */
    public Path folder(Inputs inputs) {
        return dir.resolve(inputs.name());
    }

    /**
     * A finished artefact, unless it is not there.
     *
     * @throws DataException if its folder holds something else
     */
    public Optional<Artefact> find(Inputs inputs) {
        Path folder = folder(inputs);
        if (!Files.isRegularFile(folder.resolve(DONE))) {
            return Optional.empty();
        }
        Done done = Configs.load(folder.resolve(DONE), List.of(), Done.class);
        if (!done.inputs().equals(Configs.fingerprint(inputs))) {
            throw new DataException(folder + " was made from other inputs than its name says; delete it");
        }
        return Optional.of(new Artefact(folder, done.seconds(), true));
    }

    /** The artefact of these inputs, made now if it is not there. */
    public Artefact get(Inputs inputs, Maker maker) throws IOException, InterruptedException {
        Optional<Artefact> there = find(inputs);
        if (there.isPresent()) {
            return there.get();
        }
        Path folder = Files.createDirectories(folder(inputs));
        AtomicFiles.deleteLeftovers(folder);
        AtomicFiles.writeString(folder.resolve(INPUTS), Configs.toYaml(inputs));
        try (Stopwatch watch = new Stopwatch(folder.resolve(ELAPSED))) {
            maker.make(folder);
            // Mapped features and arrays of a finished model are freed by the collector only, which does not see how
            // large they are: its own heap stays nearly empty.
            System.gc();
            Done done = new Done(
                    Configs.fingerprint(inputs),
                    watch.seconds(),
                    clock.instant().toString());
            AtomicFiles.writeString(folder.resolve(DONE), Configs.toYaml(done));
            watch.done = true;
            return new Artefact(folder, done.seconds(), false);
        }
    }

    /** Notes down every few seconds how long an artefact has taken, so that a kill does not lose it. */
    private final class Stopwatch implements AutoCloseable {

        private final Path file;
        private final double before;
        private final Instant begin = clock.instant();
        private final Stopwatch around = running;
        private volatile Duration elsewhere = Duration.ZERO;
        private boolean done;
        private final ScheduledExecutorService notes = Executors.newSingleThreadScheduledExecutor(work -> {
            Thread thread = new Thread(work, "stopwatch");
            thread.setDaemon(true);
            return thread;
        });

        Stopwatch(Path file) {
            this.file = file;
            this.before = Files.isRegularFile(file)
                    ? Configs.load(file, List.of(), Elapsed.class).seconds()
                    : 0;
            running = this;
            notes.scheduleAtFixedRate(this::note, HEARTBEAT.toMillis(), HEARTBEAT.toMillis(), TimeUnit.MILLISECONDS);
        }

        double seconds() {
            return before
                    + Duration.between(begin, clock.instant()).minus(elsewhere).toNanos() / 1e9;
        }

        private void note() {
            try {
                AtomicFiles.writeString(file, Configs.toYaml(new Elapsed(seconds())));
            } catch (IOException e) {
                // The artefact itself will meet the full or missing disk, and says so.
                notes.shutdown();
            }
        }

        @Override
        public void close() throws IOException {
            running = around;
            if (around != null) {
                around.elsewhere = around.elsewhere.plus(Duration.between(begin, clock.instant()));
            }
            notes.shutdown();
            try {
                notes.awaitTermination(1, TimeUnit.MINUTES);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            if (done) {
                Files.deleteIfExists(file);
            } else {
                note();
            }
        }
    }
}
