package org.rafclip.cluster.opensearch;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.rafclip.data.DataException;
import org.rafclip.data.Stages;
import org.rafclip.io.Sha256;
import org.rafclip.search.index.Commits;
import org.rafclip.search.index.Entries;
import org.rafclip.search.index.Graph;
import org.rafclip.search.index.IndexInfo;
import org.rafclip.search.index.IndexStore;
import org.rafclip.search.index.LiveIndex;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Indexes in OpenSearch, with its k-NN plugin: {@code opensearch:http://HOST:9200/NAME}. */
public final class OpenSearchStore implements IndexStore {

    private static final Logger LOG = LoggerFactory.getLogger(OpenSearchStore.class);

    private static final Duration PATIENCE = Duration.ofMinutes(5);

    /** Of each garment, on as many nodes. */
    private static final int COPIES = 2;

    /** Garments of a shard; each is searched by a thread of its own. */
    private static final int SHARD = 1_000_000;

    private static final int MOST_SHARDS = 64;
    private static final int NAMED_BY = 16;

    @Override
    public String scheme() {
        return Address.SCHEME;
    }

    @Override
    public LiveIndex open(String place) {
        return new OpenSearchIndex(connect(place));
    }

    private static Cluster connect(String place) {
        Cluster cluster = new Cluster(Address.parse(place, System.getenv()));
        cluster.meet();
        Server.check(cluster).ifPresent(LOG::warn);
        return cluster;
    }

    @Override
    public IndexInfo fill(String place, Entries entries, Stages stages) {
        Cluster cluster = connect(place);
        Catalogue catalogue = new Catalogue(cluster);
        Optional<Catalogue.Kept> before = catalogue.current();
        IndexInfo info = entries.info();
        Map<String, String> meta = new TreeMap<>(Commits.write(info, entries.graph(), Map.of(), info.updated()));
        meta.put(Catalogue.ENTRIES, Integer.toString(info.entries()));
        // Named by what it is made of: the same again goes on with what it has.
        String index =
                cluster.address().name() + "-" + Sha256.of(meta.toString()).substring(0, NAMED_BY);
        if (before.isPresent() && before.get().index().equals(index)) {
            return before.get().info(cluster.address());
        }
        boolean resumed = catalogue.all().stream().anyMatch(kept -> kept.index().equals(index));
        if (!resumed) {
            // What a filling wrote after another's end had removed its index was made by OpenSearch alone, and is of no
            // use.
            catalogue.remove(index);
            create(cluster, index, info, entries.graph(), meta);
        }
        int total = info.entries();
        try (Bulk bulk = new Bulk(
                cluster, index, resumed, PATIENCE.toNanos(), stages.stage("filling the index", total), total)) {
            entries.forEach(entry -> {
                entry.mustFit(info.width());
                bulk.add(entry);
            });
            bulk.finish();
        }
        finish(cluster, catalogue, index, total);
        return info;
    }

    private static void create(
            Cluster cluster, String index, IndexInfo info, Optional<Graph> graph, Map<String, String> meta) {
        ObjectNode body = Cluster.JSON.createObjectNode();
        ObjectNode settings = body.putObject("settings").putObject("index");
        settings.put("knn", graph.isPresent());
        settings.put("number_of_shards", Math.min(MOST_SHARDS, 1 + info.entries() / SHARD));
        settings.put("number_of_replicas", COPIES - 1);
        // Nobody searches it before it is whole.
        settings.put("refresh_interval", "-1");
        body.set("mappings", Garments.mapping(info.width(), graph, meta));
        // With a copy from the first garment on, the death of a node loses none.
        int nodes = cluster.ask("GET", "/_cluster/health", null)
                .path("number_of_data_nodes")
                .asInt(1);
        int copies = Math.max(1, Math.min(COPIES, nodes));
        cluster.ask("PUT", "/" + index + "?wait_for_active_shards=" + copies + "&timeout=20s", body);
    }

    private static void finish(Cluster cluster, Catalogue catalogue, String index, int total) {
        cluster.ask("POST", "/" + index + "/_refresh", null);
        int written =
                cluster.ask("GET", "/" + index + "/_count", null).path("count").asInt(-1);
        boolean ours = catalogue.all().stream().anyMatch(kept -> kept.index().equals(index));
        if (written != total || !ours) {
            if (!ours) {
                catalogue.remove(index);
            }
            throw new DataException(cluster.address() + ": " + written + " of " + total
                    + " garments are there; something else changes the index " + index + ". Do the same again.");
        }
        // What is searched does not change any more.
        ObjectNode settings = Cluster.JSON.createObjectNode();
        settings.putObject("index").put("blocks.write", true).putNull("refresh_interval");
        cluster.ask("PUT", "/" + index + "/_settings", settings);
        catalogue.swapIn(index);
        catalogue.all().stream()
                .map(Catalogue.Kept::index)
                .filter(other -> !other.equals(index))
                .forEach(catalogue::remove);
    }
}
