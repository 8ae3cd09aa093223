package org.rafclip.onnx.sam;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import onnx.Onnx.TensorProto;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.data.DataException;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.Mask;
import org.rafclip.data.image.RgbImage;
import org.rafclip.data.segment.SamNetwork;
import org.rafclip.data.segment.SamSegmenter;
import org.rafclip.data.segment.Segmentation;
import org.rafclip.io.Safetensors;
import org.rafclip.onnx.Models;
import org.rafclip.ops.JavaOps;
import org.rafclip.photos.PhotoData;
import org.rafclip.photos.SamConfig;
import org.rafclip.photos.SegmenterChoice;

/** SAM's networks against PyTorch: exports of {@code src/test/python/write_exports.py}. */
class OnnxSamNetworkTest {

    @TempDir
    private Path dir;

    /** The photo that the golden masks are for. */
    private static final int WIDTH = 75;

    private static final int HEIGHT = 50;

    @BeforeAll
    static void install() {
        JavaOps.install();
    }

    @ParameterizedTest
    @CsvSource({
        "sam-14, 1, SAMEDIFF", "sam-17, 4, SAMEDIFF", "mobile-sam-12-unfolded, 1, SAMEDIFF",
        "mobile-sam-17, 4, SAMEDIFF", "sam-14, 1, ONNXRUNTIME", "sam-17, 4, ONNXRUNTIME",
        "mobile-sam-12-unfolded, 1, ONNXRUNTIME", "mobile-sam-17, 4, ONNXRUNTIME"
    })
    void networksAnswerAsPyTorch(String name, int masks, SamConfig.Engine engine) throws Exception {
        Map<String, INDArray> golden = Safetensors.readAll(file(name, "golden.safetensors"));
        try (OnnxSamNetwork network = open(name, engine)) {
            float[] embedding = network.embedding(golden.get("image"))[0];
            SamNetwork.Masks answer = network.decode(
                    new float[][] {floats(golden.get("image_embeddings"))}, floats(golden.get("point_coords")));

            assertThat(network.frameSize()).isEqualTo(64);
            assertClose(embedding, golden.get("image_embeddings"));
            assertThat(answer.count()).isEqualTo(masks);
            assertThat(answer.side()).isEqualTo(16);
            assertClose(answer.logits(), golden.get("low_res_masks"));
            assertClose(answer.scores(), golden.get("iou_predictions"));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "efficient-sam-17, SAMEDIFF",
        "efficient-sam-17, ONNXRUNTIME",
        "sam2-17, SAMEDIFF",
        "sam2-17, ONNXRUNTIME"
    })
    void relativesAnswerAsTheirOriginals(String name, SamConfig.Engine engine) throws Exception {
        Map<String, INDArray> golden = Safetensors.readAll(file(name, "golden.safetensors"));
        try (OnnxSamNetwork network = open(name, engine)) {
            float[][] embedding = network.encode(photo(golden));
            SamNetwork.Masks answer = network.decode(embedding, floats(golden.get("corners")));

            assertThat(network.frameSize()).isEqualTo(64);
            assertThat(network.fit()).isEqualTo(SamNetwork.Fit.STRETCHED);
            for (int i = 0; i < embedding.length; i++) {
                assertClose(embedding[i], golden.get("embedding_" + i));
            }
            assertThat(answer.count()).isEqualTo(3);
            assertThat(answer.side()).isEqualTo(16);
            assertThat(answer.firstIsClear()).isFalse();
            assertClose(answer.logits(), golden.get("logits"));
            assertClose(answer.scores(), golden.get("scores"));
        }
    }

    @ParameterizedTest
    @EnumSource
    void aDecoderOfSam2ThatChoosesItsMaskItselfIsTaken(SamConfig.Engine engine) throws Exception {
        Map<String, INDArray> golden = Safetensors.readAll(file("sam2-17", "golden.safetensors"));
        try (SamNetwork network =
                new OnnxSamNetwork(file("sam2-17", "encoder.onnx"), file("sam2-17", "single.onnx"), engine)) {
            SamNetwork.Masks answer = network.decode(network.encode(photo(golden)), floats(golden.get("corners")));

            assertThat(answer.count()).isEqualTo(1);
            assertClose(answer.logits(), golden.get("single"));
        }
    }

