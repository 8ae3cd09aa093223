package org.rafclip.data.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class PromptsTest {

    @Test
    void thePaperWording() {
        assertThat(Prompts.PAPER.category("red", "Dress")).containsExactly("a photo of red dress");
        assertThat(Prompts.PAPER.attribute("no neckline", Prompts.DEFAULT_CATEGORY))
                .containsExactly("a photo of no neckline clothing");
        assertThat(Prompts.PAPER.retrieval("blue", List.of("floral", "long sleeve"), "tee"))
                .containsExactly("a photo of blue floral long sleeve tee");
        assertThat(Prompts.PAPER.retrieval("blue", List.of(), "tee")).containsExactly("a photo of blue tee");
    }

    @Test
    void eachTemplateGivesATextAndWordsAreNotTakenForPlaceholders() {
        Prompts prompts = new Prompts(
                List.of("{category}, {color}", "A  {color}\t{category} "),
                List.of("{attribute}"),
                List.of("{category}: {attributes} ({attributes})"));

        assertThat(prompts.category("red $1", "{color} Dress"))
                .containsExactly("{color} dress, red $1", "a red $1 {color} dress");
        assertThat(prompts.attribute("cotton", "tee")).containsExactly("cotton");
        assertThat(prompts.retrieval("red", List.of("a", "b"), "tee")).containsExactly("tee: a b (a b)");
    }

    @Test
    void whatATemplateMayNotHoldIsRefusedByName() {
        List<String> category = List.of("{color}");
        List<String> attribute = List.of("{attribute}");
        List<String> retrieval = List.of("{attributes}");

        assertThatThrownBy(() -> new Prompts(List.of("a {color} {sleeve}"), attribute, retrieval))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("category: 'a {color} {sleeve}' has the unknown placeholder {sleeve}; there are {color},"
                        + " {category}");
        assertThatThrownBy(() -> new Prompts(category, List.of("{color} {attribute}"), retrieval))
                .hasMessageContaining("attribute: '{color} {attribute}' has the unknown placeholder {color}");
        assertThatThrownBy(() -> new Prompts(category, List.of("a {category}"), retrieval))
                .hasMessage("attribute: 'a {category}' needs {attribute}");
        assertThatThrownBy(() -> new Prompts(category, attribute, List.of("a photo")))
                .hasMessageContaining("needs {color} or {attributes} or {category}");
        assertThatThrownBy(() -> new Prompts(List.of(), attribute, retrieval))
                .hasMessage("category needs at least one template");
    }
}
