package org.rafclip.search.serve;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.rafclip.search.ListedPhotos;

/** Photos that were sent, in memory by their content; the least recently used ones go where there is no room. */
final class Uploads {

    static final String PREFIX = ListedPhotos.UPLOADED;

    private final long room;
    private final Map<String, Upload> kept = new LinkedHashMap<>(16, 0.75f, true);
    private long bytes;

    /** @param content the photo's file as sent; never sent back */
    record Upload(String id, byte[] content, int width, int height) {}

    /** @param room bytes of all together */
    Uploads(long room) {
        this.room = room;
    }

    static String id(byte[] content) {
        return PREFIX + Tags.digest(content);
    }

    synchronized void put(Upload upload) {
        Upload before = kept.put(upload.id(), upload);
        bytes += upload.content().length - (before == null ? 0 : before.content().length);
        Iterator<Upload> eldest = kept.values().iterator();
        while (bytes > room && kept.size() > 1) {
            bytes -= eldest.next().content().length;
            eldest.remove();
        }
    }

    synchronized Optional<Upload> get(String id) {
        return Optional.ofNullable(kept.get(id));
    }

    synchronized int count() {
        return kept.size();
    }

    synchronized long bytes() {
        return bytes;
    }
}