    /** Photos are twice as wide as high: each pixel of these is two of the golden one's, and a mask is taken back to them. */
    @ParameterizedTest
    @CsvSource({"efficient-sam-17", "sam2-17"})
    void masksOfStretchedPhotosAreThoseOfTheOriginals(String name) throws Exception {
        Map<String, INDArray> golden = Safetensors.readAll(file(name, "golden.safetensors"));
        float[] wanted = floats(golden.get("masks"));
        SamNetwork.Masks masks;
        try (OnnxSamNetwork network = open(name, SamConfig.Engine.SAMEDIFF)) {
            masks = network.decode(network.encode(photo(golden)), floats(golden.get("corners")));
        }
        for (int choice = 0; choice < 3; choice++) {
            float[] scores = new float[3];
            scores[choice] = 1;
            SamNetwork.Masks answer = new SamNetwork.Masks(3, 16, masks.logits(), scores, false);
            Mask mask;
            try (SamSegmenter segmenter = new SamSegmenter(
                    () -> "golden", () -> answering(answer, SamNetwork.Fit.STRETCHED), SamSegmenter.Choice.SINGLE)) {
                mask = segmenter
                        .segment(new RgbImage(128, 64, new byte[3 * 128 * 64]), new Box(0, 0, 127, 63))
                        .mask();
            }
            int differing = 0;
            for (int i = 0; i < 128 * 64; i++) {
                float logit = wanted[choice * 128 * 64 + i];
                differing += mask.inside()[i] != logit > 0 && Math.abs(logit) > 1e-4 ? 1 : 0;
            }
            assertThat(differing).as("mask %d", choice).isZero();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "mobile-sam-17-hwc, SAMEDIFF",
        "mobile-sam-17-hwc, ONNXRUNTIME",
        "mobile-sam-17-bchw, SAMEDIFF",
        "mobile-sam-17-bchw, ONNXRUNTIME"
    })
    void anEncoderThatTakesBytesNormalisesThemItself(String name, SamConfig.Engine engine) throws Exception {
        Map<String, INDArray> golden = Safetensors.readAll(file(name, "golden.safetensors"));
        try (SamNetwork network =
                new OnnxSamNetwork(file(name, "encoder.onnx"), file("mobile-sam-17", "decoder.onnx"), engine)) {
            assertThat(network.frameSize()).isEqualTo(64);
            assertThat(network.fit()).isEqualTo(SamNetwork.Fit.PADDED);
            assertClose(network.encode(photo(golden))[0], golden.get("embedding_0"));
        }
    }

    /** A graph that normalises pads a wide photo and a high one itself, with what is zero then. */
    @ParameterizedTest
    @EnumSource
    void bytesOfAnySizeAreEncodedAsTheNormalisedPhotoIs(SamConfig.Engine engine) {
        Path decoder = file("mobile-sam-17", "decoder.onnx");
        try (SamNetwork bytes = new OnnxSamNetwork(file("mobile-sam-17-hwc", "encoder.onnx"), decoder, engine);
                SamNetwork floats = open("mobile-sam-17", engine)) {
            for (RgbImage photo : List.of(photo(64, 41), photo(30, 64), photo(64, 64))) {
                float[] wanted = floats.encode(photo)[0];
                assertThat(bytes.encode(photo)[0])
                        .usingComparatorWithPrecision(1e-4f)
                        .containsExactly(wanted);
            }
        }
    }

    @Test
    void masksInThePhotoAreThoseOfPyTorchsPostProcessing() throws Exception {
        Map<String, INDArray> golden = Safetensors.readAll(file("sam-17", "golden.safetensors"));
        float[] low = floats(golden.get("low_res_masks"));
        float[] wanted = floats(golden.get("masks"));
        for (int choice = 0; choice < 4; choice++) {
            float[] scores = new float[4];
            scores[choice] = 1;
            SamSegmenter.Choice which = choice == 0 ? SamSegmenter.Choice.SINGLE : SamSegmenter.Choice.BEST;
            Mask mask;
            try (SamSegmenter segmenter = new SamSegmenter(
                    () -> "golden",
                    () -> answering(new SamNetwork.Masks(4, 16, low, scores, true), SamNetwork.Fit.PADDED),
                    which)) {
                mask = segmenter
                        .segment(
                                new RgbImage(WIDTH, HEIGHT, new byte[3 * WIDTH * HEIGHT]),
                                new Box(0, 0, WIDTH - 1, HEIGHT - 1))
                        .mask();
            }
            int differing = 0;
            for (int i = 0; i < WIDTH * HEIGHT; i++) {
                float logit = wanted[choice * WIDTH * HEIGHT + i];
                differing += mask.inside()[i] != logit > 0 && Math.abs(logit) > 1e-6 ? 1 : 0;
            }
            assertThat(differing).as("mask %d", choice).isZero();
        }
    }

