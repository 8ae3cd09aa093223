package org.rafclip.cluster.opensearch;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.rafclip.data.DataException;
import org.rafclip.search.index.Commits;
import org.rafclip.search.index.Graph;
import org.rafclip.search.index.IndexInfo;

/**
 * Which indexes there are behind an address: its name is an alias of one that is whole, others are being filled. Each says of
 * itself whose it is.
 */
final class Catalogue {

    /** In what an index says of itself: how many entries it is to have. */
    static final String ENTRIES = "entries";

    private final Cluster cluster;

    Catalogue(Cluster cluster) {
        this.cluster = cluster;
    }

    /**
     * An index.
     *
     * @param index its own name
     * @param meta what it says of itself
     */
    record Kept(String index, Map<String, String> meta) {

        IndexInfo info(Object place) {
            return Commits.info(place, meta, Integer.parseInt(meta.getOrDefault(ENTRIES, "0")));
        }

        Optional<Graph> graph() {
            return Commits.graph(meta);
        }
    }

    /**
     * The one that the name stands for.
     *
     * @throws DataException if it stands for several, or for one that another program made
     */
    Optional<Kept> current() {
        String name = cluster.address().name();
        List<Kept> kept = kept(name);
        if (kept.size() > 1 || kept.stream().anyMatch(one -> one.index().equals(name))) {
            throw new DataException(cluster.address() + ": is no index that ./rafclip index made; name another");
        }
        // Says if it is another program's.
        kept.forEach(one -> one.info(cluster.address()));
        return kept.stream().findFirst();
    }

    /** All of this name, also those that are not whole. */
    List<Kept> all() {
        return kept(cluster.address().name() + "-*").stream()
                .filter(one -> one.meta().containsKey(ENTRIES))
                .filter(one -> one.index().matches("\\Q" + cluster.address().name() + "\\E-[0-9a-f]{16}"))
                .toList();
    }

    private List<Kept> kept(String pattern) {
        List<Kept> kept = new ArrayList<>();
        cluster.ask("GET", "/" + pattern + "/_mapping?allow_no_indices=true", null)
                .properties()
                .forEach(index -> kept.add(new Kept(
                        index.getKey(), text(index.getValue().path("mappings").path("_meta")))));
        return kept;
    }

    private static Map<String, String> text(JsonNode meta) {
        Map<String, String> text = new HashMap<>();
        meta.properties()
                .forEach(field -> text.put(field.getKey(), field.getValue().asText()));
        return text;
    }

    /** Makes the name stand for an index, at once, and removes what it stood for. */
    void swapIn(String index) {
        Optional<Kept> before = current();
        ObjectNode body = Cluster.JSON.createObjectNode();
        ArrayNode actions = body.putArray("actions");
        actions.addObject()
                .putObject("add")
                .put("index", index)
                .put("alias", cluster.address().name());
        before.filter(old -> !old.index().equals(index))
                .ifPresent(old -> actions.addObject().putObject("remove_index").put("index", old.index()));
        cluster.ask("POST", "/_aliases", body);
    }

    void remove(String index) {
        cluster.ask("DELETE", "/" + index, null);
    }
}
