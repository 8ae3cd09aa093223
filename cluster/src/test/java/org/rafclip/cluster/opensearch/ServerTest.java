package org.rafclip.cluster.opensearch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.rafclip.data.DataException;

class ServerTest {

    @Test
    void theVersionThatWasTriedGoesWithoutSaying() {
        assertThat(Server.judge("there", "opensearch", "2.19.1")).isEmpty();
    }

    @Test
    void othersAreAcceptedOrRefusedInWords() {
        assertThat(Server.judge("there", "opensearch", "3.1.0").orElseThrow()).contains("3.1.0", "accepted", "2.19");
        assertThat(Server.judge("there", "opensearch", "2.16.0-SNAPSHOT").orElseThrow())
                .contains("2.16.0", "accepted");
        assertThatThrownBy(() -> Server.judge("there", "opensearch", "2.15.0"))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("2.15.0 is too old");
        assertThatThrownBy(() -> Server.judge("there", "", "8.11.1"))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("Elasticsearch 8.11.1");
        assertThatThrownBy(() -> Server.judge("there", "", ""))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("no OpenSearch is there");
    }
}
