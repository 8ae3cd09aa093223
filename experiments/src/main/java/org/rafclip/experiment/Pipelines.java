package org.rafclip.experiment;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.rafclip.photos.PhotoConfig;

/** Changes to the lines of steps by which photos are prepared. */
final class Pipelines {

    private static final String BETWEEN = " | ";

    private Pipelines() {}

    /** A line without the steps of a name. */
    static String without(String line, String step) {
        return steps(line).filter(part -> !name(part).equals(step)).collect(Collectors.joining(BETWEEN));
    }

    /** A line in which the steps of a name have another argument. */
    static String with(String line, String step, String argument) {
        return steps(line)
                .map(part -> name(part).equals(step) ? step + "(" + argument + ")" : part)
                .collect(Collectors.joining(BETWEEN));
    }

    /** A line that masks the garment out with a fill: where it did so before, else before photos are cut at random or at all. */
    static String masked(String line, String fill) {
        String step = "mask(" + fill + ")";
        List<String> parts = new ArrayList<>(steps(line).toList());
        if (parts.stream().anyMatch(part -> name(part).equals("mask"))) {
            return with(line, "mask", fill);
        }
        int random = parts.stream().map(Pipelines::name).toList().indexOf("random-resized-crop");
        parts.add(Math.max(0, random), step);
        return String.join(BETWEEN, parts);
    }

    private static Stream<String> steps(String line) {
        return Arrays.stream(line.split("\\|")).map(String::strip);
    }

    private static String name(String part) {
        int argument = part.indexOf('(');
        return (argument < 0 ? part : part.substring(0, argument)).strip();
    }

    /** Overrides that change the two lines of regions. */
    static List<String> ofRegions(PhotoConfig data, UnaryOperator<String> change) {
        return List.of(
                "data.train.region='" + change.apply(data.train().region()) + "'",
                "data.evaluation.region='" + change.apply(data.evaluation().region()) + "'");
    }

    /** Overrides that change all four lines of a configuration. */
    static List<String> overrides(PhotoConfig data, UnaryOperator<String> change) {
        return List.of(
                "data.train.crop='" + change.apply(data.train().crop()) + "'",
                "data.train.region='" + change.apply(data.train().region()) + "'",
                "data.evaluation.crop='" + change.apply(data.evaluation().crop()) + "'",
                "data.evaluation.region='" + change.apply(data.evaluation().region()) + "'");
    }
}
