package org.rafclip.launch;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.rafclip.data.Progress;
import org.rafclip.run.SharedCluster;
import org.rafclip.train.Peers;
import org.rafclip.train.RafClipTrainer;
import org.rafclip.train.SocketPeers;
import org.rafclip.train.TrainingListener;

/** A share of RaF-CLIP's training, in one of the processes that train one model together. */
public final class SharedTraining implements Function<Object, Object> {

    private static final String FILE = "train.file";
    private static final String OVERRIDE = "train.override.";
    private static final String RESUME = "train.resume";
    private static final String COMMAND_LINE = "train.command-line";
    private static final String LIBRARY = "train.library.";

    /** Where Spark's processes of one machine find each other. */
    private static final String HOST = "spark.driver.host";

    private static final int WAIT_MILLIS = 2_000;

    private final Map<String, String> settings;

    /** What the processes are to be told. */
    public static Map<String, String> settings(
            Path file,
            List<String> overrides,
            boolean resume,
            Map<String, String> libraries,
            List<String> commandLine) {
        Map<String, String> settings = new HashMap<>();
        settings.put(FILE, file.toString());
        IntStream.range(0, overrides.size()).forEach(i -> settings.put(OVERRIDE + i, overrides.get(i)));
        settings.put(RESUME, Boolean.toString(resume));
        settings.put(COMMAND_LINE, String.join("\n", commandLine));
        libraries.forEach((name, version) -> settings.put(LIBRARY + name, version));
        return settings;
    }

    /** @param settings of {@link #settings} */
    public SharedTraining(Map<String, String> settings) {
        this.settings = Map.copyOf(settings);
    }

    /** @param member as {@link SharedCluster} describes it */
    @Override
    @SuppressWarnings("unchecked")
    public Object apply(Object member) {
        Map<String, Object> about = (Map<String, Object>) member;
        int rank = (int) about.get(SharedCluster.RANK);
        try (SocketPeers peers =
                SocketPeers.connect(rank, (int) about.get(SharedCluster.SIZE), host(), (Function<String, String[]>)
                        about.get(SharedCluster.ALL_GATHER))) {
            train(peers, Boolean.parseBoolean(settings.get(RESUME)) || (int) about.get(SharedCluster.ATTEMPT) > 0);
            return null;
        } catch (Peers.LostException e) {
            leaveTheWord();
            throw e;
        } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }

    /** Who was left waits a little, so that whoever knows more is heard first. */
    private static void leaveTheWord() {
        try {
            Thread.sleep(WAIT_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void train(Peers peers, boolean resume) throws IOException, InterruptedException {
        List<String> overrides = IntStream.iterate(0, i -> settings.containsKey(OVERRIDE + i), i -> i + 1)
                .mapToObj(i -> settings.get(OVERRIDE + i))
                .toList();
        RafClipTraining training = RafClipTraining.load(Path.of(settings.get(FILE)), overrides);
        if (peers.rank() > 0) {
            new RafClipTrainer(training.config(), training.photos(), new Silent(), peers).follow();
            return;
        }
        Map<String, String> libraries = new HashMap<>();
        settings.forEach((name, version) -> {
            if (name.startsWith(LIBRARY)) {
                libraries.put(name.substring(LIBRARY.length()), version);
            }
        });
        try (TrainingConsole console = new TrainingConsole(ProgressLine.View.standardError())) {
            new RafClipTrainer(training.config(), training.photos(), console, peers)
                    .train(
                            resume,
                            training.provenance(
                                    libraries,
                                    List.of(settings.get(COMMAND_LINE).split("\n"))));
        }
    }

    private InetAddress host() throws UnknownHostException {
        String given = System.getenv("SPARK_LOCAL_IP");
        if (given != null) {
            return InetAddress.getByName(given);
        }
        return "127.0.0.1".equals(settings.get(HOST)) ? InetAddress.getLoopbackAddress() : InetAddress.getLocalHost();
    }

    private static final class Silent implements TrainingListener {

        @Override
        public Progress stage(String name, int total) {
            return Progress.NONE;
        }
    }
}
