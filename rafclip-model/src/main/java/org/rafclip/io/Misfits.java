package org.rafclip.io;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.rafclip.data.DataException;
import org.rafclip.nn.Scope;

/**
 * Holds a model that is being built of its description against the weights that it is to take. A description with little
 * in common with them, such as one of a billion layers, is refused before memory and time are spent on it; a few
 * differences are let pass, since whoever fills the model names them all.
 */
public final class Misfits implements Scope.Expectation {

    private static final int MOST = 200;
    private static final double MOST_NUMBERS = 1 << 24;
    private static final int NAMES_IN_MESSAGE = 3;

    private final String description;
    private final Path file;
    private final Function<String, long[]> weights;
    private final List<String> missing = new ArrayList<>();
    private final List<String> different = new ArrayList<>();
    private double numbers;

    /**
     * @param description its file, for people
     * @param file of the weights
     * @param weights the shape of a parameter as the weights give it, null where they lack it
     */
    public Misfits(String description, Path file, Function<String, long[]> weights) {
        this.description = description;
        this.file = file;
        this.weights = weights;
    }

    /** Against one file whose tensors have the parameters' own names. */
    public static Misfits of(String description, Safetensors weights) {
        return new Misfits(
                description, weights.file(), name -> weights.names().contains(name) ? weights.shape(name) : null);
    }

    @Override
    public void parameter(String name, long... shape) {
        long[] there = weights.apply(name);
        if (there == null) {
            missing.add(name);
        } else if (!Arrays.equals(there, shape) && !(isOneNumber(there) && isOneNumber(shape))) {
            different.add(name + " is " + Arrays.toString(there) + " and not " + Arrays.toString(shape));
        } else {
            return;
        }
        numbers += Arrays.stream(shape).asDoubleStream().reduce(1, (a, b) -> a * b);
        if (missing.size() + different.size() > MOST || numbers > MOST_NUMBERS) {
            throw new DataException(
                    description + ": describes another model than its weights are, " + file + ": at least "
                            + missing.size() + " are missing" + some(missing) + ", " + different.size()
                            + " have another shape" + some(different) + ": take both from one model");
        }
    }

    private static boolean isOneNumber(long[] shape) {
        return Arrays.stream(shape).allMatch(size -> size == 1);
    }

    private static String some(List<String> names) {
        return names.isEmpty()
                ? ""
                : names.stream()
                        .limit(NAMES_IN_MESSAGE)
                        .collect(Collectors.joining(", ", " (", names.size() > NAMES_IN_MESSAGE ? ", ...)" : ")"));
    }
}
