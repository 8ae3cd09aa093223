package org.rafclip.weights;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;
import java.util.Set;
import org.rafclip.data.DataException;

/**
 * One object of a model's description; a value that cannot be meant is one error with file and key.
 *
 * @param origin the file
 * @param name of the object in it
 */
record Keys(JsonNode json, String origin, String name) {

    Keys object(String key) {
        JsonNode child = json.path(key);
        if (!child.isObject()) {
            throw new DataException(origin + ": there is no object " + at(key)
                    + ": give the description of a CLIP model, as published with its weights");
        }
        return new Keys(child, origin, at(key));
    }

    int count(String key) {
        return count(key, null);
    }

    /** A whole number from 1; a pair of equal ones counts as one. */
    int count(String key, Integer otherwise) {
        JsonNode value = json.path(key);
        if (value.isArray() && value.size() == 2 && value.get(0).equals(value.get(1))) {
            value = value.get(0);
        }
        if ((value.isMissingNode() || value.isNull()) && otherwise != null) {
            return otherwise;
        }
        if (!value.isInt() || value.intValue() < 1) {
            throw unlike(key, "a whole number from 1 on is needed");
        }
        return value.intValue();
    }

    double number(String key, double otherwise) {
        JsonNode value = json.path(key);
        if (value.isMissingNode() || value.isNull()) {
            return otherwise;
        }
        if (!value.isNumber()) {
            throw unlike(key, "a number is needed");
        }
        return value.doubleValue();
    }

    String text(String key, String otherwise) {
        JsonNode value = json.path(key);
        if (value.isMissingNode() || value.isNull()) {
            return otherwise;
        }
        if (!value.isTextual()) {
            throw unlike(key, "a text is needed");
        }
        return value.textValue();
    }

    /** Off where nothing is said. */
    boolean flag(String key) {
        JsonNode value = json.path(key);
        if (value.isMissingNode() || value.isNull()) {
            return false;
        }
        if (!value.isBoolean()) {
            throw unlike(key, "true or false is needed");
        }
        return value.booleanValue();
    }

    /**
     * Refuses what this encoder cannot be: a key that is neither read nor one of the harmless, unless it is off.
     *
     * @param read keys that the caller reads
     * @param harmless further keys with the one value that changes nothing; null stands for any value
     */
    void requireOnly(Set<String> read, Map<String, Object> harmless) {
        for (Map.Entry<String, JsonNode> entry : json.properties()) {
            String key = entry.getKey();
            JsonNode value = entry.getValue();
            boolean off =
                    value.isNull() || value.isBoolean() && !value.booleanValue() || value.isObject() && value.isEmpty();
            if (read.contains(key) || off) {
                continue;
            }
            boolean known = harmless.containsKey(key);
            Object wanted = harmless.get(key);
            if (!known || wanted != null && !same(wanted, value)) {
                throw unlike(
                        key,
                        "it makes an architecture that this encoder is not"
                                + (known ? "; only " + wanted + " is understood" : ""));
            }
        }
    }

    private static boolean same(Object wanted, JsonNode value) {
        return wanted instanceof Number number
                ? value.isNumber() && number.doubleValue() == value.doubleValue()
                : wanted.toString().equals(value.asText());
    }

    DataException unlike(String key, String why) {
        return new DataException(origin + ": " + at(key) + " is " + json.path(key) + ": " + why);
    }

    private String at(String key) {
        return name.isEmpty() ? key : name + "." + key;
    }
}
