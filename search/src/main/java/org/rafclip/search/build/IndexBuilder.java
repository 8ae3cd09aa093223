package org.rafclip.search.build;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.data.Stages;
import org.rafclip.data.image.ImageReader;
import org.rafclip.data.image.RgbImage;
import org.rafclip.io.AtomicFiles;
import org.rafclip.io.Sha256;
import org.rafclip.search.FashionModel;
import org.rafclip.search.FashionModel.Described;
import org.rafclip.search.ListedPhotos;
import org.rafclip.search.ListedPhotos.Garment;
import org.rafclip.search.Photo;
import org.rafclip.search.Pictures;
import org.rafclip.search.Recognition;
import org.rafclip.search.build.Built.Failure;
import org.rafclip.search.index.Entry;
import org.rafclip.search.index.Graph;
import org.rafclip.search.index.IndexInfo;
import org.rafclip.search.index.IndexUpdate;

/**
 * Brings an index to what a list of photos holds. Photos are known by their content: what the index has is not embedded
 * again, whatever its file is called now. Decoding, masks and the encoder work side by side.
 */
public final class IndexBuilder {

    static final int THUMBNAIL = 320;

    /** What a thread decodes before it asks the encoder; large photos are fewer. */
    private static final int PORTION = 8;

    private static final long PIXELS = 24_000_000;

    static final String LABELS = "labels";

    /** The ids, a line each, of those whose photos could not be read when the labels changed. */
    private static final String LABELLED_BEFORE = "labelled before";

    /** Where an entry's labels come from. */
    public enum Labels {
        TABLE,
        PREDICTED,
        NONE
    }

    /**
     * @param graph for search that is not exact, empty for none
     * @param threads that decode and prepare photos
     * @param between commits, so that a kill loses no more
     * @param replace whether photos of another folder, or most of the index's, may be removed
     */
    public record Settings(Labels labels, Optional<Graph> graph, int threads, Duration between, boolean replace) {}

    /** So many photos are not removed by hand. */
    private static final int MANY = 20;

    private final FashionModel model;
    private final Settings settings;
    private final Clock clock;
    private final Stages stages;
    private final ImageReader reader = new ImageReader();

    /** @param stages told of photos */
    public IndexBuilder(FashionModel model, Settings settings, Clock clock, Stages stages) {
        this.model = model;
        this.settings = settings;
        this.clock = clock;
        this.stages = stages;
    }

    /** The garments on a photo. */
    private record OnePhoto(String file, List<Garment> garments) {}

    /** Its content's hash, or why there is none. */
    private record Hashed(OnePhoto photo, String sha256, String failure) {}

    /**
     * What became of some photos.
     *
     * @param lost ids of garments that have no entry
     */
    private record Embedded(
            int photos, List<Entry> entries, List<Failure> failures, List<String> lost, List<String> unread) {}

    private record Content(Path file, byte[] bytes) {}

    /** A garment of a decoded photo. */
    private record Ready(Garment garment, String sha256, byte[] thumbnail, Photo photo) {}

    /**
     * Updates an index, or begins one. What was committed before a failure or a kill is kept, and not done again.
     *
     * @throws DataException if the index is another model's, damaged, being written to, or cannot be written, or if what it
     *     has is of another folder and would go, which {@link Settings#replace} allows; nothing has been changed then
     */
    public Built build(ListedPhotos photos, Path folder) {
        IndexInfo info = new IndexInfo(
                model.name(),
                model.hash(),
                model.place().toAbsolutePath().normalize(),
                model.composerPlace()
                        .map(place -> place.toAbsolutePath().normalize())
                        .orElse(null),
                model.width(),
                model.images(),
                model.wholePhotos(),
                photos.root().toAbsolutePath().normalize(),
                settings.labels() == Labels.PREDICTED,
                0,
                Instant.EPOCH);
        try (IndexUpdate update = IndexUpdate.open(folder, info, settings.graph(), clock)) {
            return new Building(photos, update).run();
        }
    }

    /** One update. */
    private final class Building {

