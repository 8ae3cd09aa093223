package org.rafclip.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.rafclip.data.DataException;
import org.rafclip.search.index.IndexStore;
import org.rafclip.search.index.LiveIndex;
import org.rafclip.search.query.Part;
import org.rafclip.search.query.Query;
import org.rafclip.search.serve.SearchServer;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** An index by HTTP. */
@Command(
        name = "serve",
        description = {
            "Serve an index: a page for people, and for programs a JSON API that /openapi.json describes.",
            "Only this machine can ask, unless --host names another address. Whoever asks there needs a token, which is"
                    + " printed with the address. There is no encryption: put a proxy with TLS in front where others could"
                    + " listen. Ctrl-C, or SIGTERM, answers what was asked and stops. What is indexed meanwhile is searched"
                    + " as soon as it is committed."
        },
        footer = {
            "",
            "Examples:",
            "  ./rafclip serve --index runs/index",
            "  ./rafclip serve --index runs/index --host 0.0.0.0 --port 8080 --token-file token.txt",
            "  ./rafclip serve --index opensearch:http://localhost:9200/shop"
        })
final class ServeCommand implements Callable<Integer> {

    private static final int LOOK_SECONDS = 2;
    private static final int TOKEN_BYTES = 24;
    private static final int SHORTEST_TOKEN = 16;

    @Spec
    private CommandSpec spec;

    @Mixin
    private IndexChoice choice;

    @Option(
            names = "--host",
            paramLabel = "ADDRESS",
            defaultValue = "127.0.0.1",
            description = "Where to listen: an address of this machine, 0.0.0.0 for all. Default: ${DEFAULT-VALUE}.")
    private String host;

    @Option(
            names = "--port",
            paramLabel = "N",
            defaultValue = "8080",
            description = "0 takes one that is free. Default: ${DEFAULT-VALUE}.")
    private int port;

    @Option(
            names = "--token-file",
            paramLabel = "FILE",
            description =
                    "A text of at least " + SHORTEST_TOKEN
                            + " characters that every request must bring. Default: a new one where others can ask, none otherwise.")
    private Path tokenFile;

    @Option(
            names = "--name",
            paramLabel = "HOST",
            description = "A further name that this server is called by, such as that of a proxy in front of it.")
    private List<String> names = List.of();

    @Override
    public Integer call() throws IOException {
        if (port < 0 || port > 65_535) {
            throw new ParameterException(
                    spec.commandLine(), "Invalid value for option '--port': " + port + " is not from 0 to 65535");
        }
        Optional<String> token = token();
        IndexChoice.Opened opened = choice.open();
        SearchServer server;
        try {
            // The first question takes longer than the others: it is not to be a user's.
            opened.searcher().search(Query.of(new Part.Words("a dress")).withLimit(1));
            server = SearchServer.start(
                    opened.searcher(),
                    SearchServer.Settings.local(name(opened.place()), port)
                            .withHost(host)
                            .withNames(new HashSet<>(names))
                            .withToken(token));
        } catch (RuntimeException e) {
            opened.close();
            throw e;
        }
        PrintWriter out = spec.commandLine().getOut();
        out.println(shown(server) + token.map(some -> "/?token=" + some).orElse("") + " serves " + opened.title());
        out.flush();
        Following following = new Following(opened.index(), spec.commandLine());
        CountDownLatch stopped = new CountDownLatch(1);
        Thread stop = new Thread(() -> {
            server.close();
            following.close();
            opened.close();
            stopped.countDown();
        });
        Runtime.getRuntime().addShutdownHook(stop);
        try {
            stopped.await();
        } catch (InterruptedException e) {
            Runtime.getRuntime().removeShutdownHook(stop);
            stop.run();
        }
        return 0;
    }

    /** Looks again and again whether the index has a later commit. */
    private static final class Following implements AutoCloseable {

        private final LiveIndex index;
        private final PrintWriter out;
        private final PrintWriter errors;
        private final ScheduledExecutorService looking = Executors.newSingleThreadScheduledExecutor(task -> {
            Thread thread = new Thread(task, "following the index");
            thread.setDaemon(true);
            return thread;
        });
        private String said = "";

        Following(LiveIndex index, CommandLine command) {
            this.index = index;
            this.out = command.getOut();
            this.errors = command.getErr();
            looking.scheduleWithFixedDelay(this::look, LOOK_SECONDS, LOOK_SECONDS, TimeUnit.SECONDS);
        }

        private void look() {
            try {
                if (index.follow()) {
                    out.printf(
                            Locale.ROOT,
                            "searches %,d garments now%n",
                            index.info().entries());
                    out.flush();
                    said = "";
                }
            } catch (DataException e) {
                say(e.getMessage());
            } catch (RuntimeException | OutOfMemoryError e) {
                // Whoever throws here is never called again.
                say("the index has changed and cannot be opened (" + e + ")");
            }
        }

        private void say(String what) {
            if (!said.equals(what)) {
                said = what;
                errors.println("rafclip: " + said + " (what was indexed before goes on being searched)");
                errors.flush();
            }
        }

        @Override
        public void close() {
            looking.shutdown();
            try {
                looking.awaitTermination(1, TimeUnit.MINUTES);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** What the index is called, without where it lies. */
    private static String name(String place) {
        String last = place.substring(place.lastIndexOf('/') + 1);
        return IndexStore.of(place).isPresent() && !last.isEmpty()
                ? last
                : String.valueOf(Path.of(place).toAbsolutePath().normalize().getFileName());
    }

    private Optional<String> token() throws IOException {
        if (tokenFile != null) {
            String token;
            try {
                token = Files.readString(tokenFile).strip();
            } catch (IOException e) {
                throw new DataException(tokenFile + ": cannot be read as UTF-8 text; a token file holds one line", e);
            }
            if (token.length() < SHORTEST_TOKEN || !token.matches("[A-Za-z0-9._~-]+")) {
                throw new DataException(tokenFile + ": a token has at least " + SHORTEST_TOKEN
                        + " characters, all of them letters, digits or one of - . _ ~");
            }
            return Optional.of(token);
        }
        try {
            if (InetAddress.getByName(host).isLoopbackAddress()) {
                return Optional.empty();
            }
        } catch (UnknownHostException e) {
            throw new DataException("there is no host '" + host + "'; --host names an address of this machine", e);
        }
        byte[] random = new byte[TOKEN_BYTES];
        new SecureRandom().nextBytes(random);
        return Optional.of(Base64.getUrlEncoder().withoutPadding().encodeToString(random));
    }

    /** Where everybody listens, an address is of no use to others; the machine's name is. */
    private static String shown(SearchServer server) {
        try {
            return InetAddress.getByName(server.address().getHost()).isAnyLocalAddress()
                    ? "http://" + InetAddress.getLocalHost().getHostName() + ":"
                            + server.address().getPort()
                    : server.address().toString();
        } catch (UnknownHostException e) {
            return server.address().toString();
        }
    }
}
