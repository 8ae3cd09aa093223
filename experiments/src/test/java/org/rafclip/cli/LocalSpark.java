package org.rafclip.cli;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.rafclip.run.TaskCluster;

/** Spark in a process of its own, with two cores of this machine; a class that needs it is skipped where it was not fetched. */
final class LocalSpark implements BeforeAllCallback, AfterAllCallback {

    private static final String HOME = "rafclip.home";
    private static final String MASTER = "local[2]";

    private String before;

    @Override
    public void beforeAll(ExtensionContext context) {
        assumeTrue(
                ServiceLoader.load(TaskCluster.class).findFirst().isPresent()
                        && Files.isDirectory(Path.of("..", "cluster", "spark-job", "target", "home")),
                "Spark is not here; fetch it: ./mvnw -f cluster/spark-job/pom.xml package, and build with -Pcluster");
        before = System.setProperty(HOME, "..");
    }

    @Override
    public void afterAll(ExtensionContext context) {
        if (before == null) {
            System.clearProperty(HOME);
        } else {
            System.setProperty(HOME, before);
        }
    }

    /** A command with {@code --master} behind its words. */
    CommandRun run(Object... words) {
        List<Object> all = new ArrayList<>(List.of(words));
        all.addAll(List.of("--master", MASTER));
        return CommandRun.of(all.toArray());
    }
}