        private final ListedPhotos photos;
        private final IndexUpdate update;
        private final List<Failure> failures = new ArrayList<>();
        private final List<OnePhoto> missing = new ArrayList<>();
        private final Set<String> wanted = new HashSet<>();
        private final Set<String> old;
        private final LongAdder decoding = new LongAdder();
        private final boolean sameLabels;
        private final Set<String> labelledBefore;
        private final Set<String> stillLabelledBefore = new TreeSet<>();
        private final String wantedLabels;
        private long writing;
        private int embedded;
        private int renamed;
        private int relabelled;
        private int unchanged;
        private int removed;

        Building(ListedPhotos photos, IndexUpdate update) {
            this.photos = photos;
            this.update = update;
            String labels = settings.labels() == Labels.PREDICTED
                    ? "predicted in the words " + Sha256.of(model.vocabulary().toString())
                    : settings.labels() == Labels.TABLE ? "given" : "none";
            this.wantedLabels = labels;
            this.old = update.ids();
            this.sameLabels = old.isEmpty() || update.note(LABELS).equals(Optional.of(labels));
            this.labelledBefore = update.note(LABELLED_BEFORE)
                    .map(ids -> Set.of(ids.split("\n")))
                    .orElse(Set.of());
            // Until the end some entries may have the labels of before: then all are to be labelled again.
            update.note(LABELS, sameLabels ? labels : "changing");
        }

        Built run() {
            FashionModel.Spent before = model.spent();
            long begin = System.nanoTime();
            compare();
            remove();
            double hashing = seconds(begin);
            begin = System.nanoTime();
            embed();
            double embedding = seconds(begin);
            begin = System.nanoTime();
            Progress progress = stages.stage("finishing the index", 1);
            progress.update(0, 1);
            update.note(LABELS, wantedLabels);
            update.note(LABELLED_BEFORE, String.join("\n", stillLabelledBefore));
            update.finish();
            progress.update(1, 1);
            double finishing = seconds(begin);
            FashionModel.Spent after = model.spent();
            return new Built(
                    wanted.size(),
                    embedded,
                    renamed,
                    relabelled,
                    unchanged,
                    removed,
                    failures,
                    new Built.Spent(
                            hashing,
                            embedding,
                            finishing,
                            decoding.sum() / 1e9,
                            after.preparing() - before.preparing(),
                            after.encoding() - before.encoding(),
                            writing / 1e9,
                            settings.threads()));
        }

        /** Hashes every photo; what the index has of it is kept, the rest is to be embedded. */
        private void compare() {
            Map<String, List<Garment>> byFile = photos.garments().stream()
                    .collect(Collectors.groupingBy(Garment::file, LinkedHashMap::new, Collectors.toList()));
            Progress progress = stages.stage("comparing photos", byFile.size());
            Iterator<OnePhoto> each = byFile.entrySet().stream()
                    .map(entry -> new OnePhoto(entry.getKey(), entry.getValue()))
                    .iterator();
            int[] done = {0};
            Workers.run(settings.threads(), each, this::hash, hashed -> {
                if (hashed.failure() != null) {
                    failures.add(new Failure(hashed.photo().file(), hashed.failure()));
                    stayAsTheyWere(hashed.photo().garments().stream().map(Garment::id));
                } else {
                    List<Garment> rest = hashed.photo().garments().stream()
                            .filter(garment -> !keep(garment, hashed.sha256()))
                            .toList();
                    if (!rest.isEmpty()) {
                        missing.add(new OnePhoto(hashed.photo().file(), rest));
                    }
                }
                progress.update(++done[0], byFile.size());
            });
        }

        /** Garments of photos that cannot be read: their disk may be back tomorrow. */
        private void stayAsTheyWere(Stream<String> ids) {
            ids.filter(old::contains).forEach(id -> {
                wanted.add(id);
                if (!hasTheseLabels(id)) {
                    stillLabelledBefore.add(id);
                }
            });
        }

        private boolean hasTheseLabels(String id) {
            return sameLabels && !labelledBefore.contains(id);
        }

        private Hashed hash(OnePhoto photo) {
            try {
                return new Hashed(photo, Sha256.of(reader.locate(photos.root(), photo.file())), null);
            } catch (DataException e) {
                return new Hashed(photo, null, e.getMessage());
            } catch (IOException e) {
                return new Hashed(
                        photo,
                        null,
                        AtomicFiles.naming(Path.of(photo.file()), e).getMessage());
            }
        }

