package org.rafclip.run;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class ProcessMemoryTest {

    @Test
    void theProcessTableIsReadInMebibytes() {
        ProcessMemory memory = ProcessMemory.parse(List.of("Name:\tjava", "VmHWM:\t  4096 kB", "VmRSS:\t  3072 kB"));

        assertThat(memory).isEqualTo(new ProcessMemory(3, 4));
    }
}
