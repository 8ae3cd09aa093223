package org.rafclip.photos;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import lombok.AccessLevel;
import lombok.Getter;
import lombok.RequiredArgsConstructor;
import lombok.experimental.Accessors;
import org.rafclip.data.DataException;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.data.image.ImageReader;
import org.rafclip.data.table.PhotoTable;
import org.rafclip.io.Sha256;

/**
 * A split whose photos are known by their content, so that they are known again under another name, and others under the
 * same name are not taken for them. A photo is hashed once, by the first {@link #hash} of it.
 */
@RequiredArgsConstructor(access = AccessLevel.PACKAGE)
public final class PhotoSplit {

    /** The data folder, or the table. */
    @Getter
    @Accessors(fluent = true)
    private final Path dir;

    /** What its annotation files say. */
    @Getter
    @Accessors(fluent = true)
    private final FashionSplit annotations;

    private final ImageReader reader = new ImageReader();
    private final Map<String, String> hashes = new ConcurrentHashMap<>();

    /** Whether a table lists the photos. */
    boolean listed() {
        return PhotoTable.isTable(dir);
    }

    public String name() {
        return annotations.name();
    }

    public AttributeTaxonomy taxonomy() {
        return annotations.taxonomy();
    }

    public List<FashionItem> items() {
        return annotations.items();
    }

    /**
     * Where an item's photo lies.
     *
     * @throws DataException naming the line that lists it where it is missing
     */
    public Path photo(FashionItem item) {
        try {
            return reader.locate(annotations.imageRoot(), item.image());
        } catch (DataException e) {
            throw new DataException(annotations.place(item) + ": " + e.getMessage(), e);
        }
    }

    /**
     * The SHA-256 of an item's photo file.
     *
     * @throws DataException where it is missing or cannot be read
     */
    public String hash(FashionItem item) {
        return hashes.computeIfAbsent(item.image(), image -> {
            Path photo = photo(item);
            try {
                return Sha256.of(photo);
            } catch (IOException e) {
                throw new DataException(
                        photo + ": cannot be read (" + e.getMessage()
                                + "); ./rafclip data check lists every photo that is missing",
                        e);
            }
        });
    }

    /**
     * {@link #hash} of some items by their ids, in their order.
     *
     * @throws DataException where a photo is missing or cannot be read
     */
    public Map<String, String> hashes(Collection<FashionItem> some) {
        Map<String, String> byId = new LinkedHashMap<>();
        some.forEach(item -> byId.put(item.id(), hash(item)));
        return byId;
    }
}
