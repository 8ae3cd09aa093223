package org.rafclip.data.segment;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.RgbImage;
import org.rafclip.data.segment.SamSegmenter.Choice;

/** The way from photo to mask, with a network that answers the red of the photo. */
class SamSegmenterTest extends SegmenterContract {

    private static final int FRAME = 64;
    private static final int SIDE = 16;

    private final AtomicInteger opened = new AtomicInteger();
    private final AtomicInteger encoded = new AtomicInteger();
    private boolean firstIsClear = true;

    /** Its embedding is how red the frame is; mask 0 is where red stands out, mask 1 nothing, mask 2 the rest, mask 3 the frame. */
    private final class RedNetwork implements SamNetwork {

        @Override
        public int frameSize() {
            return FRAME;
        }

        @Override
        public Fit fit() {
            return Fit.PADDED;
        }

        @Override
        public float[][] encode(RgbImage photo) {
            encoded.incrementAndGet();
            float[] redness = new float[FRAME * FRAME];
            for (int y = 0; y < photo.height(); y++) {
                for (int x = 0; x < photo.width(); x++) {
                    redness[y * FRAME + x] = photo.get(x, y, 0) - photo.get(x, y, 1);
                }
            }
            return new float[][] {redness};
        }

        @Override
        public Masks decode(float[][] embedding, float[] corners) {
            float[] logits = new float[4 * SIDE * SIDE];
            for (int i = 0; i < SIDE * SIDE; i++) {
                int at = 4 * (i / SIDE) * FRAME + 4 * (i % SIDE);
                float red = embedding[0][at];
                logits[i] = red;
                logits[SIDE * SIDE + i] = -1;
                logits[2 * SIDE * SIDE + i] = -red;
                logits[3 * SIDE * SIDE + i] = 1;
            }
            return new Masks(4, SIDE, logits, new float[] {0.99f, 0.1f, 0.8f, 0.7f}, firstIsClear);
        }

        @Override
        public void close() {
            opened.decrementAndGet();
        }
    }

    private SamSegmenter segmenter(Choice choice) {
        return new SamSegmenter(
                () -> "red",
                () -> {
                    opened.incrementAndGet();
                    return new RedNetwork();
                },
                choice);
    }

    @Override
    Segmenter segmenter() {
        return segmenter(Choice.SINGLE);
    }

    @Test
    void aPhotoIsEncodedOnceHoweverItsBoxesAreAsked() {
        SamSegmenter segmenter = segmenter(Choice.SINGLE);
        RgbImage copy = new RgbImage(DISC.width(), DISC.height(), DISC.rgb().clone());

        segmenter.segment(DISC, List.of(DISC_BOX, new Box(0, 0, 79, 99)));
        segmenter.segment(copy, DISC_BOX);

        assertThat(encoded).hasValue(1);
        assertThat(segmenter.cost().photos()).isEqualTo(1);
        assertThat(segmenter.cost().boxes()).isEqualTo(3);
    }

    @Test
    void theNetworksAreOpenedWhenTheyAreNeededAndFreed() {
        SamSegmenter segmenter = segmenter(Choice.SINGLE);
        assertThat(segmenter.id()).isEqualTo("sam-1-red-single");
        assertThat(opened).hasValue(0);

        segmenter.segment(DISC, DISC_BOX);
        assertThat(opened).hasValue(1);

        segmenter.close();
        assertThat(opened).hasValue(0);
    }

    @Test
    void theDiscIsFound() {
        Segmentation answer = segmenter().segment(DISC, DISC_BOX);

        assertThat(answer.fallback()).isFalse();
        assertThat(answer.mask().get(40, 50)).isTrue();
        assertThat(answer.mask().get(21, 31)).isFalse();
        assertThat(answer.mask().area()).isBetween(1000, 1500);
    }

    @Test
    void theMostTrustedOfTheOtherMasksIsTakenOnRequest() {
        Segmentation answer = segmenter(Choice.BEST).segment(DISC, DISC_BOX);

        assertThat(answer.mask().get(40, 50)).isFalse();
        assertThat(answer.mask().get(21, 31)).isTrue();
    }

    @Test
    void withoutAMaskForClearPromptsTheMostTrustedOfAllIsTaken() {
        firstIsClear = false;
        for (Choice choice : Choice.values()) {
            assertThat(segmenter(choice).segment(DISC, DISC_BOX).mask().get(40, 50))
                    .as("%s", choice)
                    .isTrue();
        }
    }
}
