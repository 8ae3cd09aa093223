package org.rafclip.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.rafclip.eval.Table;

/** Configurations side by side: the keys in which they differ. */
final class Settings {

    /** Where things lie says nothing about what was done. */
    private static final Set<String> PLACES =
            Set.of("output.dir", "data.cache", "data.features", "data.dir", "rafclip.run", "data.threads");

    private static final int NAMED = 5;

    private Settings() {}

    /** Keys as on the command line, with their values as text; lists of plain values in one. */
    static Map<String, String> flat(JsonNode config) {
        Map<String, String> flat = new LinkedHashMap<>();
        flatten("", config, flat);
        return flat;
    }

    private static void flatten(String key, JsonNode node, Map<String, String> into) {
        if (node.isObject()) {
            node.properties()
                    .forEach(field -> flatten(
                            key.isEmpty() ? field.getKey() : key + "." + field.getKey(), field.getValue(), into));
        } else if (node.isArray()) {
            List<String> values = new ArrayList<>();
            node.forEach(value -> values.add(value.isValueNode() ? value.asText() : value.toString()));
            into.put(key, "[" + String.join(", ", values) + "]");
        } else if (!node.isMissingNode()) {
            into.put(key, node.asText());
        }
    }

    /**
     * The keys in which configurations differ, folders aside, with each one's value; a key that one lacks has
     * {@link Table#NONE} there.
     *
     * @param configs by the names of their owners
     */
    static Map<String, List<String>> differing(Map<String, Map<String, String>> configs) {
        Set<String> keys = new LinkedHashSet<>();
        configs.values().forEach(config -> keys.addAll(config.keySet()));
        keys.removeAll(PLACES);
        Map<String, List<String>> differing = new LinkedHashMap<>();
        for (String key : keys) {
            List<String> values = configs.values().stream()
                    .map(config -> config.getOrDefault(key, Table.NONE))
                    .toList();
            if (Set.copyOf(values).size() > 1) {
                differing.put(key, values);
            }
        }
        return differing;
    }

    /** A row a key; empty where nothing differs. */
    static Optional<Table> table(String title, List<String> owners, Map<String, List<String>> differing) {
        if (differing.isEmpty()) {
            return Optional.empty();
        }
        List<String> headings = new ArrayList<>(List.of("Setting"));
        headings.addAll(owners);
        List<List<String>> rows = new ArrayList<>();
        differing.forEach((key, values) -> {
            List<String> row = new ArrayList<>(List.of(key));
            row.addAll(values);
            rows.add(row);
        });
        return Optional.of(new Table(title, headings, rows, List.of()));
    }

    /** In a sentence: {@code They differ in train.epochs (11, 20) and seed (1, 2).} */
    static String sentence(Map<String, List<String>> differing) {
        if (differing.isEmpty()) {
            return "Their configurations are the same, folders aside.";
        }
        List<String> named = new ArrayList<>();
        differing.forEach((key, values) -> named.add(key + " (" + String.join(", ", values) + ")"));
        return "They differ in "
                + (named.size() <= NAMED
                        ? Findings.listed(named) + "."
                        : String.join(", ", named.subList(0, NAMED)) + " and " + (named.size() - NAMED)
                                + " other settings.");
    }
}
