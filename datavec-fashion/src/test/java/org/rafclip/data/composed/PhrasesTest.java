package org.rafclip.data.composed;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rafclip.data.deepfashion.AttributeTaxonomy;

class PhrasesTest {

    private final Phrases phrases = Phrases.load();

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            Has a cotton fabric and is cotton                                    | It has a cotton fabric
            Is made of cotton and has a crew neck and is cotton and has a round neckline \
            | It is made of cotton and has a crew neck
            Is made of denim and has a loose fit instead of a tight fit and is denim instead of chiffon and has a loose fit \
            | It is denim instead of chiffon and has a loose fit instead of a tight fit
            has longer sleeves and is long sleeved                               | It has longer sleeves
            is neither tight nor loose and is regular fitting                    | It is neither tight nor loose
            is striped                                                           | It is striped
            more formal and is darker                                            | more formal and is darker
            """)
    void aWishIsSaidOnce(String captions, String once) {
        assertThat(phrases.once(captions)).isEqualTo(once);
    }

    @Test
    void wordsThatAreNotKnownMeanThemselves() {
        assertThat(phrases.once("is boho instead of preppy and is boho")).isEqualTo("It is boho instead of preppy");
    }

    @Test
    void noTwoPhrasesOfOneWishAreLeft() {
        AttributeTaxonomy.Group fit = new AttributeTaxonomy.Group("fit", List.of("tight", "loose", "conventional"));
        for (String first : phrases.of(fit, 0, 2)) {
            for (String second : phrases.of(fit, 0, 2)) {
                assertThat(phrases.once(first + " and " + second)).doesNotContain(" and ");
            }
        }
    }
}
