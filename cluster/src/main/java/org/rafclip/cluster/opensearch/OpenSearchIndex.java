package org.rafclip.cluster.opensearch;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.rafclip.data.DataException;
import org.rafclip.search.Vectors;
import org.rafclip.search.index.Entry;
import org.rafclip.search.index.Filter;
import org.rafclip.search.index.Graph;
import org.rafclip.search.index.IndexInfo;
import org.rafclip.search.index.LiveIndex;

/**
 * An index in OpenSearch. What its name stands for is looked up when it is opened and by {@link #follow}; answers are of that
 * index, which is never changed after it was filled, so that each is of one commit.
 *
 * <p>OpenSearch scores in single precision, each score being off by what adding so many products can be off. Asked for are the
 * entries that may be among the nearest for all that, and their cosines are computed anew from the vectors.
 */
final class OpenSearchIndex implements LiveIndex {

    /** Hits of one answer; more come in pages. */
    private static final int PAGE = 5_000;

    /** Hits that are asked for beyond those wanted, so that a second question is rare. */
    private static final int SPARE = 16;

    /** Neighbours that a graph is asked for at most, as the k-NN plugin has it. */
    private static final int MOST_NEIGHBOURS = 10_000;

    /** Terms in one clause; OpenSearch takes 65,536. */
    private static final int TERMS = 50_000;

    private static final double HALF_ULP = 0x1p-24;
    private static final int PENALTY = 4;

    private final Cluster cluster;
    private volatile Opened opened;

    /**
     * What the name stands for.
     *
     * @param index its own name
     * @param facets how often each word of each facet occurs
     */
    private record Opened(
            String index, IndexInfo info, Optional<Graph> graph, Map<String, Map<String, Integer>> facets) {}

    /** @throws DataException if there is no such index, or it is another program's */
    OpenSearchIndex(Cluster cluster) {
        this.cluster = cluster;
        this.opened = look();
    }

    private Opened look() {
        Optional<Catalogue.Kept> kept = new Catalogue(cluster).current();
        if (kept.isEmpty()) {
            throw new DataException(cluster.address()
                    + ": there is no such index. Fill one: ./rafclip index --from DIR --to " + cluster.address());
        }
        String index = kept.get().index();
        return new Opened(
                index, kept.get().info(cluster.address()), kept.get().graph(), counts(index, List.of(), facet -> true));
    }

    @Override
    public synchronized boolean follow() {
        Opened before = opened;
        Optional<Catalogue.Kept> kept = new Catalogue(cluster).current();
        if (kept.isPresent() && kept.get().index().equals(before.index())) {
            return false;
        }
        Opened later = look();
        before.info().mustGoOnTo(later.info());
        opened = later;
        return true;
    }

    @Override
    public IndexInfo info() {
        return opened.info();
    }

    @Override
    public Optional<Entry> get(String id) {
        return within(now -> {
            ObjectNode body = question(1, term(Garments.ID, List.of(id)));
            body.put("_source", true);
            JsonNode hit = search(now, body).path(0);
            return hit.isMissingNode() ? Optional.<Entry>empty() : Optional.of(Garments.entry(hit));
        });
    }

    @Override
    public List<Match> nearest(float[] query, Filter filter, Set<String> without, int k) {
        return within(now -> {
            now.info().mustAnswer(query, k);
            List<JsonNode> clauses = clauses(now, filter);
            Optional<Graph> graph =
                    now.graph().filter(g -> now.info().entries() >= g.from() && k + SPARE <= MOST_NEIGHBOURS);
            List<Match> found = graph.isPresent()
                    ? byGraph(now, graph.get(), query, clauses, without, k)
                    : exactly(now, query, bool(clauses, without), k);
            return found.stream()
                    .sorted(Comparator.comparingDouble(Match::cosine).reversed().thenComparing(Match::id))
                    .limit(k)
                    .toList();
        });
    }

    private List<Match> byGraph(
            Opened now, Graph graph, float[] query, List<JsonNode> clauses, Set<String> without, int k) {
        ObjectNode near = Cluster.JSON.createObjectNode();
        ObjectNode knn = near.putObject("knn").putObject(Garments.VECTOR);
        knn.set("vector", array(query));
        knn.put("k", k + SPARE);
        knn.set("filter", bool(clauses, without));
        knn.putObject("method_parameters").put("ef_search", Math.max(graph.explored(), k + SPARE));
        List<Match> found = new ArrayList<>();
        JsonNode after = null;
        while (found.size() < k + SPARE) {
            JsonNode hits = page(now, near, Math.min(PAGE, k + SPARE - found.size()), after);
            hits.forEach(hit -> found.add(match(hit, query)));
            if (hits.isEmpty()) {
                break;
            }
            after = hits.get(hits.size() - 1).path("sort");
        }
        return found;
    }

