package org.rafclip.search;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.rafclip.data.Progress;
import org.rafclip.data.drawn.DrawnData;
import org.rafclip.data.image.ImageReader;
import org.rafclip.data.table.TableSettings;
import org.rafclip.eval.PhotoEvaluation.Images;
import org.rafclip.search.index.Entry;
import org.rafclip.search.index.IndexInfo;
import org.rafclip.search.index.IndexUpdate;
import org.rafclip.search.index.LuceneIndex;
import org.rafclip.search.index.PhotoIndex;

/** Indexes for a {@link FakeModel}. */
public final class FakeIndex {

    private FakeIndex() {}

    /** An index of entries. */
    public static PhotoIndex of(Path dir, Path root, int width, List<Entry> entries) {
        IndexInfo info = new IndexInfo(
                "fake",
                FakeModel.HASH,
                Path.of("/nowhere/fake"),
                null,
                width,
                Images.REGIONS,
                false,
                root,
                false,
                entries.size(),
                Instant.EPOCH);
        try (IndexUpdate update = IndexUpdate.open(dir, info, Optional.empty(), Clock.systemUTC())) {
            entries.forEach(update::put);
            update.commit();
        }
        return LuceneIndex.open(dir);
    }

    /** Drawn photos whose vectors are the sums of those of their labels' words. */
    public static PhotoIndex drawn(Path dir, int count) throws IOException {
        Path root = dir.resolve("photos");
        if (!Files.exists(root)) {
            try {
                DrawnData.write(root, new DrawnData.Drawing(count, 256, 7), 2, Progress.NONE);
            } catch (InterruptedException e) {
                throw new IOException(e);
            }
        }
        ListedPhotos photos = ListedPhotos.in(root.resolve(DrawnData.TABLE), TableSettings.DEFAULT);
        ImageReader reader = new ImageReader();
        List<Entry> entries = new ArrayList<>();
        for (ListedPhotos.Garment garment : photos.garments()) {
            Path file = reader.locate(photos.root(), garment.file());
            entries.add(new Entry(
                    garment.id(),
                    garment.file(),
                    Integer.toHexString(garment.file().hashCode()),
                    garment.box(),
                    garment.labels(),
                    Vectors.unit(WordVectors.of(text(garment.labels()))),
                    Pictures.jpeg(reader.read(file), 320)));
        }
        return of(dir.resolve("index"), photos.root(), WordVectors.WIDTH, entries);
    }

    private static String text(Map<String, List<String>> labels) {
        StringBuilder text = new StringBuilder();
        labels.forEach((facet, words) -> {
            // what a garment is counts more than how its neckline is called
            int weight = facet.equals(Entry.CATEGORY) || facet.equals(Entry.COLOR) ? 3 : 1;
            for (int i = 0; i < weight; i++) {
                text.append(String.join(" ", words)).append(' ');
            }
        });
        return text.toString();
    }
}
