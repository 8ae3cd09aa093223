package org.rafclip.experiment;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.rafclip.data.DataException;
import org.rafclip.io.AtomicFiles;
import org.rafclip.io.Sha256;
import org.rafclip.run.Configs;
import org.rafclip.run.Default;

/**
 * What was computed, each thing in a folder named by the SHA-256 of what it depends on: equal inputs find the artefact
 * that is there, changed ones do not find a stale one. An artefact is finished when its {@code done.yaml} is there, which
 * is written last and whole; what a kill left unfinished is gone on with, if its maker can, or made anew. Of several
 * processes that want the same, one makes it and the others wait. Each for one thread.
 */
public final class Artefacts {

    private static final String INPUTS = "inputs.yaml";
    private static final String DONE = "done.yaml";
    private static final String ELAPSED = "elapsed.yaml";
    private static final String LOCK = ".artefact.lock";
    private static final int HASH_DIGITS = 16;
    private static final Duration HEARTBEAT = Duration.ofSeconds(5);

    /** A moved suite's configurations name other folders; a lock is nobody's. */
    private static final Set<String> NOT_VOUCHED = Set.of("config.yaml", ".lock", LOCK, ELAPSED, DONE);

    private final Path dir;
    private final Clock clock;
    private final Consumer<String> damage;
    private final Set<Path> verified = new HashSet<>();
    private Stopwatch running;

    /**
     * @param dir a folder for all of a suite's artefacts; made when the first is
     * @param damage told of every artefact that is made again since it was altered
     */
    public Artefacts(Path dir, Clock clock, Consumer<String> damage) {
        this.dir = dir;
        this.clock = clock;
        this.damage = damage;
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

    /** @param files the SHA-256 of what the folder held when it was finished, by name; empty in older folders */
    private record Done(
            String inputs,
            double seconds,
            String finished,
            @Default("{}") Map<String, String> files) {}

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
     * A finished artefact, unless it is not there, or something in it is not as it was when it was finished.
     *
     * @throws DataException if its folder holds something else
     */
    public Optional<Artefact> find(Inputs inputs) throws IOException {
        Path folder = folder(inputs);
        if (!Files.isRegularFile(folder.resolve(DONE))) {
            return Optional.empty();
        }
        Done done = Configs.load(folder.resolve(DONE), List.of(), Done.class);
        if (!done.inputs().equals(Configs.fingerprint(inputs))) {
            throw new DataException(folder + " was made from other inputs than its name says; delete it");
        }
        if (verified.add(folder)) {
            List<String> altered = altered(folder, done.files());
            if (!altered.isEmpty()) {
                damage.accept(folder + ": " + String.join(", ", altered) + (altered.size() == 1 ? " is" : " are")
                        + " not as when this was finished; it is made again");
                verified.remove(folder);
                return Optional.empty();
            }
        }
        return Optional.of(new Artefact(folder, done.seconds(), true));
    }

    private static List<String> altered(Path folder, Map<String, String> files) throws IOException {
        List<String> altered = new ArrayList<>();
        for (Map.Entry<String, String> file : files.entrySet()) {
            Path path = folder.resolve(file.getKey());
            if (!Files.isRegularFile(path) || !Sha256.of(path).equals(file.getValue())) {
                altered.add(file.getKey());
            }
        }
        return altered;
    }

    /** What a finished artefact is vouched for by; checkpoints carry hashes of their own and are checked when opened. */
    private static Map<String, String> hashes(Path folder) throws IOException {
        Map<String, String> hashes = new TreeMap<>();
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                String name = folder.relativize(file).toString().replace('\\', '/');
                boolean own = name.startsWith("checkpoints/") || name.startsWith("tensorboard/");
                // the stopwatch may write its file at this moment, under a temporary name
                boolean changing = NOT_VOUCHED.contains(name) || name.startsWith(ELAPSED);
                if (!own && !changing) {
                    hashes.put(name, Sha256.of(file));
                }
            }
        }
        return hashes;
    }

    /** The artefact of these inputs, made now if it is not there. */
    public Artefact get(Inputs inputs, Maker maker) throws IOException, InterruptedException {
        Optional<Artefact> there = find(inputs);
        if (there.isPresent()) {
            return there.get();
        }
        Path folder = Files.createDirectories(folder(inputs));
        FileChannel lock = FileChannel.open(folder.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        try {
            if (lock.tryLock() == null) {
                lock.lock();
                Optional<Artefact> meanwhile = find(inputs);
                if (meanwhile.isPresent()) {
                    return meanwhile.get();
                }
            }
            return make(inputs, folder, maker);
        } finally {
            lock.close();
        }
    }

    private Artefact make(Inputs inputs, Path folder, Maker maker) throws IOException, InterruptedException {
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
                    clock.instant().toString(),
                    hashes(folder));
            AtomicFiles.writeString(folder.resolve(DONE), Configs.toYaml(done));
            verified.add(folder);
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
