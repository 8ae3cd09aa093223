package org.rafclip.cluster.opensearch;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.rafclip.data.image.Box;
import org.rafclip.io.Sha256;
import org.rafclip.search.index.Entry;
import org.rafclip.search.index.Graph;

/**
 * An entry as a document and back. A label is a term {@code facet=word}. The vector is there twice: once where OpenSearch
 * looks for near ones, and once as its bits, from which exact cosines are computed.
 */
final class Garments {

    static final String ID = "id";
    static final String BOXED = "boxed";
    static final String LABELS = "labels";
    static final String VECTOR = "vector";
    static final String BITS = "bits";

    private static final String FILE = "file";
    private static final String SHA256 = "sha256";
    private static final String BOX = "box";
    private static final String THUMBNAIL = "thumbnail";

    private Garments() {}

    /**
     * How the fields are kept.
     *
     * @param width of the vectors
     * @param graph empty for exact search alone
     * @param meta what the index says of itself
     */
    static ObjectNode mapping(int width, Optional<Graph> graph, Map<String, String> meta) {
        ObjectNode mapping = Cluster.JSON.createObjectNode();
        mapping.put("dynamic", false);
        mapping.set("_meta", Cluster.JSON.valueToTree(meta));
        // Both have columns of their own, from which they are read.
        mapping.putObject("_source").putArray("excludes").add(VECTOR).add(BITS);
        ObjectNode fields = mapping.putObject("properties");
        fields.putObject(ID).put("type", "keyword");
        fields.putObject(BOXED).put("type", "boolean");
        fields.putObject(LABELS).put("type", "keyword");
        fields.putObject(BITS).put("type", "binary").put("doc_values", true);
        ObjectNode vector = fields.putObject(VECTOR).put("type", "knn_vector").put("dimension", width);
        graph.ifPresent(g -> vector.putObject("method")
                .put("name", "hnsw")
                .put("engine", "lucene")
                .put("space_type", "innerproduct")
                .putObject("parameters")
                .put("m", g.links())
                .put("ef_construction", g.beam()));
        return mapping;
    }

    /** What a document is called: OpenSearch's own ids have 512 bytes at most. */
    static String key(String id) {
        return Sha256.of(id);
    }

    static ObjectNode document(Entry entry) {
        ObjectNode document = Cluster.JSON.createObjectNode();
        document.put(ID, entry.id());
        document.put(FILE, entry.file());
        document.put(SHA256, entry.sha256());
        document.put(BOXED, entry.box().isPresent());
        entry.box()
                .ifPresent(box -> document.putArray(BOX)
                        .add(box.x1())
                        .add(box.y1())
                        .add(box.x2())
                        .add(box.y2()));
        ArrayNode labels = document.putArray(LABELS);
        entry.labels()
                .forEach((facet, words) -> words.stream().distinct().forEach(word -> labels.add(label(facet, word))));
        ArrayNode vector = document.putArray(VECTOR);
        ByteBuffer bits =
                ByteBuffer.allocate(Float.BYTES * entry.vector().length).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : entry.vector()) {
            vector.add(value);
            bits.putFloat(value);
        }
        document.put(BITS, Base64.getEncoder().encodeToString(bits.array()));
        document.put(THUMBNAIL, Base64.getEncoder().encodeToString(entry.thumbnail()));
        return document;
    }

    /** @param hit with its source and its bits */
    static Entry entry(JsonNode hit) {
        JsonNode source = hit.path("_source");
        Map<String, List<String>> labels = new LinkedHashMap<>();
        for (JsonNode label : source.path(LABELS)) {
            labels.computeIfAbsent(facet(label.asText()), facet -> new ArrayList<>())
                    .add(word(label.asText()));
        }
        JsonNode box = source.path(BOX);
        return new Entry(
                source.path(ID).asText(),
                source.path(FILE).asText(),
                source.path(SHA256).asText(),
                box.isArray()
                        ? Optional.of(new Box(
                                box.get(0).asInt(),
                                box.get(1).asInt(),
                                box.get(2).asInt(),
                                box.get(3).asInt()))
                        : Optional.empty(),
                labels,
                vector(hit),
                Base64.getDecoder().decode(source.path(THUMBNAIL).asText()));
    }

    /** Of a hit that was asked for with its bits. */
    static float[] vector(JsonNode hit) {
        byte[] bits =
                Base64.getDecoder().decode(hit.path("fields").path(BITS).path(0).asText());
        float[] vector = new float[bits.length / Float.BYTES];
        ByteBuffer.wrap(bits).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(vector);
        return vector;
    }

    static String label(String facet, String word) {
        return facet.replace("%", "%25").replace("=", "%3D") + "=" + word;
    }

    static String facet(String label) {
        return label.substring(0, label.indexOf('=')).replace("%3D", "=").replace("%25", "%");
    }

    static String word(String label) {
        return label.substring(label.indexOf('=') + 1);
    }
}
