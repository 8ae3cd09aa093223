package org.rafclip.agcn.features;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipModel;
import org.rafclip.clip.DualEncoder;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.ops.JavaOps;
import org.rafclip.text.ClipTokenizer;

/** Features as the dual encoder's own outputs, row by row. */
class EncoderFeaturesTest {

    private static final List<String> TEXTS =
            List.of("has long sleeves", "is floral instead of solid and has a v-neck", "red");

    @TempDir
    private Path cache;

    private ClipModel model;
    private INDArray images;

    @BeforeEach
    void build() {
        JavaOps.install();
        ClipTokenizer tokenizer = ClipTokenizer.train(
                TEXTS, 800, ClipConfig.named("vit-tiny").text().contextLength());
        ClipConfig config = ClipConfig.named("vit-tiny").withVocabularySize(tokenizer.vocabSize());
        model = new ClipModel(new DualEncoder(config, DataType.FLOAT, 5), tokenizer);
        int size = config.vision().imageSize();
        images = Nd4j.randn(DataType.FLOAT, 3, 3, size, size);
    }

    @AfterEach
    void close() {
        model.close();
    }

    @Test
    void aTextHasItsTokensUpToTheEndTokenWhoseFeatureIsThePooledOne() {
        Features features = new TextFeatureSource(model, TEXTS).encode(0, 3);

        for (int i = 0; i < 3; i++) {
            INDArray end = features.tokens().get(NDArrayIndex.point(i), NDArrayIndex.point(features.lengths()[i] - 1));
            assertClose(end, features.pooled().getRow(i));
        }
        assertClose(features.embeddings(), model.encodeTexts(TEXTS));
    }

    @Test
    void aRowsFeaturesDoNotDependOnItsNeighbours() {
        TextFeatureSource source = new TextFeatureSource(model, TEXTS);
        Features all = source.encode(0, 3);
        Features last = source.encode(2, 3);

        int length = last.lengths()[0];
        assertThat(all.lengths()[2]).isEqualTo(length);
        assertClose(
                all.tokens().get(NDArrayIndex.point(2), NDArrayIndex.interval(0, length)),
                last.tokens().get(NDArrayIndex.point(0), NDArrayIndex.interval(0, length)));
    }

    @Test
    void anImageHasAllTokensOfTheTower() {
        ImageFeatureSource source = new ImageFeatureSource(
                model,
                List.of("a", "b", "c"),
                (from, to) -> images.get(NDArrayIndex.interval(from, to)).dup('c'));
        Features features = source.encode(1, 3);

        assertThat(features.lengths()).containsOnly(model.config().vision().tokens());
        assertThat(features.tokens().shape())
                .containsExactly(
                        2, model.config().vision().tokens(), model.config().embedWidth());
        assertClose(features.embeddings(), model.encodeImages(images).get(NDArrayIndex.interval(1, 3)));
        assertThat(source.name(1)).isEqualTo("image b");
    }

    /** What the mean of all patches finds comes first, as a class token does, and then what each patch finds. */
    @Test
    void aResidualTowerHasItsPooledFeatureAsTheFirstToken() {
        ClipConfig words = model.config();
        ClipConfig config = new ClipConfig(
                words.embedWidth(),
                words.activation(),
                words.logitScale(),
                ClipConfig.Vision.residual(64, 4, 4, List.of(1, 1, 1, 1)),
                words.text());
        INDArray photos = Nd4j.randn(DataType.FLOAT, 2, 3, 64, 64);
        try (ClipModel residual =
                new ClipModel(new DualEncoder(config, DataType.FLOAT, 5), ClipTokenizer.train(TEXTS, 800, 32))) {
            Features features = new ImageFeatureSource(
                            residual,
                            List.of("a", "b"),
                            (from, to) ->
                                    photos.get(NDArrayIndex.interval(from, to)).dup('c'))
                    .encode(0, 2);

            assertThat(features.tokens().shape()).containsExactly(2, 5, words.embedWidth());
            assertClose(features.tokens().get(NDArrayIndex.all(), NDArrayIndex.point(0)), features.pooled());
            assertClose(features.embeddings(), residual.encodeImages(photos));
        }
    }

    @Test
    void anEmptyTextIsRefused() {
        assertThatThrownBy(() -> new TextFeatureSource(model, List.of("red", " ")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("text 1 of 2 is empty");
    }

    /** Images a, b and c; the pixels of one of them are no numbers, or none's. */
    private PhotoSource photos(String broken) {
        return new PhotoSource() {
            @Override
            public String fingerprint(List<String> ids) {
                return "drawn " + broken;
            }

            @Override
            public String preparation() {
                return "none";
            }

            @Override
            public INDArray load(List<String> ids) {
                INDArray pixels = images.dup('c');
                int at = ids.indexOf(broken);
                if (at >= 0) {
                    pixels.get(NDArrayIndex.point(at)).assign(Double.NaN);
                }
                return pixels;
            }
        };
    }

    private EncodedData encode(String broken) throws IOException {
        return EncodedData.build(
                cache,
                model,
                "model",
                List.of("a", "b", "c"),
                photos(broken),
                TEXTS,
                FeatureCache.Storage.FP32,
                (stage, total) -> Progress.NONE);
    }

    @Test
    void featuresThatAreNoNumbersAreNamedByTheirImageOrText() {
        assertThatThrownBy(() -> encode("b"))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("image b")
                .hasMessageContaining("NaN among its features")
                .hasMessageContaining("replace the input");
        assertThat(new TextFeatureSource(model, TEXTS).name(2)).isEqualTo("text 'red'");
    }

    @Test
    void whatWasNotEncodedIsNamed() throws IOException {
        EncodedData data = encode("none of them");
        assertThat(data.images(List.of("c", "a")).lengths()).hasSize(2);
        assertThatThrownBy(() -> data.embeddings(List.of("a", "x")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("image 'x' is not among the 3 that were encoded");
        assertThatThrownBy(() -> data.texts(List.of("blue")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("text 'blue' is not among the 3 that were encoded");
    }

    private static void assertClose(INDArray actual, INDArray expected) {
        assertThat(actual.sub(expected).amaxNumber().doubleValue()).isLessThan(1e-5);
    }
}
