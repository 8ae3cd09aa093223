package org.rafclip.photos;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.assertj.core.util.DoubleComparator;
import org.junit.jupiter.api.Test;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.Dimensions;

class TypicalBoxTest {

    private static final Map<String, Dimensions> SIZES =
            Map.of("wide", new Dimensions(200, 100), "high", new Dimensions(100, 400));

    private static FashionItem item(String photo, Box box) {
        return new FashionItem(photo, photo, box, Optional.empty(), List.of(), List.of(), 1);
    }

    private static TypicalBox of(FashionItem... items) {
        return TypicalBox.of(List.of(items), item -> SIZES.get(item.image()));
    }

    @Test
    void itIsTheMeanOfTheBoxesInFractionsOfTheirPhotos() {
        TypicalBox box = of(item("wide", new Box(20, 10, 159, 89)), item("high", new Box(20, 80, 59, 199)));

        assertThat(List.of(box.left(), box.top(), box.right(), box.bottom()))
                .usingComparatorForType(new DoubleComparator(1e-12), Double.class)
                .containsExactly(0.15, 0.15, 0.7, 0.7);
        assertThat(box.in(100, 200)).isEqualTo(new Box(15, 30, 69, 139));
    }

    @Test
    void boxesCountAsFarAsTheyLieInTheirPhoto() {
        assertThat(of(item("wide", new Box(-50, 0, 99, 500)))).isEqualTo(new TypicalBox(0, 0, 0.5, 1));
        assertThat(of(item("wide", new Box(300, 0, 400, 50)))).isEqualTo(TypicalBox.WHOLE);
    }

    @Test
    void aPhotoWithoutABoxTeachesThatGarmentsFillTheirPhotos() {
        assertThat(of(item("wide", new Box(20, 10, 159, 89)), item("high", Box.WHOLE)))
                .isEqualTo(TypicalBox.WHOLE);
        assertThat(TypicalBox.WHOLE.in(37, 11)).isEqualTo(new Box(0, 0, 36, 10));
        assertThat(new TypicalBox(0.9, 0.9, 0.95, 0.95).in(1, 2)).isEqualTo(new Box(0, 1, 0, 1));
    }

    @Test
    void edgesOutsideOfThePhotoOrInTheWrongOrderAreRefused() {
        assertThatThrownBy(() -> new TypicalBox(0.5, 0, 0.5, 1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new TypicalBox(0, 0, 1, 1.01)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new TypicalBox(0, Double.NaN, 1, 1)).isInstanceOf(IllegalArgumentException.class);
    }
}
