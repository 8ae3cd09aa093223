package org.rafclip.search.serve;

import io.javalin.http.Context;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.Dimensions;
import org.rafclip.search.Composed;
import org.rafclip.search.Photo;
import org.rafclip.search.Pictures;
import org.rafclip.search.Recognition;
import org.rafclip.search.index.Entry;
import org.rafclip.search.index.Filter;
import org.rafclip.search.index.IndexInfo;
import org.rafclip.search.query.Answer;
import org.rafclip.search.query.Part;
import org.rafclip.search.query.Query;
import org.rafclip.search.query.Searcher;

/** What the addresses below {@code /api} answer; {@code openapi.json} tells it to others. */
final class Api {

    private static final int OK = 200;
    private static final int CREATED = 201;

    private static final int HITS = 24;
    private static final int MOST_HITS = 100;
    private static final int MOST_PARTS = 16;
    private static final int MOST_LETTERS = 1000;
    private static final int MOST_NAMES = 10_000;
    private static final int VECTORS_KEPT = 1024;
    private static final int SHOWN_SIDE = 480;

    /** Browsers ask again after a day: an id may be another photo's when the index has changed. */
    private static final String FOR_A_DAY = "private, max-age=86400";

    private final String name;
    private final Searcher searcher;
    private final Gallery gallery;
    private final Work work;

    /** What asks the index alone: it may be another machine's, which may not answer. */
    private final Work lookups;

    private final Replies replies;
    private final Json json;
    private final Messages.Limits limits;

    private Showcase showcase;
    private Instant shown;

