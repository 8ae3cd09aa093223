package org.rafclip.search.serve;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;

/** The page's files, which are resources beside this class. */
final class Page {

    /** No separator, no dot in front: a name is never a way. */
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)+");

    private static final Map<String, String> TYPES = Map.of(
            "html", "text/html; charset=utf-8",
            "css", "text/css; charset=utf-8",
            "js", "text/javascript; charset=utf-8",
            "json", "application/json",
            "svg", "image/svg+xml",
            "png", "image/png",
            "woff2", "font/woff2");

    private final Map<String, Optional<Asset>> assets = new ConcurrentHashMap<>();

    /** @param tag changes with the content */
    record Asset(byte[] content, String type, String tag) {}

    Asset index() {
        return resource("page/index.html");
    }

    /** What {@code /assets/NAME} is. */
    Optional<Asset> asset(String name) {
        if (!NAME.matcher(name).matches()) {
            return Optional.empty();
        }
        // Only what is there is remembered: names that are not come from strangers.
        String resource = "page/assets/" + name;
        Optional<Asset> known = assets.get(resource);
        if (known == null) {
            known = load(resource);
            if (known.isPresent()) {
                assets.put(resource, known);
            }
        }
        return known;
    }

    /** The API's description. */
    Asset openApi() {
        return resource("openapi.json");
    }

    private Asset resource(String resource) {
        return assets.computeIfAbsent(resource, Page::load)
                .orElseThrow(() -> new IllegalStateException("this build lacks " + resource));
    }

    private static Optional<Asset> load(String resource) {
        String type = TYPES.get(resource.substring(resource.lastIndexOf('.') + 1));
        if (type == null) {
            return Optional.empty();
        }
        try (InputStream in = Page.class.getResourceAsStream(resource)) {
            if (in == null) {
                return Optional.empty();
            }
            byte[] content = in.readAllBytes();
            return Optional.of(new Asset(content, type, Tags.of(content)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
