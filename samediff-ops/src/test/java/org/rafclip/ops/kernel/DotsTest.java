package org.rafclip.ops.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Both ways to multiply against sums in double precision, for every way a row can end within a vector. */
class DotsTest {

    private static final int LARGEST = 140;
    private static final int ROWS = 67;

    private final List<Dots> ways = List.of(new PlainDots(), Dots.fastest());
    private final SplittableRandom random = new SplittableRandom(3);

    private float[] floats(int length) {
        float[] values = new float[length];
        for (int i = 0; i < length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    private byte[] bytes(int length) {
        byte[] values = new byte[length];
        random.nextBytes(values);
        return values;
    }

    @Test
    void floatsTimesFloats() {
        for (int width = 1; width < LARGEST; width++) {
            float[] x = floats(width + 3);
            float[] y = floats(width + 3);
            double sum = 0;
            double size = 0;
            for (int j = 0; j < width; j++) {
                sum += (double) x[j] * y[j];
                size += Math.abs((double) x[j] * y[j]);
            }
            for (Dots dots : ways) {
                assertThat((double) dots.dot(x, y, width)).isCloseTo(sum, within(1e-6 * size));
            }
        }
    }

    @Test
    void queriesTimesRowsOfBytes() {
        for (int width : new int[] {1, 5, 8, 16, 17, 31, 32, 33, 64, 100, 139}) {
            byte[] codes = bytes((ROWS + 2) * width);
            for (int queries = 1; queries < 10; queries++) {
                float[][] asked = new float[queries][];
                for (int q = 0; q < queries; q++) {
                    asked[q] = floats(width);
                }
                for (Dots dots : ways) {
                    int stride = ROWS + 5;
                    float[] together = new float[queries * stride];
                    dots.bytes(codes, 2, ROWS, width, asked, together, stride, 3);
                    for (int q = 0; q < queries; q++) {
                        float[] alone = new float[ROWS + 3];
                        dots.bytes(codes, 2, ROWS, width, asked[q], alone, 3);
                        for (int r = 0; r < ROWS; r++) {
                            double sum = 0;
                            double size = 0;
                            for (int j = 0; j < width; j++) {
                                double product = (double) asked[q][j] * codes[(2 + r) * width + j];
                                sum += product;
                                size += Math.abs(product);
                            }
                            assertThat((double) alone[3 + r]).isCloseTo(sum, within(1e-6 * size));
                            assertThat((double) together[q * stride + 3 + r]).isCloseTo(sum, within(1e-6 * size));
                        }
                        assertThat(together[q * stride + 2]).isZero();
                        assertThat(together[q * stride + 3 + ROWS]).isZero();
                    }
                }
            }
        }
    }
}
