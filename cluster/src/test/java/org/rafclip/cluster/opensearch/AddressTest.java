package org.rafclip.cluster.opensearch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rafclip.data.DataException;
import org.rafclip.search.index.IndexStore;

class AddressTest {

    @Test
    void anAddressHasServerAndName() {
        Address address = Address.parse("opensearch:http://search.shop:9200/shop-1", Map.of());
        assertThat(address.node()).hasToString("http://search.shop:9200");
        assertThat(address.name()).isEqualTo("shop-1");
        assertThat(address.credentials()).isEmpty();
        assertThat(address).hasToString("opensearch:http://search.shop:9200/shop-1");
    }

    @Test
    void aPasswordIsTakenFromTheEnvironmentAndNeverShown() {
        Address address =
                Address.parse("opensearch:https://ann@search.shop/shop", Map.of("OPENSEARCH_PASSWORD", "s3:cret"));
        assertThat(address.credentials())
                .contains(
                        "Basic " + Base64.getEncoder().encodeToString("ann:s3:cret".getBytes(StandardCharsets.UTF_8)));
        assertThat(address).hasToString("opensearch:https://search.shop/shop");
        assertThat(Address.parse("opensearch:https://ann:s3cret@search.shop/shop", Map.of()))
                .hasToString("opensearch:https://search.shop/shop");
        assertThat(IndexStore.shown("opensearch:https://ann:s3cret@search.shop/shop"))
                .isEqualTo("opensearch:https://ann@search.shop/shop");
        assertThatThrownBy(() -> Address.parse("opensearch:https://ann@search.shop/shop", Map.of()))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("'ann' has no password")
                .hasMessageContaining("OPENSEARCH_PASSWORD");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "opensearch:",
                "opensearch:shop",
                "opensearch:ftp://host/shop",
                "opensearch:http:///shop",
                "opensearch:http://host:9200",
                "opensearch:http://host:9200/",
                "opensearch:http://host:9200/a/b",
                "opensearch:http://host:9200/Shop",
                "opensearch:http://host:9200/_all",
                "opensearch:http://host:9200/shop?x=1",
                "opensearch:http://host:9200/sh op",
                "opensearch:http://host:99999/shop",
                "opensearch:http://ann:s3cret@host:9200/*"
            })
    void anythingElseIsRefusedWithTheForm(String place) {
        assertThatThrownBy(() -> Address.parse(place, Map.of()))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("opensearch:http://HOST:9200/NAME")
                .message()
                .doesNotContain("s3cret");
    }
}
