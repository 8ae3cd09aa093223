package org.rafclip.onnx.check;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** The exports that tests have, and the lengths that their open axes are given. */
final class Exports {

    static final Path FOLDER = Path.of("src/test/resources/org/rafclip/onnx/exports");

    private static final Map<String, Long> DIMENSIONS = Map.of("length", 10L, "num_points", 3L, "num_labels", 1L);

    private Exports() {}

    static List<Path> files() throws IOException {
        try (Stream<Path> all = Files.walk(FOLDER)) {
            return all.filter(file -> file.toString().endsWith(".onnx"))
                    .sorted()
                    .toList();
        }
    }

    /** Of a file's axes by name; others are the batch's. */
    static Map<String, Long> dimensions(Path file) {
        Map<String, Long> dimensions = new HashMap<>(DIMENSIONS);
        if (file.toString().contains("efficient-sam")) {
            // Its decoder goes on by the rank of what has an open batch.
            dimensions.put("batch", 1L);
        }
        return dimensions;
    }
}
