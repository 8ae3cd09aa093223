package org.rafclip.search.serve;

import java.io.IOException;
import java.nio.file.Path;
import org.rafclip.ops.JavaOps;
import org.rafclip.search.FakeIndex;
import org.rafclip.search.WordVectors;
import org.rafclip.search.index.PhotoIndex;
import org.rafclip.search.query.Searcher;

/** Serves drawn photos without a model, for those who work on the page: {@code FOLDER [PORT [PHOTOS]]}. */
public final class ServeFake {

    private ServeFake() {}

    public static void main(String[] args) throws IOException, InterruptedException {
        JavaOps.install();
        int port = args.length > 1 ? Integer.parseInt(args[1]) : 8080;
        int photos = args.length > 2 ? Integer.parseInt(args[2]) : 240;
        PhotoIndex index = FakeIndex.drawn(Path.of(args[0]), photos);
        SearchServer server = SearchServer.start(
                new Searcher(WordVectors.model(), index), SearchServer.Settings.local("drawn photos", port));
        System.out.println(server.address());
        Thread.currentThread().join();
    }
}
