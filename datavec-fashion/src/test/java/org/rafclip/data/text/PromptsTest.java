package org.rafclip.data.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class PromptsTest {

    @Test
    void thePaperWording() {
        assertThat(Prompts.category("red", "Dress")).isEqualTo("a photo of red dress");
        assertThat(Prompts.attribute("no neckline", Prompts.DEFAULT_CATEGORY))
                .isEqualTo("a photo of no neckline clothing");
        assertThat(Prompts.retrieval("blue", List.of("floral", "long sleeve"), "tee"))
                .isEqualTo("a photo of blue floral long sleeve tee");
        assertThat(Prompts.retrieval("blue", List.of(), "tee")).isEqualTo("a photo of blue tee");
    }
}
