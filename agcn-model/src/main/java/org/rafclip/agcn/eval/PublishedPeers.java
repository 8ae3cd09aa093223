package org.rafclip.agcn.eval;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.rafclip.run.Configs;

/**
 * What other methods have published on FashionIQ's validation set, read from {@code published-peers.yaml}.
 *
 * @param peers in the file's order
 */
public record PublishedPeers(List<Peer> peers) {

    /**
     * One method under one protocol.
     *
     * @param method as its authors call it
     * @param weights what it starts from and learns from, as far as noted
     * @param protocol how it was measured, as far as noted
     * @param source where the figures come from
     * @param averageRecallAt10 mean over the categories, percent
     * @param averageRecallAt50 mean over the categories, percent
     */
    public record Peer(
            String method,
            String weights,
            String protocol,
            String source,
            double averageRecallAt10,
            double averageRecallAt50) {

        public Peer {
            if (!(averageRecallAt10 > 0 && averageRecallAt10 <= averageRecallAt50 && averageRecallAt50 <= 100)) {
                throw new IllegalArgumentException("the recalls of " + method
                        + " must be percentages that grow with k, not " + averageRecallAt10 + " and "
                        + averageRecallAt50);
            }
        }
    }

    public PublishedPeers {
        peers = List.copyOf(peers);
    }

    /** Reads the peers that come with the library. */
    public static PublishedPeers load() {
        try (InputStream in = PublishedPeers.class.getResourceAsStream("published-peers.yaml")) {
            if (in == null) {
                throw new IllegalStateException("org/rafclip/agcn/eval/published-peers.yaml is not on the class path");
            }
            String yaml = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            return Configs.parse(yaml, "published-peers.yaml", List.of(), PublishedPeers.class);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
