package org.rafclip.cluster.opensearch;

import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.rafclip.data.DataException;

/**
 * Where an index is: {@code opensearch:http://HOST:9200/NAME}, or {@code https}, with {@code USER@} or
 * {@code USER:PASSWORD@} before the host.
 *
 * @param node of the cluster, without user or path
 * @param user empty where none is named
 * @param credentials as HTTP's basic authentication wants them; not for people
 * @param name of the index
 */
record Address(URI node, Optional<String> user, Optional<String> credentials, String name) {

    static final String SCHEME = "opensearch";

    /** Holds a password that is not to stand on a command line, which others can read. */
    static final String PASSWORD = "OPENSEARCH_PASSWORD";

    private static final String FORM = "write " + SCHEME + ":http://HOST:9200/NAME or " + SCHEME + ":https://…";

    private static final int LAST_PORT = 65_535;

    /** OpenSearch's names of indexes, shorter, because the index's own carries more. */
    private static final Pattern NAME = Pattern.compile("[a-z0-9][a-z0-9_.-]{0,199}");

    /**
     * Reads an address.
     *
     * @param environment in which a password may be
     * @throws DataException if it is none
     */
    static Address parse(String place, Map<String, String> environment) {
        URI uri;
        try {
            uri = new URI(place.substring(SCHEME.length() + 1));
        } catch (URISyntaxException e) {
            throw new DataException("the address of the index is none (" + e.getReason() + "); " + FORM, e);
        }
        boolean http = "http".equals(uri.getScheme()) || "https".equals(uri.getScheme());
        if (!http || uri.getHost() == null || uri.getQuery() != null || uri.getFragment() != null) {
            throw new DataException("the address of the index names no server; " + FORM);
        }
        if (uri.getPort() > LAST_PORT) {
            throw new DataException(shown(uri) + ": there is no port " + uri.getPort() + "; " + FORM);
        }
        String name = uri.getPath() == null ? "" : uri.getPath().replaceAll("^/|/$", "");
        if (!NAME.matcher(name).matches()) {
            throw new DataException(shown(uri) + ": '" + name
                    + "' is no name of an index, which has small letters, digits, '-', '_' or '.'; " + FORM);
        }
        Optional<String> user = Optional.ofNullable(uri.getUserInfo());
        Optional<String> credentials = user.map(info -> info.contains(":")
                ? info
                : info + ":"
                        + Optional.ofNullable(environment.get(PASSWORD))
                                .orElseThrow(() -> new DataException(shown(uri) + ": the user '" + info
                                        + "' has no password; put it into the environment as " + PASSWORD)));
        return new Address(
                URI.create(shown(uri)),
                user.map(info -> info.split(":", 2)[0]),
                credentials.map(
                        text -> "Basic " + Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8))),
                name);
    }

    private static String shown(URI uri) {
        return uri.getScheme() + "://" + uri.getHost() + (uri.getPort() < 0 ? "" : ":" + uri.getPort());
    }

    /** Without user and password. */
    @Override
    public String toString() {
        return SCHEME + ":" + node + "/" + name;
    }
}