    private List<Match> exactly(Opened now, float[] query, JsonNode filter, int k) {
        ObjectNode scored = Cluster.JSON.createObjectNode();
        ObjectNode script = scored.putObject("script_score");
        script.set("query", filter);
        ObjectNode params = script.putObject("script")
                .put("lang", "knn")
                .put("source", "knn_score")
                .putObject("params")
                .put("field", Garments.VECTOR)
                .put("space_type", "innerproduct");
        params.set("query_value", array(query));
        int most = Math.min(k, Math.max(1, now.info().entries()));
        List<Match> found = new ArrayList<>();
        double least = Double.NEGATIVE_INFINITY;
        JsonNode after = null;
        while (true) {
            int wanted = Math.max(SPARE, most + SPARE - found.size());
            JsonNode hits = page(now, scored, Math.min(PAGE, wanted), after);
            for (JsonNode hit : hits) {
                found.add(match(hit, query));
                if (found.size() == most) {
                    least = product(hit.path("_score").asDouble());
                }
            }
            if (hits.isEmpty()) {
                return found;
            }
            JsonNode last = hits.get(hits.size() - 1);
            double lowest = product(last.path("_score").asDouble());
            if (found.size() > most && lowest < least - 2 * error(query.length, lowest)) {
                return found;
            }
            after = last.path("sort");
        }
    }

    /** The k-NN plugin's scores of inner products cannot be negative. */
    private static double product(double score) {
        return score >= 1 ? score - 1 : 1 - 1 / score;
    }

    /** By how much an inner product of unit vectors can be off in single precision, and its score after that. */
    private static double error(int width, double product) {
        double sum = (width + PENALTY) * HALF_ULP;
        // Below 0 a score is 1 / (1 - product), whose slope is a quarter at least.
        return product < 0.5 ? PENALTY * (sum + PENALTY * HALF_ULP) : sum + PENALTY * HALF_ULP;
    }

    private static Match match(JsonNode hit, float[] query) {
        return new Match(
                hit.path("fields").path(Garments.ID).path(0).asText(), Vectors.dot(query, Garments.vector(hit)));
    }

    private JsonNode page(Opened now, JsonNode scored, int size, JsonNode after) {
        ObjectNode body = question(size, scored);
        body.put("_source", false);
        body.withArray("docvalue_fields").add(Garments.ID);
        ArrayNode sort = body.putArray("sort");
        sort.addObject().put("_score", "desc");
        sort.addObject().put(Garments.ID, "asc");
        if (after != null) {
            body.set("search_after", after);
        }
        return search(now, body);
    }

    private static ObjectNode question(int size, JsonNode query) {
        ObjectNode body = Cluster.JSON.createObjectNode();
        body.put("size", size);
        body.put("track_total_hits", false);
        body.set("query", query);
        body.putArray("docvalue_fields").add(Garments.BITS);
        return body;
    }

    private JsonNode search(Opened now, JsonNode body) {
        return answered(now.index(), "_search", body).path("hits").path("hits");
    }

    /** An answer of all shards. */
    private JsonNode answered(String index, String what, JsonNode body) {
        JsonNode answer = cluster.ask(
                "POST",
                "/" + index + "/" + what + (what.equals("_search") ? "?allow_partial_search_results=false" : ""),
                body);
        if (answer.isMissingNode()) {
            throw new Gone();
        }
        if (answer.path("_shards").path("failed").asInt() > 0
                || answer.path("timed_out").asBoolean()) {
            throw new DataException(cluster.address() + ": a part of the index did not answer ("
                    + answer.path("_shards")
                            .path("failures")
                            .path(0)
                            .path("reason")
                            .path("reason")
                            .asText("it timed out")
                    + "). Look at the cluster's health, then ask again.");
        }
        return answer;
    }

    @Override
    public Map<String, Map<String, Integer>> facets(Filter filter) {
        return within(now -> {
            List<JsonNode> kept = clauses(now, filter);
            if (filter.equals(Filter.ALL)) {
                return now.facets();
            }
            Map<String, Map<String, Integer>> counts = new LinkedHashMap<>();
            Map<String, Map<String, Integer>> others =
                    counts(now.index(), kept, facet -> !filter.words().containsKey(facet));
            for (String facet : now.facets().keySet()) {
                counts.put(
                        facet,
                        filter.words().containsKey(facet)
                                ? counts(now.index(), clauses(now, leaving(filter, facet)), facet::equals)
                                        .getOrDefault(facet, Map.of())
                                : others.getOrDefault(facet, Map.of()));
            }
            return counts;
        });
    }

    private static Filter leaving(Filter filter, String facet) {
        Map<String, Set<String>> words = new HashMap<>(filter.words());
        words.remove(facet);
        return new Filter(words, filter.boxed());
    }