        /** Whether the index has a garment already; brings its id, file and labels up to date then. */
        private boolean keep(Garment garment, String sha256) {
            Optional<Entry> same = update.get(garment.id())
                    .filter(entry ->
                            entry.sha256().equals(sha256) && entry.box().equals(garment.box()));
            Optional<Entry> known = same.isPresent() ? same : update.ofContent(sha256, garment.box());
            if (known.isEmpty()) {
                return false;
            }
            boolean labelled = hasTheseLabels(known.get().id());
            if (settings.labels() == Labels.PREDICTED && !labelled) {
                return false;
            }
            boolean colored = garment.labels().containsKey(Entry.COLOR)
                    || known.get().labels().containsKey(Entry.COLOR);
            if (settings.labels() == Labels.TABLE && !labelled && !colored) {
                // Where labels were not asked for, no color was looked at.
                return false;
            }
            Map<String, List<String>> labels = settings.labels() == Labels.PREDICTED
                    ? known.get().labels()
                    : labels(garment, known.get().labels().getOrDefault(Entry.COLOR, List.of()));
            wanted.add(garment.id());
            if (same.isEmpty()) {
                renamed++;
            } else if (labels.equals(known.get().labels()) && known.get().file().equals(garment.file())) {
                unchanged++;
                return true;
            } else {
                relabelled++;
            }
            put(new Entry(
                    garment.id(),
                    garment.file(),
                    sha256,
                    garment.box(),
                    labels,
                    known.get().vector(),
                    known.get().thumbnail()));
            return true;
        }

        /** @param color that was seen, for a table that does not say */
        private Map<String, List<String>> labels(Garment garment, List<String> color) {
            if (settings.labels() == Labels.NONE) {
                return Map.of();
            }
            Map<String, List<String>> labels = new LinkedHashMap<>(garment.labels());
            if (!color.isEmpty()) {
                labels.putIfAbsent(Entry.COLOR, color);
            }
            return labels;
        }

        /** Whatever is not in the list any more goes. What is still to be embedded stays as it was until it is replaced. */
        private void remove() {
            Set<String> stay = new HashSet<>(wanted);
            missing.forEach(photo -> photo.garments().forEach(garment -> stay.add(garment.id())));
            List<String> gone = old.stream().filter(id -> !stay.contains(id)).toList();
            requireExpected(gone.size());
            gone.forEach(update::delete);
            removed += gone.size();
            if (removed + renamed + relabelled > 0) {
                update.commit();
            }
        }

        /** Photos vanish by the folder where a disk is not there. */
        private void requireExpected(int gone) {
            if (gone == 0 || settings.replace()) {
                return;
            }
            Path root = photos.root().toAbsolutePath().normalize();
            Optional<Path> before = update.rootBefore();
            if (!before.equals(Optional.of(root))) {
                throw new DataException(String.format(
                        Locale.ROOT,
                        "the index has photos of %s, and %,d of its %,d garments are not in %s. Say --replace to remove"
                                + " them, or name another folder for an index of these photos.",
                        before.map(Path::toString).orElse("another folder"),
                        gone,
                        old.size(),
                        root));
            }
            if (gone >= MANY && gone > old.size() / 2) {
                throw new DataException(String.format(
                        Locale.ROOT,
                        "%,d of the index's %,d garments are no longer in %s. Say --replace to remove them; nothing was done.",
                        gone,
                        old.size(),
                        root));
            }
        }

        private void embed() {
            if (missing.isEmpty()) {
                return;
            }
            Progress progress = stages.stage("embedding photos", missing.size());
            int[] done = {0};
            Instant[] committed = {clock.instant()};
            Workers.run(settings.threads(), portions(), this::embed, some -> {
                some.entries().forEach(entry -> {
                    put(entry);
                    wanted.add(entry.id());
                    embedded++;
                });
                failures.addAll(some.failures());
                stayAsTheyWere(some.unread().stream());
                some.lost().stream().filter(old::contains).forEach(id -> {
                    update.delete(id);
                    removed++;
                });
                done[0] += some.photos();
                progress.update(done[0], missing.size());
                if (Duration.between(committed[0], clock.instant()).compareTo(settings.between()) >= 0) {
                    update.commit();
                    committed[0] = clock.instant();
                }
            });
        }