    /** So that further pages of an answer continue the same ranking, and are quick. */
    private final Map<Asked, Composed> vectors = Collections.synchronizedMap(new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Asked, Composed> eldest) {
            return size() > VECTORS_KEPT;
        }
    });

    private record Asked(List<Messages.Part> parts, String change, Instant updated) {}

    Api(
            String name,
            Searcher searcher,
            Gallery gallery,
            Work work,
            Work lookups,
            Replies replies,
            Json json,
            Messages.Limits limits) {
        this.name = name;
        this.searcher = searcher;
        this.gallery = gallery;
        this.work = work;
        this.lookups = lookups;
        this.replies = replies;
        this.json = json;
        this.limits = limits;
        showcase();
    }

    /** Of the commit that is searched now. */
    private synchronized Showcase showcase() {
        Instant updated = searcher.index().info().updated();
        if (!updated.equals(shown)) {
            showcase = Showcase.of(searcher.index());
            shown = updated;
        }
        return showcase;
    }

    void index(Context context) {
        replies.when(context, lookups.submit(this::index), (to, index) -> replies.json(to, OK, index));
    }

    private Messages.Index index() {
        IndexInfo info = searcher.index().info();
        Showcase showcase = showcase();
        return new Messages.Index(
                name,
                searcher.model().name(),
                searcher.model().composer().orElse(null),
                info.width(),
                info.entries(),
                info.images().name().toLowerCase(Locale.ROOT),
                info.predicted(),
                info.updated().toString(),
                Messages.Facet.of(searcher.index().facets(Filter.ALL)),
                showcase.examples(),
                showcase.suggestions(),
                limits);
    }

    void search(Context context) {
        long begin = System.nanoTime();
        Messages.Search asked = json.read(context.bodyAsBytes(), Messages.Search.class);
        check(asked);
        replies.when(context, work.submit(() -> search(asked, begin)), (to, answer) -> replies.json(to, OK, answer));
    }

    private void check(Messages.Search asked) {
        List<Messages.Part> parts = asked.parts();
        require(parts != null && !parts.isEmpty(), "parts", "the question is empty; give words or a photo");
        require(parts.size() <= MOST_PARTS, "parts", "at most " + MOST_PARTS + " parts make a question");
        for (int i = 0; i < parts.size(); i++) {
            Messages.Part part = parts.get(i);
            String field = "parts[" + i + "]";
            require(
                    part != null && (part.text() == null) != (part.id() == null),
                    field,
                    "a part is either a text or an id");
            require(part.text() == null || part.text().length() <= MOST_LETTERS, field + ".text", tooLong());
            requireWords(field + ".text", part.text());
            require(part.text() == null || part.box() == null, field + ".box", "only photos have boxes");
            if (part.box() != null) {
                part.box().box(field + ".box");
            }
        }
        require(asked.change() == null || asked.change().length() <= MOST_LETTERS, "change", tooLong());
        requireWords("change", asked.change());
        int offset = asked.offset() == null ? 0 : asked.offset();
        int limit = asked.limit() == null ? HITS : asked.limit();
        require(limit >= 1 && limit <= MOST_HITS, "limit", "from 1 to " + MOST_HITS + " hits at once");
        require(offset >= 0, "offset", "hits are counted from 0");
        require(
                offset <= limits.results() - limit,
                "offset",
                "answers end at the hit " + limits.results() + "; narrow the question down");
        require(
                asked.without() == null
                        || asked.without().size() <= MOST_NAMES
                                && !asked.without().contains(null),
                "without",
                "at most " + MOST_NAMES + " ids, none of them null");
        if (asked.filter() != null && asked.filter().words() != null) {
            asked.filter()
                    .words()
                    .forEach((facet, words) -> require(
                            words != null && words.size() <= MOST_NAMES && !words.contains(null),
                            "filter.words." + facet,
                            "a facet has words, at most " + MOST_NAMES + ", none of them null"));
        }
    }

    /** What is no text to a person is none to a tokenizer. */
    private static void requireWords(String field, String text) {
        boolean readable = text == null
                || StandardCharsets.UTF_8.newEncoder().canEncode(text)
                        && text.chars()
                                .allMatch(letter -> !Character.isISOControl(letter) || Character.isWhitespace(letter));
        require(readable, field, "the text has characters that nobody can read");
    }

    private static String tooLong() {
        return "a text has at most " + MOST_LETTERS + " letters";
    }

    private static void require(boolean right, String field, String reason) {
        if (!right) {
            throw new ApiException(ApiException.BAD_REQUEST, field, reason);
        }
    }

    private Messages.Answer search(Messages.Search asked, long begin) {
        Filter filter = filter(asked.filter());
        Asked key =
                new Asked(asked.parts(), asked.change(), searcher.index().info().updated());
        Composed vector = vectors.get(key);
        Query query = new Query(
                List.of(),
                Optional.ofNullable(asked.change()),
                filter,
                asked.without() == null ? Set.of() : asked.without(),
                asked.offset() == null ? 0 : asked.offset(),
                asked.limit() == null ? HITS : asked.limit());
        if (vector == null) {
            vector = gallery.decoding(pixels(asked), () -> searcher.vector(query.withParts(parts(asked))));
            vectors.put(key, vector);
        }
        Answer answer = searcher.search(query.withParts(words(asked)), vector);
        return new Messages.Answer(
                answer.hits().stream().map(this::hit).toList(),
                answer.total(),
                answer.how(),
                answer.gates()
                        .map(gates -> new Messages.Gates(gates.image(), gates.text()))
                        .orElse(null),
                Boolean.FALSE.equals(asked.facets())
                        ? null
                        : Messages.Facet.of(searcher.index().facets(filter)),
                (System.nanoTime() - begin) / 1e6);
    }

    private static Filter filter(Messages.Filter asked) {
        return asked == null
                ? Filter.ALL
                : new Filter(asked.words() == null ? Map.of() : asked.words(), Optional.ofNullable(asked.boxed()));
    }

    /** Of the photos that are decoded for a question. */
    private long pixels(Messages.Search asked) {
        long pixels = 0;
        for (Messages.Part part : asked.parts()) {
            boolean decoded =
                    part.id() != null && (part.box() != null || asked.change() != null || gallery.isUpload(part.id()));
            pixels += decoded ? gallery.pixels(part.id()) : 0;
        }
        return pixels;
    }

    private List<Part> parts(Messages.Search asked) {
        List<Part> parts = new ArrayList<>();
        for (int i = 0; i < asked.parts().size(); i++) {
            Messages.Part part = asked.parts().get(i);
            double weight = part.weight() == null ? 1 : part.weight();
            String field = "parts[" + i + "]";
            if (part.text() != null) {
                parts.add(new Part.Words(part.text(), weight));
            } else {
                Optional<Box> box = Optional.ofNullable(part.box()).map(region -> region.box(field + ".box"));
                parts.add(gallery.part(part.id(), box, weight, field + ".id"));
            }
        }
        return parts;
    }

    /** What of a question says why a hit is one. */
    private static List<Part> words(Messages.Search asked) {
        List<Part> words = new ArrayList<>();
        for (Messages.Part part : asked.parts()) {
            if (part.text() != null) {
                words.add(new Part.Words(part.text(), part.weight() == null ? 1 : part.weight()));
            }
        }
        return words;
    }

    private Messages.Hit hit(Answer.Hit hit) {
        Optional<Entry> entry = searcher.index().get(hit.id());
        Optional<Dimensions> size = entry.flatMap(gallery::size);
        return new Messages.Hit(
                hit.id(),
                hit.score(),
                hit.labels(),
                hit.why(),
                size.map(Dimensions::width).orElse(null),
                size.map(Dimensions::height).orElse(null),
                entry.flatMap(Entry::box).map(Messages.Region::of).orElse(null));
    }

    void upload(Context context) {
        byte[] content = context.bodyAsBytes();
        String type = context.contentType().split(";", 2)[0].strip().toLowerCase(Locale.ROOT);
        replies.when(
                context,
                work.submit(() -> gallery.add(content, type)),
                (to, upload) ->
                        replies.json(to, CREATED, new Messages.Uploaded(upload.id(), upload.width(), upload.height())));
    }

    void recognise(Context context) {
        Messages.Recognise asked = json.read(context.bodyAsBytes(), Messages.Recognise.class);
        require(asked.id() != null, "id", "say which photo");
        Optional<Box> box = Optional.ofNullable(asked.box()).map(region -> region.box("box"));
        List<String> words = asked.words() == null ? List.of() : asked.words();
        require(words.size() <= limits.words(), "words", "at most " + limits.words() + " words");
        for (int i = 0; i < words.size(); i++) {
            String word = words.get(i);
            require(
                    word != null && !word.isBlank() && word.length() <= MOST_LETTERS,
                    "words[" + i + "]",
                    "a word is a text that is not blank, of at most " + MOST_LETTERS + " letters");
        }
        replies.when(
                context,
                work.submit(
                        () -> gallery.decoding(gallery.pixels(asked.id()), () -> recognise(asked.id(), box, words))),
                (to, answer) -> replies.json(to, OK, answer));
    }

    private Messages.Recognised recognise(String id, Optional<Box> box, List<String> words) {
        Photo photo = gallery.photo(id, box, "id");
        Box garment = photo.garment().clip(photo.image().width(), photo.image().height());
        if (garment.width() < 1 || garment.height() < 1) {
            throw new ApiException(
                    ApiException.CANNOT_BE_ANSWERED,
                    "box",
                    "the box has no pixel in the photo, which is "
                            + photo.image().width() + "x" + photo.image().height());
        }
        Recognition seen = searcher.model().recognise(photo, words);
        return new Messages.Recognised(
                Messages.Region.of(seen.box()),
                seen.groups().stream()
                        .map(group -> new Messages.Group(group.name(), candidates(group.candidates())))
                        .toList(),
                candidates(seen.category()),
                seen.color(),
                Pictures.dataUri(seen.crop(), SHOWN_SIDE),
                Pictures.dataUri(seen.region(), SHOWN_SIDE));
    }

    private static List<Messages.Candidate> candidates(List<Recognition.Candidate> candidates) {
        return candidates.stream()
                .map(candidate -> new Messages.Candidate(candidate.word(), candidate.probability(), candidate.cosine()))
                .toList();
    }

    void photo(Context context) {
        String id = context.pathParam("id");
        replies.when(context, lookups.submit(() -> photo(id)), (to, info) -> replies.json(to, OK, info));
    }

    private Messages.PhotoInfo photo(String id) {
        Optional<Entry> entry = searcher.index().get(id);
        if (entry.isEmpty()) {
            Uploads.Upload upload = gallery.upload(id, "id");
            return new Messages.PhotoInfo(id, upload.width(), upload.height(), null, Map.of());
        }
        Optional<Dimensions> size = gallery.size(entry.get());
        return new Messages.PhotoInfo(
                id,
                size.map(Dimensions::width).orElse(null),
                size.map(Dimensions::height).orElse(null),
                entry.get().box().map(Messages.Region::of).orElse(null),
                entry.get().labels());
    }

    void thumbnail(Context context) {
        String id = context.pathParam("id");
        String known = context.header("If-None-Match");
        send(context, lookups.submit(() -> searcher.index().get(id)).thenCompose(entry -> {
            byte[] thumbnail = entry.map(Entry::thumbnail).orElse(new byte[0]);
            return thumbnail.length > 0
                    ? CompletableFuture.completedFuture(new Picture(thumbnail, Tags.of(thumbnail)))
                    : picture(id, known, gallery::thumbnail);
        }));
    }

    void image(Context context) {
        send(context, picture(context.pathParam("id"), context.header("If-None-Match"), gallery::image));
    }

    private record Picture(byte[] jpeg, String tag) {}

    private interface Drawing {
        byte[] of(String id);
    }

    /** @param known the tag of the picture that the browser has, which is not drawn again; or null */
    private CompletableFuture<Picture> picture(String id, String known, Drawing drawing) {
        return lookups.submit(() -> gallery.tag(id))
                .thenCompose(tag -> Tags.match(known, tag)
                        ? CompletableFuture.completedFuture(new Picture(new byte[0], tag))
                        : work.submit(() -> drawing.of(id)).thenApply(jpeg -> new Picture(jpeg, tag)));
    }

    private void send(Context context, CompletableFuture<Picture> picture) {
        replies.when(
                context,
                picture,
                (to, ready) -> replies.content(to, ready.jpeg(), Replies.JPEG, ready.tag(), FOR_A_DAY));
    }
}