    @ParameterizedTest
    @CsvSource({"sam-14, SINGLE", "sam-17, SINGLE", "sam-17, BEST", "mobile-sam-17, BEST"})
    void bothEnginesGiveTheSameMasks(String name, SamSegmenter.Choice choice) {
        RgbImage photo = photo(90, 60);
        List<Box> boxes = List.of(new Box(5, 5, 30, 25), new Box(0, 0, 89, 59), new Box(40, 10, 88, 50));
        List<List<Segmentation>> answers = new ArrayList<>();
        for (SamConfig.Engine engine : SamConfig.Engine.values()) {
            try (SamSegmenter segmenter = segmenter(name, choice, engine)) {
                answers.add(segmenter.segment(photo, boxes));

                assertThat(segmenter.cost().photos()).isEqualTo(1);
                assertThat(segmenter.cost().boxes()).isEqualTo(3);
            }
        }
        assertThat(answers.get(0)).isEqualTo(answers.get(1));
        assertThat(answers.get(0)).anyMatch(answer -> !answer.fallback());
    }

    @ParameterizedTest
    @EnumSource
    void aRunNamesItsNetworksAndWhatRunsThem(SamConfig.Engine engine) {
        try (SamSegmenter segmenter = segmenter("sam-17", SamSegmenter.Choice.BEST, engine)) {
            assertThat(segmenter.id())
                    .matches("sam-1-" + engine.name().toLowerCase(Locale.ROOT) + "-[0-9a-f]{12}-[0-9a-f]{12}-best");
        }
    }

    @ParameterizedTest
    @EnumSource
    void filesInTheWrongRoleAreRefused(SamConfig.Engine engine) {
        Path encoder = file("sam-17", "encoder.onnx");
        Path decoder = file("sam-17", "decoder.onnx");

        assertThatThrownBy(() -> new OnnxSamNetwork(decoder, decoder, engine))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("decoder.onnx: an image encoder has one input");
        assertThatThrownBy(() -> new OnnxSamNetwork(encoder, encoder, engine))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("a mask decoder has image_embeddings");
        assertThatThrownBy(() -> new OnnxSamNetwork(file("sam-17", "golden.safetensors"), decoder, engine))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("golden.safetensors: ");
        assertThatThrownBy(() -> new OnnxSamNetwork(encoder, Path.of("none.onnx"), engine))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("none.onnx: there is no such file");
    }

    @ParameterizedTest
    @CsvSource({
        "INT8, SAMEDIFF, pixels",
        "INT8, ONNXRUNTIME, pixels",
        "INT64, SAMEDIFF, pixels",
        "FLOAT16, ONNXRUNTIME, --sam-engine samediff"
    })
    void anEncoderOfOtherNumbersIsRefusedWithARemedy(TensorProto.DataType type, SamConfig.Engine engine, String remedy)
            throws Exception {
        Path encoder = Models.withInputs(file("sam-17", "encoder.onnx"), dir.resolve("e.onnx"), input -> {
            input.getTypeBuilder().getTensorTypeBuilder().setElemType(type.getNumber());
            return input;
        });

        assertThatThrownBy(() -> new OnnxSamNetwork(encoder, file("sam-17", "decoder.onnx"), engine))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("e.onnx: image is " + type)
                .hasMessageContaining(remedy);
    }

    @Test
    void aDecoderOfOtherNumbersIsRefused() throws Exception {
        Path decoder = Models.withInputs(file("sam-17", "decoder.onnx"), dir.resolve("d.onnx"), input -> {
            if (input.getName().equals("point_labels")) {
                input.getTypeBuilder().getTensorTypeBuilder().setElemType(TensorProto.DataType.INT64_VALUE);
            }
            return input;
        });

        assertThatThrownBy(() -> new OnnxSamNetwork(file("sam-17", "encoder.onnx"), decoder, SamConfig.Engine.SAMEDIFF))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("d.onnx: point_labels is INT64");
    }