        private Iterator<List<OnePhoto>> portions() {
            int count = (missing.size() + PORTION - 1) / PORTION;
            return IntStream.range(0, count)
                    .mapToObj(i -> missing.subList(i * PORTION, Math.min(missing.size(), (i + 1) * PORTION)))
                    .iterator();
        }

        private void put(Entry entry) {
            long begin = System.nanoTime();
            update.put(entry);
            writing += System.nanoTime() - begin;
        }

        private Embedded embed(List<OnePhoto> some) {
            Embedded embedded = new Embedded(
                    some.size(), new ArrayList<>(), new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
            List<Ready> ready = new ArrayList<>();
            long pixels = 0;
            for (OnePhoto photo : some) {
                Content content;
                try {
                    content = read(photo);
                } catch (DataException e) {
                    embedded.failures().add(new Failure(photo.file(), e.getMessage()));
                    photo.garments().forEach(garment -> embedded.unread().add(garment.id()));
                    continue;
                }
                try {
                    List<Ready> garments = decode(photo, content);
                    ready.addAll(garments);
                    RgbImage image = garments.get(0).photo().image();
                    pixels += (long) image.width() * image.height();
                } catch (DataException e) {
                    embedded.failures().add(new Failure(photo.file(), e.getMessage()));
                    photo.garments().forEach(garment -> embedded.lost().add(garment.id()));
                }
                if (pixels > PIXELS) {
                    describe(ready, embedded);
                    ready.clear();
                    pixels = 0;
                }
            }
            describe(ready, embedded);
            return embedded;
        }

        private Content read(OnePhoto photo) {
            long begin = System.nanoTime();
            try {
                Path file = reader.locate(photos.root(), photo.file());
                return new Content(file, Files.readAllBytes(file));
            } catch (IOException e) {
                throw new DataException(photo.file() + ": cannot be read (" + e.getMessage() + ")", e);
            } finally {
                decoding.add(System.nanoTime() - begin);
            }
        }

        private List<Ready> decode(OnePhoto photo, Content content) {
            long begin = System.nanoTime();
            try {
                RgbImage image = reader.read(content.bytes(), content.file().toString());
                byte[] thumbnail = Pictures.jpeg(image, THUMBNAIL);
                String sha256 = Sha256.of(content.bytes());
                return photo.garments().stream()
                        .map(garment -> new Ready(garment, sha256, thumbnail, new Photo(image, garment.box())))
                        .toList();
            } finally {
                decoding.add(System.nanoTime() - begin);
            }
        }

        /** All together; where one of them cannot be, each alone. */
        private void describe(List<Ready> ready, Embedded embedded) {
            try {
                embedded.entries().addAll(entries(ready));
            } catch (DataException e) {
                if (ready.size() == 1) {
                    Garment garment = ready.get(0).garment();
                    embedded.failures().add(new Failure(garment.file(), garment.id() + ": " + e.getMessage()));
                    embedded.lost().add(garment.id());
                } else {
                    ready.forEach(one -> describe(List.of(one), embedded));
                }
            }
        }

        private List<Entry> entries(List<Ready> ready) {
            List<Photo> asked = ready.stream().map(Ready::photo).toList();
            List<Entry> entries = new ArrayList<>();
            if (settings.labels() == Labels.NONE) {
                List<float[]> vectors = model.embed(asked);
                for (int i = 0; i < ready.size(); i++) {
                    entries.add(entry(ready.get(i), Map.of(), vectors.get(i)));
                }
                return entries;
            }
            List<Described> described = model.describe(asked);
            for (int i = 0; i < ready.size(); i++) {
                Recognition seen = described.get(i).recognition();
                Map<String, List<String>> labels = settings.labels() == Labels.PREDICTED
                        ? seen.labels()
                        : labels(ready.get(i).garment(), List.of(seen.color()));
                entries.add(entry(ready.get(i), labels, described.get(i).vector()));
            }
            return entries;
        }

        private static Entry entry(Ready ready, Map<String, List<String>> labels, float[] vector) {
            Garment garment = ready.garment();
            return new Entry(
                    garment.id(), garment.file(), ready.sha256(), garment.box(), labels, vector, ready.thumbnail());
        }
    }

    private static double seconds(long begin) {
        return (System.nanoTime() - begin) / 1e9;
    }
}
