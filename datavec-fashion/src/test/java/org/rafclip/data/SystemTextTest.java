package org.rafclip.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class SystemTextTest {

    @Test
    void everyTextArrivesInUtf8() {
        assertThat(SystemText.fault("robe à fleurs, 裙子", StandardCharsets.UTF_8))
                .isEmpty();
        assertThat(SystemText.fault("plain", StandardCharsets.US_ASCII)).isEmpty();
    }

    @Test
    void whatTheLocaleCannotHoldIsToldWithTheRemedy() {
        assertThat(SystemText.fault("grün.jpg", StandardCharsets.US_ASCII))
                .hasValueSatisfying(fault -> assertThat(fault).contains("US-ASCII", "set LC_ALL=C.UTF-8"));
        assertThat(SystemText.fault("裙", StandardCharsets.ISO_8859_1)).isPresent();
    }

    @Test
    void whatWasLostOnTheWayInIsNotTakenForAText() {
        assertThat(SystemText.fault("robe \ufffd\ufffd fleurs", StandardCharsets.US_ASCII))
                .hasValueSatisfying(fault -> assertThat(fault).contains("LC_ALL=C.UTF-8"));
        assertThat(SystemText.fault("caf\ufffd", StandardCharsets.UTF_8))
                .hasValueSatisfying(fault -> assertThat(fault).contains("not UTF-8"));
    }
}