    @Test
    void twoFilesOfDifferentModelsAreRefusedByTheirNames() {
        assertRefused("sam2-17", "sam-17", "this decoder is SAM's or MobileSAM's");
        assertRefused("sam-17", "sam2-17", "this decoder is SAM 2's");
        assertRefused("sam-17", "efficient-sam-17", "this decoder is EfficientSAM's");
        assertRefused("efficient-sam-17", "sam-17", "this decoder is SAM's or MobileSAM's");
    }

    private static void assertRefused(String encoder, String decoder, String why) {
        assertThatThrownBy(() -> new OnnxSamNetwork(
                        file(encoder, "encoder.onnx"), file(decoder, "decoder.onnx"), SamConfig.Engine.SAMEDIFF))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(why)
                .hasMessageContaining("take both files from one model")
                .hasMessageNotContaining("\n");
    }

    @Test
    void aDecoderNobodyKnowsIsRefusedWithTheNamesOfThoseThatAreTaken() {
        Path decoder = file("hf-17", "text.onnx");

        assertThatThrownBy(() -> new OnnxSamNetwork(file("sam-17", "encoder.onnx"), decoder, SamConfig.Engine.SAMEDIFF))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("text.onnx: a mask decoder has image_embeddings, point_coords, point_labels and"
                        + " gives low_res_masks, iou_predictions (SAM's or MobileSAM's)")
                .hasMessageContaining("(EfficientSAM's)")
                .hasMessageContaining("(SAM 2's)")
                .hasMessageContaining("this has [tokens]");
    }

    private static SamSegmenter segmenter(String name, SamSegmenter.Choice choice, SamConfig.Engine engine) {
        SamConfig sam = new SamConfig(file(name, "encoder.onnx"), file(name, "decoder.onnx"), choice, engine);
        return (SamSegmenter) PhotoData.segmenter(SegmenterChoice.SAM, Path.of("."), sam);
    }

    private static RgbImage photo(int width, int height) {
        byte[] rgb = new byte[3 * width * height];
        for (int i = 0; i < rgb.length; i++) {
            rgb[i] = (byte) (i * 7 % 251);
        }
        return new RgbImage(width, height, rgb);
    }

    private static SamNetwork answering(SamNetwork.Masks masks, SamNetwork.Fit fit) {
        return new SamNetwork() {
            @Override
            public int frameSize() {
                return 64;
            }

            @Override
            public Fit fit() {
                return fit;
            }

            @Override
            public float[][] encode(RgbImage photo) {
                return new float[0][];
            }

            @Override
            public Masks decode(float[][] embedding, float[] corners) {
                return masks;
            }

            @Override
            public void close() {}
        };
    }

    private static OnnxSamNetwork open(String name, SamConfig.Engine engine) {
        return new OnnxSamNetwork(file(name, "encoder.onnx"), file(name, "decoder.onnx"), engine);
    }

    /** The photo that an export was tried on. */
    private static RgbImage photo(Map<String, INDArray> golden) {
        INDArray colors = golden.get("photo");
        float[] values = floats(colors);
        byte[] rgb = new byte[values.length];
        for (int i = 0; i < rgb.length; i++) {
            rgb[i] = (byte) (int) values[i];
        }
        return new RgbImage((int) colors.size(1), (int) colors.size(0), rgb);
    }

    private static Path file(String folder, String name) {
        try {
            return Path.of(OnnxSamNetworkTest.class
                    .getResource("/org/rafclip/onnx/exports/" + folder + "/" + name)
                    .toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    private static float[] floats(INDArray array) {
        return array.dup('c').data().asFloat();
    }

    private static void assertClose(float[] actual, INDArray expected) {
        float[] wanted = floats(expected);
        assertThat(actual).hasSameSizeAs(wanted);
        for (int i = 0; i < wanted.length; i++) {
            assertThat(Math.abs(actual[i] - wanted[i])).as("number %d", i).isLessThan(1e-4f);
        }
    }
}