    private Map<String, Map<String, Integer>> counts(
            String index, List<JsonNode> clauses, java.util.function.Predicate<String> wanted) {
        Map<String, Map<String, Integer>> counts =
                new TreeMap<>(Comparator.comparingInt(OpenSearchIndex::place).thenComparing(Comparator.naturalOrder()));
        JsonNode after = null;
        do {
            ObjectNode body = Cluster.JSON.createObjectNode();
            body.put("size", 0);
            body.set("query", bool(clauses, Set.of()));
            ObjectNode composite =
                    body.putObject("aggs").putObject(Garments.LABELS).putObject("composite");
            composite.put("size", PAGE);
            composite
                    .putArray("sources")
                    .addObject()
                    .putObject("label")
                    .putObject("terms")
                    .put("field", Garments.LABELS);
            if (after != null) {
                composite.set("after", after);
            }
            JsonNode part =
                    answered(index, "_search", body).path("aggregations").path(Garments.LABELS);
            for (JsonNode bucket : part.path("buckets")) {
                String label = bucket.path("key").path("label").asText();
                if (wanted.test(Garments.facet(label))) {
                    counts.computeIfAbsent(Garments.facet(label), facet -> new HashMap<>())
                            .put(Garments.word(label), bucket.path("doc_count").asInt());
                }
            }
            after = part.get("after_key");
        } while (after != null);
        Map<String, Map<String, Integer>> sorted = new LinkedHashMap<>();
        counts.forEach((facet, words) -> sorted.put(facet, mostFrequentFirst(words)));
        return sorted;
    }

    private static int place(String facet) {
        return switch (facet) {
            case Entry.CATEGORY -> 0;
            case Entry.COLOR -> 1;
            default -> 2;
        };
    }

    private static Map<String, Integer> mostFrequentFirst(Map<String, Integer> words) {
        return words.entrySet().stream()
                .sorted(Map.Entry.<String, Integer>comparingByValue(Comparator.reverseOrder())
                        .thenComparing(Map.Entry.comparingByKey()))
                .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue, (a, b) -> a, LinkedHashMap::new));
    }

    @Override
    public int count(Filter filter, Set<String> without) {
        return within(now -> {
            ObjectNode body = Cluster.JSON.createObjectNode();
            body.set("query", bool(clauses(now, filter), without));
            return answered(now.index(), "_count", body).path("count").asInt();
        });
    }

    /** @throws DataException if the filter names a facet that no entry has */
    private static List<JsonNode> clauses(Opened now, Filter filter) {
        List<JsonNode> clauses = new ArrayList<>();
        filter.words().forEach((facet, words) -> {
            if (!now.facets().containsKey(facet)) {
                throw new DataException("no photo of the index has a label '" + facet + "'; the labels are: "
                        + (now.facets().isEmpty()
                                ? "none"
                                : String.join(", ", now.facets().keySet())) + ".");
            }
            clauses.add(term(
                    Garments.LABELS,
                    words.stream().map(word -> Garments.label(facet, word)).toList()));
        });
        filter.boxed().ifPresent(boxed -> {
            ObjectNode clause = Cluster.JSON.createObjectNode();
            clause.putObject("term").put(Garments.BOXED, boxed);
            clauses.add(clause);
        });
        return clauses;
    }

    private static ObjectNode bool(List<JsonNode> clauses, Set<String> without) {
        ObjectNode query = Cluster.JSON.createObjectNode();
        ObjectNode bool = query.putObject("bool");
        bool.putArray("filter").addAll(clauses);
        List<String> ids = List.copyOf(without);
        ArrayNode not = bool.putArray("must_not");
        for (int from = 0; from < ids.size(); from += TERMS) {
            not.add(term(Garments.ID, ids.subList(from, Math.min(ids.size(), from + TERMS))));
        }
        return query;
    }

    private static ObjectNode term(String field, Collection<String> values) {
        ObjectNode clause = Cluster.JSON.createObjectNode();
        ArrayNode array = clause.putObject("terms").putArray(field);
        values.forEach(array::add);
        return clause;
    }

    private static ArrayNode array(float[] vector) {
        ArrayNode array = Cluster.JSON.createArrayNode();
        for (float value : vector) {
            array.add(value);
        }
        return array;
    }

    /** That index is there no more. */
    private static final class Gone extends RuntimeException {

        Gone() {
            super(null, null, false, false);
        }
    }

    /** Where another index has taken the place of the one that was asked, it is asked instead. */
    private <T> T within(Function<Opened, T> question) {
        Opened asked = opened;
        try {
            return question.apply(asked);
        } catch (Gone e) {
            if (!follow() && opened == asked) {
                throw new DataException(cluster.address() + ": the index is not there any more; fill it again", e);
            }
            return question.apply(opened);
        }
    }

    @Override
    public void close() {
        // Connections end by themselves.
    }
}
