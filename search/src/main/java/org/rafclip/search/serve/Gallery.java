package org.rafclip.search.serve;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.rafclip.data.DataException;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.Dimensions;
import org.rafclip.data.image.ImageReader;
import org.rafclip.data.image.RgbImage;
import org.rafclip.search.Photo;
import org.rafclip.search.Pictures;
import org.rafclip.search.index.Entry;
import org.rafclip.search.query.Part;
import org.rafclip.search.query.Searcher;

/** The photos that can be asked for: the index's, and those that were uploaded. Decodes so many pixels at once, no more. */
final class Gallery {

    private static final int SIZES_KEPT = 1 << 16;
    private static final int PIXELS_A_PERMIT = 1_000_000;
    private static final int SIDE = 1280;
    private static final int THUMBNAIL_SIDE = 320;

    private final Searcher searcher;
    private final Uploads uploads;
    private final ImageReader reader;
    private final long pixels;
    private final Semaphore decoding;
    private final int permits;
    private final long patienceSeconds;
    private final Map<String, Optional<Dimensions>> sizes = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Optional<Dimensions>> eldest) {
            return size() > SIZES_KEPT;
        }
    };

    /**
     * @param pixels of an upload at most
     * @param decoded pixels in memory at once at most
     */
    Gallery(Searcher searcher, Uploads uploads, long pixels, long decoded, long patienceSeconds) {
        this.searcher = searcher;
        this.uploads = uploads;
        this.reader = new ImageReader(pixels);
        this.pixels = pixels;
        this.permits = permits(Math.max(decoded, pixels));
        this.decoding = new Semaphore(permits, true);
        this.patienceSeconds = patienceSeconds;
    }

    private static int permits(long pixels) {
        return (int) Math.min(Integer.MAX_VALUE, 1 + (pixels - 1) / PIXELS_A_PERMIT);
    }

    /**
     * Does something for which photos are decoded, as soon as there is room for their pixels.
     *
     * @throws ApiException if there is none for long
     */
    <T> T decoding(long pixelsNeeded, Supplier<T> task) {
        if (pixelsNeeded <= 0) {
            return task.get();
        }
        int needed = permits(pixelsNeeded);
        if (needed > permits) {
            throw new ApiException(
                    ApiException.CANNOT_BE_ANSWERED,
                    null,
                    "the photos have " + pixelsNeeded / PIXELS_A_PERMIT + " megapixels together, more than the "
                            + permits + " taken at once; send smaller ones, or fewer");
        }
        try {
            if (!decoding.tryAcquire(needed, patienceSeconds, TimeUnit.SECONDS)) {
                throw ApiException.busy("too many photos at once; ask again in a moment");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw ApiException.busy("the server stops");
        }
        try {
            return task.get();
        } finally {
            decoding.release(needed);
        }
    }

    /** Pixels of a photo, where it is known; otherwise the most that it can have. */
    long pixels(String id) {
        Optional<Uploads.Upload> upload = uploads.get(id);
        if (upload.isPresent()) {
            return (long) upload.get().width() * upload.get().height();
        }
        return searcher.index()
                .get(id)
                .flatMap(this::size)
                .map(size -> (long) size.width() * size.height())
                .orElse(pixels);
    }

    /** A photo of the index or an upload as part of a question; the index's are not read for that. */
    Part part(String id, Optional<Box> box, double weight, String field) {
        if (searcher.index().get(id).isPresent()) {
            return new Part.Example(id, box, weight);
        }
        return new Part.Upload(new Photo(decoded(upload(id, field)), box), weight);
    }

    /** Whether using it in a question takes its pixels. */
    boolean isUpload(String id) {
        return searcher.index().get(id).isEmpty();
    }

    /** A photo with a box, that of its entry where none is given. */
    Photo photo(String id, Optional<Box> box, String field) {
        if (searcher.index().get(id).isPresent()) {
            Photo photo = searcher.photo(id);
            return box.map(photo::in).orElse(photo);
        }
        return new Photo(decoded(upload(id, field)), box);
    }

    Uploads.Upload upload(String id, String field) {
        return uploads.get(id)
                .orElseThrow(() -> new ApiException(
                        ApiException.NOT_FOUND,
                        field,
                        id.startsWith(Uploads.PREFIX)
                                ? "this upload is not here any more; upload the photo again"
                                : "there is no photo with this id"));
    }

    private RgbImage decoded(Uploads.Upload upload) {
        return reader.read(upload.content(), "the upload");
    }

    /** Takes a photo in. It is decoded once, so that whatever is wrong with it is said now. */
    Uploads.Upload add(byte[] content, String type) {
        String found = UploadType.of(content);
        if (!found.equals(type)) {
            throw new ApiException(
                    ApiException.WRONG_TYPE,
                    null,
                    "the Content-Type is " + type + ", the content " + (found.isEmpty() ? "no image" : found));
        }
        String id = Uploads.id(content);
        Optional<Uploads.Upload> known = uploads.get(id);
        if (known.isPresent()) {
            return known.get();
        }
        RgbImage image;
        try {
            image = decoding(pixels, () -> reader.read(content, "the upload"));
        } catch (DataException e) {
            throw new ApiException(ApiException.CANNOT_BE_ANSWERED, null, e.getMessage());
        }
        Uploads.Upload upload = new Uploads.Upload(id, content, image.width(), image.height());
        uploads.put(upload);
        return upload;
    }

    /** Of the upright photo; empty where its file is gone. */
    Optional<Dimensions> size(Entry entry) {
        synchronized (sizes) {
            Optional<Dimensions> known = sizes.get(entry.sha256());
            if (known != null) {
                return known;
            }
        }
        Optional<Dimensions> size;
        try {
            size = Optional.of(reader.size(searcher.index().info().root(), entry.file()));
        } catch (DataException e) {
            return Optional.empty();
        }
        synchronized (sizes) {
            sizes.put(entry.sha256(), size);
        }
        return size;
    }

    /** A small JPEG of the whole photo. */
    byte[] thumbnail(String id) {
        Optional<Entry> entry = searcher.index().get(id);
        return entry.isPresent() && entry.get().thumbnail().length > 0
                ? entry.get().thumbnail()
                : small(id, THUMBNAIL_SIDE);
    }

    /** A JPEG of the whole photo, made anew. */
    byte[] image(String id) {
        return small(id, SIDE);
    }

    private byte[] small(String id, int side) {
        return decoding(
                pixels(id),
                () -> Pictures.jpeg(photo(id, Optional.empty(), "id").image(), side));
    }

    /** Changes with the content of what {@link #image} is made of. */
    String tag(String id) {
        return searcher.index()
                .get(id)
                .map(entry -> '"' + entry.sha256() + '"')
                .orElseGet(() -> '"' + upload(id, "id").id().substring(Uploads.PREFIX.length()) + '"');
    }
}
