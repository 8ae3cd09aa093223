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
        return Provenance.capture(
                new Config(3),
                17,
                "data-1",
                Map.of("nd4j", "1.0.0-M2.1", "blas", "MKL"),
                2,
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
