package org.rafclip.run;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.junit.jupiter.api.Test;

class ProvenanceTest {

    record Config(@Default("3") int batchSize) {}

    static Provenance example() {
        return of(Map.of("nd4j", "1.0.0-M2.1", "blas", "MKL"), 2);
    }

    private static Provenance of(Map<String, String> libraries, int threads) {
        return Provenance.capture(
                new Config(3),
                17,
                "data-1",
                libraries,
                threads,
                List.of("train", "x.yaml"),
                Clock.fixed(Instant.parse("2024-05-15T10:00:00Z"), ZoneOffset.UTC));
    }

    @Test
    void saysWhatRan() {
        Provenance provenance = example();
        assertThat(provenance.configFingerprint()).isEqualTo(Configs.fingerprint(new Config(3)));
        assertThat(provenance.config().path("batch-size").intValue()).isEqualTo(3);
        assertThat(provenance.started()).isEqualTo("2024-05-15T10:00:00Z");
        assertThat(provenance.libraries().keySet()).containsExactly("blas", "nd4j");
        assertThat(provenance.jvm()).contains(System.getProperty("java.vm.version"));
        assertThat(provenance.processors()).isPositive();
    }

    @Test
    void threadsChangeNoBitsButLibrariesAndTheProcessorDo() {
        Provenance earlier = of(Map.of("blas", "MKL 2022.0, 2 threads", "processor", "A"), 2);

        assertThat(of(Map.of("blas", "MKL 2022.0, 64 threads", "processor", "A"), 64)
                        .otherBits(earlier))
                .isEmpty();
        assertThat(of(Map.of("blas", "OpenBLAS, 2 threads", "processor", "B"), 2)
                        .otherBits(earlier))
                .contains("blas: OpenBLAS, 2 threads instead of MKL 2022.0, 2 threads; processor: B instead of A");
    }

    @Test
    void whatAnEarlierRunDidNotSayOfItselfDoesNotCount() {
        assertThat(of(Map.of("blas", "MKL", "processor", "A"), 2).otherBits(of(Map.of("blas", "MKL"), 2)))
                .isEmpty();
    }

    @Test
    void theBuildFillsInVersionAndCommit() {
        Provenance.Code code = Provenance.Code.current();
        assertThat(code.version()).matches("\\d+\\.\\d+\\.\\d+.*");
        assertThat(code.commit()).matches("[0-9a-f]{40}|unknown");
    }

    @Test
    void outsideARepositoryTheCommitIsUnknown() {
        Properties build = new Properties();
        build.put("version", "1.2.3");
        build.put("commit", "${git.commit.id.full}");
        build.put("dirty", "${git.dirty}");
        assertThat(Provenance.Code.of(build)).isEqualTo(new Provenance.Code("1.2.3", "unknown", null));
    }
}
