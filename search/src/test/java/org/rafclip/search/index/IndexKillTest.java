package org.rafclip.search.index;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A writing process is killed at random moments: the index opens, and is as one commit left it. Four times, or as often as
 * {@code -Drafclip.kills=20} says.
 */
class IndexKillTest {

    private static final int KILLS = Integer.getInteger("rafclip.kills", 4);
    private static final int ENTRIES = 150;
    private static final int LONGEST_MILLIS = 400;
    private static final String GENERATION = "generation";

    @TempDir
    private Path temporary;

    @Test
    void aKilledWriterLeavesTheOldIndexOrTheNew() throws Exception {
        SplittableRandom random = new SplittableRandom(21);
        Path folder = temporary.resolve("index");
        int generation = 0;
        for (int kill = 0; kill < KILLS; kill++) {
            int said = killed(folder, generation, random.nextInt(LONGEST_MILLIS));
            try (LuceneIndex index = LuceneIndex.open(folder)) {
                Map<String, Integer> generations = index.facets(Filter.ALL).get(GENERATION);
                assertThat(generations.values()).as("of one commit").containsExactly(ENTRIES);
                assertThat(index.info().entries()).isEqualTo(ENTRIES);
                generation = Integer.parseInt(generations.keySet().iterator().next());
                assertThat(generation).as("nothing that was committed is lost").isBetween(said, said + 1);
                Entry found = index.get("entry 7").orElseThrow();
                assertThat(found.vector()).containsExactly(vector(7, generation));
                assertThat(index.nearest(found.vector(), Filter.ALL, Set.of(), 1)
                                .get(0)
                                .id())
                        .isEqualTo("entry 7");
            }
        }
    }

    /** Lets a process write generations from the next one on, and kills it some time after the first is committed. */
    private int killed(Path folder, int before, int millis) throws IOException, InterruptedException {
        Path errors = temporary.resolve("errors.txt");
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--add-modules",
                        "jdk.incubator.vector",
                        "-Xmx512m",
                        "-cp",
                        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                        Writer.class.getName(),
                        folder.toString(),
                        Integer.toString(before))
                .redirectError(errors.toFile())
                .start();
        try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
            String line;
            try {
                line = lines.readLine();
                assertThat(line).as(Files.readString(errors)).isNotNull();
                Thread.sleep(millis);
            } finally {
                // Not the process's own method, which closes what it has said.
                process.toHandle().destroyForcibly();
            }
            assertThat(process.waitFor()).as("killed, not ended by itself").isEqualTo(137);
            int said = Integer.parseInt(line);
            for (line = lines.readLine(); line != null; line = lines.readLine()) {
                said = Integer.parseInt(line);
            }
            return said;
        }
    }

    private static float[] vector(int entry, int generation) {
        return PhotoIndexContract.unit(new SplittableRandom(1000L * generation + entry), PhotoIndexContract.WIDTH);
    }

    /** The process: replaces all entries again and again, and says which generation is committed. */
    static final class Writer {

        private Writer() {}

        public static void main(String[] args) {
            Path folder = Path.of(args[0]);
            try (IndexUpdate update = IndexUpdate.open(
                    folder,
                    IndexUpdateTest.info("clip", folder),
                    Optional.of(new Graph(100, 8, 20, 20)),
                    Clock.systemUTC())) {
                for (int generation = Integer.parseInt(args[1]) + 1; ; generation++) {
                    for (int i = 0; i < ENTRIES; i++) {
                        update.put(new Entry(
                                "entry " + i,
                                i + ".jpg",
                                generation + "-" + i,
                                Optional.empty(),
                                Map.of(GENERATION, List.of(Integer.toString(generation))),
                                vector(i, generation),
                                new byte[100]));
                    }
                    if (generation % 3 == 0) {
                        update.finish();
                    } else {
                        update.commit();
                    }
                    System.out.println(generation);
                }
            }
        }
    }
}
