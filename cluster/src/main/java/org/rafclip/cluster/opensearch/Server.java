package org.rafclip.cluster.opensearch;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.rafclip.data.DataException;

/** Whether a cluster's version and plugins are those that are needed. */
final class Server {

    /** The line that everything was tried with. */
    static final String TRIED = "2.19";

    /** The k-NN plugin takes a graph's parameters with a question since. */
    private static final int[] LEAST = {2, 16};

    private Server() {}

    /**
     * Looks at a cluster.
     *
     * @return what is to be said of its version, empty if it is the one that was tried
     * @throws DataException in a line, if it cannot be used
     */
    static Optional<String> check(Cluster cluster) {
        JsonNode root = cluster.ask("GET", "/", null).path("version");
        String number = root.path("number").asText("");
        Optional<String> remark =
                judge(cluster.address().toString(), root.path("distribution").asText(""), number);
        List<String> without = new ArrayList<>();
        JsonNode plugins = cluster.ask("GET", "/_cat/plugins?format=json&h=name,component", null);
        for (JsonNode node : cluster.ask("GET", "/_cat/nodes?format=json&h=name,node.roles", null)) {
            String name = node.path("name").asText();
            boolean has = false;
            for (JsonNode plugin : plugins) {
                has |= plugin.path("name").asText().equals(name)
                        && plugin.path("component")
                                .asText()
                                .toLowerCase(Locale.ROOT)
                                .contains("knn");
            }
            if (!has) {
                without.add(name);
            }
        }
        if (!without.isEmpty()) {
            throw new DataException(cluster.address() + ": the k-NN plugin is missing on " + String.join(", ", without)
                    + "; install it: opensearch-plugin install opensearch-knn");
        }
        return remark;
    }

    /** @param distribution as the server names itself */
    static Optional<String> judge(String place, String distribution, String number) {
        if (!distribution.equals("opensearch")) {
            throw new DataException(place + ": no OpenSearch is there"
                    + (number.isEmpty()
                            ? ""
                            : " but " + (distribution.isEmpty() ? "Elasticsearch" : distribution) + " " + number)
                    + "; " + TRIED + " is needed");
        }
        String[] parts = number.split("[.-]");
        int major = Integer.parseInt(parts[0]);
        int minor = Integer.parseInt(parts[1]);
        if (major < LEAST[0] || major == LEAST[0] && minor < LEAST[1]) {
            throw new DataException(place + ": OpenSearch " + number + " is too old; " + LEAST[0] + "." + LEAST[1]
                    + " or newer is needed, " + TRIED + " was tried");
        }
        return number.startsWith(TRIED + ".")
                ? Optional.empty()
                : Optional.of(place + ": OpenSearch " + number + " is accepted; tried was " + TRIED);
    }
}
