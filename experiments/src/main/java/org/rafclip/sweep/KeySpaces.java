package org.rafclip.sweep;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.deeplearning4j.arbiter.optimize.api.ParameterSpace;
import org.nd4j.shade.jackson.annotation.JsonCreator;
import org.nd4j.shade.jackson.annotation.JsonProperty;

/** Arbiter's view of a sweep: one parameter space for each configuration key, a candidate is a value for each. */
public final class KeySpaces implements ParameterSpace<LinkedHashMap<String, Object>> {

    private final LinkedHashMap<String, ParameterSpace<?>> spaces;

    /** @param spaces by key path, in the order in which their values are drawn */
    @JsonCreator
    public KeySpaces(@JsonProperty("spaces") Map<String, ParameterSpace<?>> spaces) {
        this.spaces = new LinkedHashMap<>(spaces);
    }

    @Override
    public LinkedHashMap<String, Object> getValue(double[] parameterValues) {
        LinkedHashMap<String, Object> values = new LinkedHashMap<>();
        spaces.forEach((key, space) -> values.put(key, space.getValue(parameterValues)));
        return values;
    }

    @Override
    public int numParameters() {
        return spaces.size();
    }

    @Override
    @SuppressWarnings("rawtypes")
    public List<ParameterSpace> collectLeaves() {
        return new ArrayList<>(spaces.values());
    }

    @Override
    @SuppressWarnings("rawtypes")
    public Map<String, ParameterSpace> getNestedSpaces() {
        return new LinkedHashMap<>(spaces);
    }

    @Override
    public boolean isLeaf() {
        return false;
    }

    @Override
    public void setIndices(int... indices) {
        throw new UnsupportedOperationException("only a space without nested ones has indices");
    }
}
